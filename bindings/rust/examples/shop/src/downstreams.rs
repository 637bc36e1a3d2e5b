// SPDX-License-Identifier: MIT OR Apache-2.0
//! The services that the shop needs, in this process, with failures by schedule.
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::Addresses;

/// How long it is since the beginning.
pub type Elapsed = Arc<dyn Fn() -> Duration + Send + Sync>;

/// When a service fails, in seconds since the beginning.
#[derive(Clone)]
pub struct Schedule {
    elapsed: Elapsed,
    down: Range<u64>,
}

impl Schedule {
    pub fn new(elapsed: Elapsed, down: Range<u64>) -> Self {
        Self { elapsed, down }
    }

    fn answer(&self, answer: impl IntoResponse) -> Response {
        if self.down.contains(&(self.elapsed)().as_secs()) {
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        } else {
            answer.into_response()
        }
    }
}

/// A server on a port of its own.
pub struct Server {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    pub async fn start(app: Router, address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        let server = axum::serve(listener, service).with_graceful_shutdown(async move {
            let _ = stopped.await;
        });
        Ok(Self { address, stop, task: tokio::spawn(async move { server.await }) })
    }

    /// Lets requests end, then closes all connections.
    pub async fn stop(self) -> io::Result<()> {
        let _ = self.stop.send(());
        self.task.await.map_err(io::Error::other)?
    }
}

/// All three.
pub struct Downstreams {
    pub catalogue: Server,
    pub payments: Server,
    pub recommendations: Server,
}

impl Downstreams {
    /// The catalogue is always there; the others fail by their schedules.
    pub async fn start(payments: Schedule, recommendations: Schedule) -> io::Result<Self> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let product = |Path(id): Path<String>| async move { Json(json!({ "id": id, "price": 12 })) };
        let pay = async move |Path(id): Path<String>| payments.answer(Json(json!({ "paid": id })));
        let own = async move |Path(id): Path<String>| {
            recommendations.answer(Json(json!([format!("goes with {id}")])))
        };
        let catalogue = Router::new().route("/products/{id}", get(product));
        let payments = Router::new().route("/charges/{id}", post(pay));
        let recommendations = Router::new().route("/for/{id}", get(own));
        Ok(Self {
            catalogue: Server::start(catalogue, any).await?,
            payments: Server::start(payments, any).await?,
            recommendations: Server::start(recommendations, any).await?,
        })
    }

    pub fn addresses(&self) -> Addresses {
        Addresses {
            catalogue: self.catalogue.address,
            payments: self.payments.address,
            recommendations: self.recommendations.address,
        }
    }

    pub async fn stop(self) -> io::Result<()> {
        self.catalogue.stop().await?;
        self.payments.stop().await?;
        self.recommendations.stop().await
    }
}
