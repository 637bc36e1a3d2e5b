// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the shop asks the services that it needs.
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use trifuse::axum::Failed;
use trifuse::reqwest::{Client, Policies};
use trifuse::{Bulkhead, CallError, CircuitBreaker, Clock, Config, ConfigError, Fallback, Preset, Retry};

use crate::Addresses;

type Answer = Result<Value, CallError<reqwest::Error>>;

#[derive(Clone)]
pub(crate) struct Clients {
    client: Client,
    addresses: Addresses,
    bestsellers: Fallback<Value, CallError<reqwest::Error>>,
}

impl Clients {
    pub(crate) fn new(addresses: &Addresses, clock: Clock) -> Result<Self, ConfigError> {
        let policies = |preset| {
            let places = Bulkhead::builder("each").limit(50).max_queue(2_000);
            Policies::new()
                .circuit_breaker(Config::preset(preset))
                .bulkhead(places.max_wait(Duration::from_secs(5)))
        };
        let names = addresses.clone();
        let client = Client::builder()
            .name("shop")
            .clock(clock)
            .key(move |request| names.name_of(request.url().port()).to_owned())
            .host("catalogue", policies(Preset::Default))
            // Nobody is to pay twice: what has no idempotency key is never sent again.
            .host("payments", policies(Preset::Payment))
            .host("recommendations", policies(Preset::Recommendation))
            .retry(Retry::builder("shop").max_retries(1).delay(Duration::from_millis(5)).build()?)
            .total_timeout(Duration::from_secs(8))
            .build()?;
        let bestsellers = Fallback::new("recommendations").value(json!(["bestseller"]));
        Ok(Self { client, addresses: addresses.clone(), bestsellers })
    }

    pub(crate) fn breakers(&self) -> Vec<CircuitBreaker> {
        self.client.breakers()
    }

    pub(crate) async fn product(&self, id: u64) -> Result<Value, Failed> {
        Ok(self.ask(self.addresses.catalogue, &format!("products/{id}")).await?)
    }

    /// Somebody's own, or what everybody likes.
    pub(crate) async fn recommended(&self, id: u64) -> Value {
        let path = format!("for/{id}");
        let own = self.ask(self.addresses.recommendations, &path);
        let answer = self.bestsellers.call_async(own).await;
        answer.unwrap_or_else(|_| json!([]))
    }

    pub(crate) async fn charge(&self, id: u64) -> Result<Value, Failed> {
        let url = format!("http://{}/charges/{id}", self.addresses.payments);
        let answer = self.client.post(url).send().await?;
        let paid = answer.error_for_status().map_err(CallError::Operation)?;
        Ok(paid.json().await.map_err(CallError::Operation)?)
    }

    async fn ask(&self, service: SocketAddr, path: &str) -> Answer {
        let answer = self.client.get(format!("http://{service}/{path}")).send().await?;
        let found = answer.error_for_status().map_err(CallError::Operation)?;
        found.json().await.map_err(CallError::Operation)
    }
}
