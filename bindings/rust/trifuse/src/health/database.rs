// SPDX-License-Identifier: MIT OR Apache-2.0
use std::borrow::Cow;
use std::fmt;

use sqlx::{Database, Error, Executor, Pool};

use crate::health::check::{Checked, HealthCheck};

/// The check of a database: takes a connection of the pool and runs `SELECT 1`. For every database of sqlx.
///
/// Reports tell what kind of failure it was, with the database's code of the error, and no addresses, users or
/// statements.
///
/// ```
/// use trifuse::health::{DatabaseCheck, Health};
///
/// fn health(pool: sqlx::AnyPool) -> Result<Health, trifuse::ConfigError> {
///     Health::builder().check("database", DatabaseCheck::new(pool)).build()
/// }
/// ```
pub struct DatabaseCheck<DB: Database> {
    pool: Pool<DB>,
    query: Cow<'static, str>,
}

impl<DB: Database> DatabaseCheck<DB> {
    /// A check of this pool.
    ///
    /// ```
    /// # fn checked(pool: sqlx::AnyPool) {
    /// let check = trifuse::health::DatabaseCheck::new(pool);
    /// # }
    /// ```
    #[must_use]
    pub fn new(pool: Pool<DB>) -> Self {
        Self { pool, query: "SELECT 1".into() }
    }

    /// Runs another query, which gives at least one row.
    ///
    /// ```
    /// # fn checked(pool: sqlx::AnyPool) {
    /// let check = trifuse::health::DatabaseCheck::new(pool).query("SELECT 1 FROM orders LIMIT 1");
    /// # }
    /// ```
    #[must_use]
    pub fn query(mut self, query: impl Into<Cow<'static, str>>) -> Self {
        self.query = query.into();
        self
    }
}

impl<DB: Database> HealthCheck for DatabaseCheck<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    async fn check(&self) -> Checked {
        match asked(&self.pool, &self.query).await {
            Ok(()) => ().into(),
            Err(error) => Checked::failed(kind(&error), error),
        }
    }
}

async fn asked<DB: Database>(pool: &Pool<DB>, query: &str) -> Result<(), Error>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let mut connection = pool.acquire().await?;
    (&mut *connection).fetch_one(query).await?;
    Ok(())
}

fn kind(error: &Error) -> Cow<'static, str> {
    match error {
        Error::Database(said) => match said.code() {
            Some(code) => format!("the database refused (code {code})").into(),
            None => "the database refused".into(),
        },
        Error::PoolTimedOut => "no connection of the pool was free in time".into(),
        Error::PoolClosed => "the pool is closed".into(),
        Error::Io(_) | Error::Tls(_) => "no connection".into(),
        Error::RowNotFound => "the query gave no row".into(),
        _ => "the query failed".into(),
    }
}

impl<DB: Database> fmt::Debug for DatabaseCheck<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseCheck").field("query", &self.query).finish_non_exhaustive()
    }
}
