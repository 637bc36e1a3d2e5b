// SPDX-License-Identifier: MIT OR Apache-2.0
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use trifuse::axum::Failed;

use crate::clients::Clients;

/// What visitors see.
pub(crate) fn pages(clients: Clients) -> Router {
    Router::new().route("/products/{id}", get(product)).route("/orders/{id}", post(order)).with_state(clients)
}

async fn product(State(clients): State<Clients>, Path(id): Path<u64>) -> Result<Json<Value>, Failed> {
    let (product, recommended) = tokio::join!(clients.product(id), clients.recommended(id));
    Ok(Json(json!({ "product": product?, "recommended": recommended })))
}

async fn order(
    State(clients): State<Clients>,
    Path(id): Path<u64>,
) -> Result<(StatusCode, Json<Value>), Failed> {
    Ok((StatusCode::CREATED, Json(clients.charge(id).await?)))
}

/// What Prometheus sees.
pub(crate) fn metrics(render: impl Fn() -> String + Clone + Send + Sync + 'static) -> Router {
    Router::new().route("/metrics", get(async move || render()))
}
