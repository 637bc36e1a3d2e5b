// SPDX-License-Identifier: MIT OR Apache-2.0
//! The check of a database, on a real PostgreSQL and on SQLite in memory.
mod postgres;

use std::time::Duration;

use postgres::{Postgres, postgres_or_skip};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::SqlitePoolOptions;
use trifuse::health::{DatabaseCheck, Health, HealthCheck, HealthReport, Status};

async fn report_of(check: impl HealthCheck) -> HealthReport {
    let health = Health::builder().without_breakers().timeout(Duration::from_secs(20));
    health.check("database", check).build().unwrap().report().await
}

fn told(report: &HealthReport) -> (Status, &str) {
    (report.status, &report.checks[0].message)
}

// SEED-22
#[tokio::test]
async fn sqlite_in_memory_is_asked() {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    assert_eq!(told(&report_of(DatabaseCheck::new(pool.clone())).await), (Status::Healthy, ""));
    let missing = DatabaseCheck::new(pool.clone()).query("SELECT 1 FROM secret_table");
    assert_eq!(told(&report_of(missing).await), (Status::Unhealthy, "the database refused (code 1)"));
    let empty = DatabaseCheck::new(pool.clone()).query("SELECT 1 WHERE 1 = 0");
    assert_eq!(told(&report_of(empty).await), (Status::Unhealthy, "the query gave no row"));
    pool.close().await;
    assert_eq!(told(&report_of(DatabaseCheck::new(pool)).await), (Status::Unhealthy, "the pool is closed"));
}

#[tokio::test]
async fn a_pool_without_a_free_connection_is_unhealthy() {
    let options = SqlitePoolOptions::new().max_connections(1).acquire_timeout(Duration::from_millis(50));
    let pool = options.connect("sqlite::memory:").await.unwrap();
    let _taken = pool.acquire().await.unwrap();
    let expected = (Status::Unhealthy, "no connection of the pool was free in time");
    assert_eq!(told(&report_of(DatabaseCheck::new(pool.clone())).await), expected);
}

// SEED-22
#[tokio::test]
async fn postgresql_is_asked_killed_and_asked_again() {
    let Some(mut server) = postgres_or_skip() else { return };
    let options = PgPoolOptions::new().acquire_timeout(Duration::from_secs(2));
    let pool = options.connect(&server.url("postgres")).await.unwrap();
    let check = || DatabaseCheck::new(pool.clone());
    assert_eq!(told(&report_of(check()).await), (Status::Healthy, ""));
    server.kill();
    let report = report_of(check()).await;
    assert_eq!(report.status, Status::Unhealthy);
    let written = serde_json::to_string(&report).unwrap();
    assert!(!written.contains("127.0.0.1") && !written.contains(&server.port.to_string()), "{written}");
    server.start();
    assert_eq!(told(&report_of(check()).await), (Status::Healthy, ""));
    let denied = check().query("SELECT 1 FROM secret_table");
    assert_eq!(told(&report_of(denied).await), (Status::Unhealthy, "the database refused (code 42P01)"));
    assert!(Postgres::is_unprivileged(&server));
}
