// SPDX-License-Identifier: MIT OR Apache-2.0
//! A thousand visitors at once.
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use http_body_util::BodyExt;
use shop::downstreams::{Downstreams, Schedule};
use std::net::SocketAddr;
use tokio::runtime::Handle;
use tower::ServiceExt;

const VISITORS: usize = 1_000;

/// Each visitor from an address of its own.
fn visit(visitor: usize) -> Request {
    let [.., high, low] = visitor.to_be_bytes();
    let peer = SocketAddr::from(([10, 0, high, low], 40_000));
    Request::get("/products/7").extension(ConnectInfo(peer)).body(Body::empty()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_visitors_at_once_get_their_page_and_no_task_is_left() {
    let before = Handle::current().metrics().num_alive_tasks();
    let never = Schedule::new(Arc::new(|| Duration::ZERO), 1..1);
    let downstreams = Downstreams::start(never.clone(), never).await.unwrap();
    let app = shop::shop(&downstreams.addresses(), "secret", trifuse::Clock::default()).unwrap();
    let all: Vec<_> = (0..VISITORS)
        .map(|visitor| {
            let app = app.clone();
            tokio::spawn(async move {
                let (head, body) = app.oneshot(visit(visitor)).await.unwrap().into_parts();
                let page = body.collect().await.unwrap().to_bytes();
                let page: serde_json::Value = serde_json::from_slice(&page).unwrap();
                (head.status.as_u16(), page["recommended"][0].as_str() == Some("goes with 7"))
            })
        })
        .collect();
    for answer in futures::future::join_all(all).await {
        assert_eq!(answer.unwrap(), (200, true));
    }
    drop(app);
    downstreams.stop().await.unwrap();
    // Connections that were kept end by themselves.
    for _ in 0..2_000 {
        if Handle::current().metrics().num_alive_tasks() <= before {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
}
