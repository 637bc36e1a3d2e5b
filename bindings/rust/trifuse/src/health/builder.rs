// SPDX-License-Identifier: MIT OR Apache-2.0
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{ConfigError, ConfigValue};
use crate::health::check::HealthCheck;
use crate::health::component::Component;
use crate::health::run::{Health, Known};
use crate::name::Name;
use crate::registry::Registry;
use crate::source::Breakers;

/// How many components there can be.
const MOST: usize = 1000;
const HOUR: Duration = Duration::from_secs(3600);

pub(crate) type Heard = Arc<dyn Fn(&Name, &(dyn Error + 'static)) + Send + Sync>;

/// Makes a [`Health`].
///
/// ```
/// let health = trifuse::health::Health::builder().version("1.4.2").build()?;
/// # let _ = health;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use]
pub struct HealthBuilder {
    version: Name,
    components: Vec<Component>,
    /// `None`: the registry of the process.
    breakers: Option<Vec<Arc<dyn Breakers>>>,
    critical: BTreeSet<Name>,
    timeout: Duration,
    heard: Vec<Heard>,
}

impl HealthBuilder {
    pub(crate) fn new() -> Self {
        Self {
            version: "".into(),
            components: Vec::new(),
            breakers: None,
            critical: BTreeSet::new(),
            timeout: Duration::from_secs(5),
            heard: Vec::new(),
        }
    }

    /// The version of the service; reports repeat it.
    ///
    /// ```
    /// let builder = trifuse::health::Health::builder().version(env!("CARGO_PKG_VERSION"));
    /// # builder.build().unwrap();
    /// ```
    pub fn version(mut self, version: impl Into<Name>) -> Self {
        self.version = version.into();
        self
    }

    /// A component that the service is lost without, by its name and check.
    ///
    /// ```
    /// let builder = trifuse::health::Health::builder().check("disk", || async { true });
    /// # builder.build().unwrap();
    /// ```
    pub fn check(self, name: impl Into<Name>, check: impl HealthCheck) -> Self {
        self.component(Component::new(name, check))
    }

    /// A component with settings of its own.
    ///
    /// ```
    /// use trifuse::health::{Component, Health};
    /// let builder = Health::builder().component(Component::new("mail", || async { true }).optional());
    /// # builder.build().unwrap();
    /// ```
    pub fn component(mut self, component: Component) -> Self {
        self.components.push(component);
        self
    }

    /// Breakers that are components too, in place of those of [`Registry::global`]; several calls add up. One that is
    /// not closed degrades the service.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use trifuse::{Registry, health::Health};
    /// let registry = Arc::new(Registry::new());
    /// let builder = Health::builder().breakers(registry.clone());
    /// # builder.build().unwrap();
    /// ```
    pub fn breakers(mut self, breakers: impl Breakers + 'static) -> Self {
        self.breakers.get_or_insert_default().push(Arc::new(breakers));
        self
    }

    /// No breakers as components.
    ///
    /// ```
    /// let builder = trifuse::health::Health::builder().without_breakers();
    /// # builder.build().unwrap();
    /// ```
    pub fn without_breakers(mut self) -> Self {
        self.breakers = Some(Vec::new());
        self
    }

    /// The names of breakers that the service is lost without: open, it is unhealthy.
    ///
    /// ```
    /// let builder = trifuse::health::Health::builder().critical_breakers(["payments", "orders"]);
    /// # builder.build().unwrap();
    /// ```
    pub fn critical_breakers<N: Into<Name>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.critical.extend(names.into_iter().map(Into::into));
        self
    }

    /// How long one check may take, 5 s by default, at most an hour.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let builder = trifuse::health::Health::builder().timeout(Duration::from_secs(1));
    /// # builder.build().unwrap();
    /// ```
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Calls `listener` with the component's name and the error of a check that failed, for the log; reports tell
    /// its type alone. A panic of it is caught.
    ///
    /// ```
    /// let builder = trifuse::health::Health::builder().on_error(|name, error| eprintln!("{name}: {error}"));
    /// # builder.build().unwrap();
    /// ```
    pub fn on_error(
        mut self,
        listener: impl Fn(&Name, &(dyn Error + 'static)) + Send + Sync + 'static,
    ) -> Self {
        self.heard.push(Arc::new(listener));
        self
    }

    /// Makes the health of the service; its uptime begins now.
    ///
    /// # Errors
    /// A name that is empty or taken twice, a timeout of 0 or over an hour, more than 1,000 components.
    ///
    /// ```
    /// use trifuse::health::Health;
    /// let twice = Health::builder().check("disk", || async {}).check("disk", || async {});
    /// assert_eq!(twice.build().unwrap_err().field, "name");
    /// ```
    pub fn build(self) -> Result<Health, ConfigError> {
        let Self { version, components, breakers, critical, timeout, heard } = self;
        if components.len() > MOST {
            let most = format!("{MOST} at most");
            return Err(ConfigError::new("checks", ConfigValue::Integer(components.len() as u64), most));
        }
        let mut names = BTreeSet::new();
        for component in &components {
            if component.name.is_empty() || !names.insert(component.name.clone()) {
                return Err(ConfigError::of_name(&component.name, "a text that no other check has"));
            }
        }
        let limits = components.iter().filter_map(|component| component.timeout).chain([timeout]);
        if let Some(limit) = limits.into_iter().find(|limit| limit.is_zero() || *limit > HOUR) {
            let allowed = "more than 0, up to an hour";
            return Err(ConfigError::new("timeout", ConfigValue::Duration(limit), allowed));
        }
        let breakers = breakers.unwrap_or_else(|| vec![Arc::new(Registry::global())]);
        let known = Known { version, components, breakers, critical, timeout, heard, began: Instant::now() };
        Ok(Health::made(known))
    }
}

impl fmt::Debug for HealthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthBuilder").field("components", &self.components).finish_non_exhaustive()
    }
}
