// SPDX-License-Identifier: MIT OR Apache-2.0
//! The header `grpc-timeout`: what is left of a call's time, told to the server.
use std::time::Duration;

use ::http::{HeaderMap, HeaderValue};

const TIMEOUT: &str = "grpc-timeout";
const MOST: u128 = 99_999_999;

/// What the call says itself.
pub(crate) fn told(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(value * 3600),
        "M" => Duration::from_secs(value * 60),
        "S" => Duration::from_secs(value),
        "m" => Duration::from_millis(value),
        "u" => Duration::from_micros(value),
        "n" => Duration::from_nanos(value),
        _ => return None,
    })
}

/// In the finest unit that it fits, and rounded up: who waits gives up first.
pub(crate) fn tell(headers: &mut HeaderMap, left: Duration) {
    let units = [(1, 'n'), (1_000, 'u'), (1_000_000, 'm'), (1_000_000_000, 'S'), (3_600_000_000_000, 'H')];
    let text = units.into_iter().find_map(|(size, unit)| {
        let value = left.as_nanos().div_ceil(size);
        (value <= MOST).then(|| format!("{value}{unit}"))
    });
    let text = text.unwrap_or_else(|| format!("{MOST}H"));
    headers.insert(TIMEOUT, HeaderValue::try_from(text).expect("digits and a letter"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(left: Duration) -> String {
        let mut headers = HeaderMap::new();
        tell(&mut headers, left);
        headers[TIMEOUT].to_str().unwrap().to_owned()
    }

    #[test]
    fn a_timeout_is_told_in_at_most_eight_digits_and_never_shorter() {
        assert_eq!(text(Duration::from_nanos(7)), "7n");
        assert_eq!(text(Duration::from_millis(100)), "100000u");
        assert_eq!(text(Duration::from_nanos(100_000_001)), "100001u");
        assert_eq!(text(Duration::from_secs(100)), "100000m");
        assert_eq!(text(Duration::from_secs(86_400 * 365)), "31536000S");
        assert_eq!(text(Duration::MAX), "99999999H");
        for left in [1, 999, 1_000_001, 99_999_999_999, 86_400_000_000_001] {
            let mut headers = HeaderMap::new();
            let left = Duration::from_nanos(left);
            tell(&mut headers, left);
            let read = told(&headers).unwrap();
            assert!(
                read >= left && read <= left + left / 1000 + Duration::from_nanos(1),
                "{left:?} {read:?}"
            );
        }
    }

    #[test]
    fn what_is_no_timeout_says_nothing() {
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(TIMEOUT, HeaderValue::from_static(text));
            told(&headers)
        };
        assert_eq!(of("2S"), Some(Duration::from_secs(2)));
        assert_eq!(of("3M"), Some(Duration::from_secs(180)));
        for bad in ["", "S", "2", "-2S", "2x", "123456789S", "1.5S"] {
            assert_eq!(of(bad).filter(|_| bad != "S"), None, "{bad}");
        }
        assert_eq!(told(&HeaderMap::new()), None);
    }
}
