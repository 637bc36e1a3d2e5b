// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a request goes, and whether it may be sent more than once.
use ::http::HeaderMap;
use ::reqwest::{Request, Url};

/// Scheme, host and port, the port always with it.
pub(crate) fn origin(url: &Url) -> String {
    let (scheme, host) = (url.scheme(), url.host_str().unwrap_or_default());
    match url.port_or_known_default() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}

/// Whether a request can be sent twice, which a stream cannot, and means the same then: by its method, or by an
/// Idempotency-Key. What an SDK sends that makes requests again itself, and says so in a header, is left to it.
pub(crate) fn may_repeat(request: &Request) -> bool {
    let headers = request.headers();
    if headers.contains_key("x-stainless-retry-count") {
        return false;
    }
    let is_stream = request.body().is_some_and(|body| body.as_bytes().is_none());
    !is_stream && (request.method().is_idempotent() || has_key(headers))
}

fn has_key(headers: &HeaderMap) -> bool {
    headers.get("idempotency-key").is_some_and(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use ::http::Method;

    use super::*;

    fn request(method: Method, header: Option<(&'static str, &'static str)>) -> Request {
        let mut request = Request::new(method, Url::parse("http://a.example/").unwrap());
        if let Some((name, value)) = header {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        request
    }

    #[test]
    fn an_origin_has_its_port_and_is_written_in_one_way() {
        let of = |url| origin(&Url::parse(url).unwrap());
        assert_eq!(of("https://API.example.com/v1?x=1#y"), "https://api.example.com:443");
        assert_eq!(of("http://user:secret@api.example.com/"), "http://api.example.com:80");
        assert_eq!(of("http://[::1]:8080/"), "http://[::1]:8080");
    }

    #[test]
    fn requests_that_may_be_sent_twice_are_known_by_method_or_key() {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE]
        {
            assert!(may_repeat(&request(method, None)));
        }
        for method in [Method::POST, Method::PATCH, Method::CONNECT] {
            assert!(!may_repeat(&request(method.clone(), None)));
            assert!(!may_repeat(&request(method.clone(), Some(("idempotency-key", "")))));
            assert!(may_repeat(&request(method, Some(("idempotency-key", "7")))));
        }
        assert!(!may_repeat(&request(Method::GET, Some(("x-stainless-retry-count", "0")))));
    }
}
