// SPDX-License-Identifier: MIT OR Apache-2.0
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::StatusCode;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

pub(crate) fn get(path: &str) -> Request {
    Request::get(path).body(Body::empty()).unwrap()
}

pub(crate) async fn ask(app: &Router, request: Request) -> Response {
    app.clone().oneshot(request).await.unwrap()
}

/// The status, with the body read to its end.
pub(crate) async fn status(app: &Router, request: Request) -> u16 {
    let (head, body) = ask(app, request).await.into_parts();
    let _ = body.collect().await;
    head.status.as_u16()
}

pub(crate) async fn told(response: Response) -> (StatusCode, Value) {
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (head.status, serde_json::from_slice(&bytes).unwrap())
}

pub(crate) fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}
