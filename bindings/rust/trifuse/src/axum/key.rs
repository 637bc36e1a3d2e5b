// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys of requests.
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ::axum::extract::connect_info::MockConnectInfo;
use ::axum::extract::{ConnectInfo, MatchedPath, Request};
use http::HeaderName;

/// Key: the route, such as `/orders/{id}`; where there is none, the path as requested.
///
/// ```
/// use axum::extract::Request;
/// use axum::body::Body;
/// let request = Request::builder().uri("/orders/7?all").body(Body::empty()).unwrap();
/// assert_eq!(trifuse::axum::by_route(&request), "/orders/7");
/// ```
#[must_use]
pub fn by_route(request: &Request) -> String {
    match request.extensions().get::<MatchedPath>() {
        Some(route) => route.as_str().to_owned(),
        None => by_path(request),
    }
}

/// Key: the path as requested. Paths with identities in them make a key each; see [`by_route`].
///
/// ```
/// use axum::extract::Request;
/// use axum::body::Body;
/// let request = Request::builder().uri("/orders/7?all").body(Body::empty()).unwrap();
/// assert_eq!(trifuse::axum::by_path(&request), "/orders/7");
/// ```
#[must_use]
pub fn by_path(request: &Request) -> String {
    request.uri().path().to_owned()
}

/// Key: a header, such as `x-api-key`. Requests without it share one key, the empty text.
///
/// # Panics
/// When the name is none that a header can have.
///
/// ```
/// use axum::extract::Request;
/// use axum::body::Body;
/// let request = Request::builder().header("x-api-key", "ann").body(Body::empty()).unwrap();
/// assert_eq!(trifuse::axum::by_header("X-API-Key")(&request), "ann");
/// assert_eq!(trifuse::axum::by_header("x-tenant")(&request), "");
/// ```
pub fn by_header(name: &str) -> impl Fn(&Request) -> String + Clone + use<> {
    let name = HeaderName::from_bytes(name.as_bytes()).expect("the name of a header");
    move |request| {
        let value = request.headers().get(&name);
        value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
    }
}

/// Key: the address of the peer. Behind a proxy that is the proxy: then key by a header it sets.
///
/// It is known where the application is served with `into_make_service_with_connect_info::<SocketAddr>()`;
/// elsewhere all requests share one key, `0.0.0.0`.
///
/// ```
/// use axum::body::Body;
/// use axum::extract::{ConnectInfo, Request};
/// use std::net::SocketAddr;
///
/// let peer = SocketAddr::from(([10, 0, 0, 7], 40_000));
/// let request = Request::builder().extension(ConnectInfo(peer)).body(Body::empty()).unwrap();
/// assert_eq!(trifuse::axum::by_peer(&request), peer.ip());
/// ```
#[must_use]
pub fn by_peer(request: &Request) -> IpAddr {
    let extensions = request.extensions();
    let real = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let mock = || extensions.get::<MockConnectInfo<SocketAddr>>().map(|MockConnectInfo(peer)| peer.ip());
    real.or_else(mock).map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.to_canonical())
}
