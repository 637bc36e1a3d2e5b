// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::{Duration, SystemTime};

use ::http::header::{DATE, RETRY_AFTER};
use ::http::{HeaderMap, HeaderName};

/// More than a year is a year.
const MOST: Duration = Duration::from_secs(31_536_000);

/// Milliseconds; what gRPC and some services say.
const IN_MILLISECONDS: [HeaderName; 3] = [
    HeaderName::from_static("retry-after-ms"),
    HeaderName::from_static("x-ms-retry-after-ms"),
    HeaderName::from_static("grpc-retry-pushback-ms"),
];

/// The time after which the server wants to be asked again; `None`: it did not say, or nothing that can be
/// read.
///
/// Read are `retry-after-ms`, `x-ms-retry-after-ms` and `grpc-retry-pushback-ms`, then `Retry-After` in seconds, whole or not, and
/// as a date. A date counts from the response's own `Date` where there is one, so that a clock that is set
/// wrong does no harm; a date that has passed is zero.
///
/// ```
/// use std::time::Duration;
/// use http::HeaderMap;
/// use trifuse::http::retry_after;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("retry-after", "1.5".parse()?);
/// assert_eq!(retry_after(&headers), Some(Duration::from_millis(1500)));
/// headers.insert("date", "Sun, 06 Nov 1994 08:49:07 GMT".parse()?);
/// headers.insert("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT".parse()?);
/// assert_eq!(retry_after(&headers), Some(Duration::from_secs(30)));
/// headers.insert("retry-after", "soon".parse()?);
/// assert_eq!(retry_after(&headers), None);
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(milliseconds) = IN_MILLISECONDS.iter().filter_map(text).find_map(number) {
        return capped(milliseconds / 1e3);
    }
    let told = text(&RETRY_AFTER)?;
    if let Some(seconds) = number(told) {
        return capped(seconds);
    }
    let then = httpdate::parse_http_date(told).ok()?;
    let now = text(&DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    let wait = then.duration_since(now.unwrap_or_else(SystemTime::now)).unwrap_or(Duration::ZERO);
    Some(wait.min(MOST))
}

/// Digits with at most one point: neither a sign nor an exponent nor `inf`.
fn number(text: &str) -> Option<f64> {
    let plain = text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    text.parse().ok().filter(|_| plain)
}

fn capped(seconds: f64) -> Option<Duration> {
    Some(Duration::try_from_secs_f64(seconds).map_or(MOST, |wait| wait.min(MOST)))
}
