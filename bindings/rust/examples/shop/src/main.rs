// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs the shop for a minute, at the address that is given or at 127.0.0.1:8080, with a visitor who looks at a product and orders it twice a second.
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shop::downstreams::{Downstreams, Schedule, Server};
use trifuse::Clock;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let elapsed: shop::downstreams::Elapsed = Arc::new(move || began.elapsed());
    let payments = Schedule::new(elapsed.clone(), 10..25);
    let recommendations = Schedule::new(elapsed, 30..40);
    let downstreams = Downstreams::start(payments, recommendations).await?;
    let app = shop::shop(&downstreams.addresses(), "secret", Clock::default())?;
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let shop = Server::start(app, address.parse::<SocketAddr>()?).await?;
    println!("http://{0}/health, /health/circuit-breakers, /metrics; ends after a minute", shop.address);
    println!("payments fail from 10 s to 25 s, recommendations from 30 s to 40 s");

    let visitor = reqwest::Client::new();
    let mut tick = tokio::time::interval(Duration::from_millis(500));
    for visit in 0..120 {
        tick.tick().await;
        let page = visitor.get(format!("http://{}/products/{visit}", shop.address)).send().await?;
        let recommended = page.json::<serde_json::Value>().await?["recommended"].take();
        let order = visitor.post(format!("http://{}/orders/{visit}", shop.address)).send().await?;
        let wait = order.headers().get("retry-after").and_then(|wait| wait.to_str().ok());
        let wait = wait.map(|wait| format!(", again in {wait} s"));
        let second = began.elapsed().as_secs();
        println!(
            "{second:>2} s  page with {recommended}, order {}{}",
            order.status(),
            wait.unwrap_or_default()
        );
    }
    shop.stop().await?;
    Ok(downstreams.stop().await?)
}
