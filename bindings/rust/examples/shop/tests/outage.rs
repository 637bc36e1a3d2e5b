// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a visitor gets, second by second, while payments and later recommendations fail.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::{Value, json};
use shop::downstreams::{Downstreams, Elapsed, Schedule, Server};
use trifuse::ManualClock;

struct World {
    clock: ManualClock,
    downstreams: Downstreams,
    shop: Server,
    visitor: Client,
}

impl World {
    async fn new() -> Self {
        let clock = ManualClock::new();
        let (began, moving) = (clock.now_ns(), clock.clone());
        let elapsed: Elapsed = Arc::new(move || Duration::from_nanos(moving.now_ns() - began));
        let payments = Schedule::new(elapsed.clone(), 10..25);
        let recommendations = Schedule::new(elapsed, 40..46);
        let downstreams = Downstreams::start(payments, recommendations).await.unwrap();
        let app = shop::shop(&downstreams.addresses(), "secret", clock.clone().into()).unwrap();
        let shop = Server::start(app, SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        Self { clock, downstreams, shop, visitor: Client::new() }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.shop.address)
    }

    async fn get(&self, path: &str) -> Response {
        self.visitor.get(self.url(path)).send().await.unwrap()
    }

    async fn post(&self, path: &str) -> Response {
        self.visitor.post(self.url(path)).send().await.unwrap()
    }

    async fn json(&self, path: &str) -> (u16, Value) {
        let answer = self.get(path).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn stop(self) {
        drop(self.visitor);
        self.shop.stop().await.unwrap();
        self.downstreams.stop().await.unwrap();
    }
}

/// The same over and over is one entry.
fn runs<T: PartialEq + Clone>(all: &[T]) -> Vec<(T, usize)> {
    let mut runs: Vec<(T, usize)> = Vec::new();
    for one in all {
        match runs.last_mut() {
            Some((last, times)) if last == one => *times += 1,
            _ => runs.push((one.clone(), 1)),
        }
    }
    runs
}

#[tokio::test]
async fn visitors_are_served_as_well_as_can_be_while_services_fail() {
    let world = World::new().await;
    let (mut orders, mut waits, mut pages) = (Vec::new(), Vec::new(), Vec::new());
    for second in 0..60 {
        let order = world.post("/orders/7").await;
        orders.push(order.status().as_u16());
        if order.status() == 503 {
            assert_eq!(order.headers()["content-type"], "application/problem+json");
            waits.push(order.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap());
            let told: Value = order.json().await.unwrap();
            assert_eq!((&told["policy"], &told["reason"]), (&json!("circuit_breaker"), &json!("open")));
            assert!(!told.to_string().contains("payments"), "{told}");
        }
        let (status, page) = world.json("/products/7").await;
        assert_eq!((status, &page["product"]["price"]), (200, &json!(12)), "second {second}");
        pages.push(page["recommended"][0].as_str().unwrap().to_owned());
        match second {
            5 => the_shop_is_well(&world).await,
            16 => the_shop_is_degraded(&world).await,
            _ => {}
        }
        world.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(runs(&orders), ORDERS);
    assert_eq!(waits, (1..=9).rev().chain((1..=9).rev()).collect::<Vec<_>>());
    let own = "goes with 7".to_owned();
    let expected = [(own.clone(), 40), ("bestseller".to_owned(), 10), (own, 10)];
    assert_eq!(runs(&pages), expected);
    the_metrics_say_what_happened(&world, waits.len()).await;
    operators_can_close_payments(&world).await;
    world.stop().await;
}

/// Payments fail in the second 10. The circuit opens when more than 30 % of the window have failed, refuses
/// for 10 s at a time, and after a failed probe once more.
const ORDERS: [(u16, usize); 6] = [(201, 10), (502, 5), (503, 9), (502, 1), (503, 9), (201, 26)];

async fn the_shop_is_well(world: &World) {
    let (status, report) = world.json("/health").await;
    assert_eq!((status, &report["status"]), (200, &json!("healthy")));
    assert_eq!(world.get("/ready").await.status(), 200);
    let metrics = world.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("circuit_breaker_state{service=\"shop[payments]\"} 0\n"), "{metrics}");
}

async fn the_shop_is_degraded(world: &World) {
    let (status, report) = world.json("/health").await;
    assert_eq!((status, &report["status"]), (200, &json!("degraded")));
    let payments =
        json!({ "name": "circuit_breaker:shop[payments]", "status": "degraded", "message": "open" });
    assert!(report["checks"].as_array().unwrap().contains(&payments), "{report}");
    assert_eq!(world.get("/ready").await.status(), 200);
    let (_, states) = world.json("/health/circuit-breakers").await;
    assert_eq!(states["shop[payments]"]["state"], "open");
    assert_eq!(states["shop[catalogue]"]["state"], "closed");
    let metrics = world.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("circuit_breaker_state{service=\"shop[payments]\"} 1\n"), "{metrics}");
}

async fn the_metrics_say_what_happened(world: &World, refused: usize) {
    let metrics = world.get("/metrics").await.text().await.unwrap();
    let line = format!("circuit_breaker_rejections_total{{service=\"shop[payments]\"}} {refused}\n");
    assert!(metrics.contains(&line), "{metrics}");
    for name in ["catalogue", "payments", "recommendations"] {
        let closed = format!("circuit_breaker_state{{service=\"shop[{name}]\"}} 0\n");
        assert!(metrics.contains(&closed), "{metrics}");
    }
    assert!(metrics.contains("# TYPE circuit_breaker_failure_rate gauge\n"), "{metrics}");
}

async fn operators_can_close_payments(world: &World) {
    let open = "/admin/circuit-breakers/shop[payments]/open";
    assert_eq!(world.post(open).await.status(), 403);
    let told = world.visitor.post(world.url(open)).header("x-token", "secret").send().await.unwrap();
    assert_eq!(told.status(), 200);
    let refused = world.post("/orders/7").await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"1".parse().unwrap()));
}

#[tokio::test]
async fn what_a_visitor_writes_does_not_choose_what_payments_are_asked() {
    let world = World::new().await;
    assert_eq!(world.post("/orders/..%2Fcharges%2F7").await.status(), 400);
    assert_eq!(world.get("/products/7%3Fall").await.status(), 400);
    assert_eq!(world.post("/orders/7").await.status(), 201);
    world.stop().await;
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let world = World::new().await;
    let mut answers = Vec::new();
    for _ in 0..52 {
        answers.push(world.get("/products/7").await.status().as_u16());
    }
    assert_eq!(runs(&answers), [(200, 50), (429, 2)]);
    assert_eq!(world.get("/products/7").await.headers()["retry-after"], "1");
    assert_eq!(world.get("/health").await.status(), 200);
    world.stop().await;
}
