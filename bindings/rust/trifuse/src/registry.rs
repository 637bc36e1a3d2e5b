// SPDX-License-Identifier: MIT OR Apache-2.0
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use crate::breaker::CircuitBreaker;
use crate::builder::BreakerBuilder;
use crate::config::Config;
use crate::error::ConfigError;
use crate::event::{CallReport, Listeners, Transition};
use crate::name::Name;
use crate::refused::Refused;

/// Breakers by name: one for each dependency, each with its own configuration, to find and to
/// iterate over for monitoring.
///
/// ```
/// use trifuse::{Config, Preset, Registry};
///
/// let registry = Registry::new();
/// registry.breaker("payments", Config::preset(Preset::Payment))?;
/// registry.breaker("search", Config::preset(Preset::User))?;
/// for breaker in &registry {
///     println!("{}: {}", breaker.name(), breaker.state());
/// }
/// # assert_eq!(registry.len(), 2);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Default)]
pub struct Registry {
    breakers: RwLock<BTreeMap<Name, CircuitBreaker>>,
    listeners: Listeners,
}

static GLOBAL: LazyLock<Registry> = LazyLock::new(Registry::default);

impl Registry {
    /// An empty registry.
    ///
    /// ```
    /// assert!(trifuse::Registry::new().is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The registry of the process, for applications that want only one.
    ///
    /// ```
    /// # use trifuse::{Config, Registry};
    /// Registry::global().breaker("payments", Config::DEFAULT)?;
    /// assert!(Registry::global().get("payments").is_some());
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn global() -> &'static Self {
        &GLOBAL
    }

    /// Starts a registry whose listeners hear of every breaker made in it.
    ///
    /// ```
    /// let registry = trifuse::Registry::builder().on_refused(|refused| eprintln!("{refused}")).build();
    /// # assert!(registry.is_empty());
    /// ```
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder { listeners: Listeners::default() }
    }

    /// The breaker of this name and configuration, made if there is none.
    ///
    /// # Errors
    /// A configuration that is refused, or a name that is taken with another configuration.
    ///
    /// ```
    /// # use trifuse::{Config, Registry};
    /// let registry = Registry::new();
    /// let one = registry.breaker("payments", Config::DEFAULT)?;
    /// assert!(registry.breaker("payments", Config::DEFAULT)?.same_as(&one));
    /// let error = registry.breaker("payments", Config::DEFAULT.with_minimum_calls(3)).unwrap_err();
    /// assert_eq!(error.field, "name");
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn breaker(&self, name: impl Into<Name>, config: Config) -> Result<CircuitBreaker, ConfigError> {
        self.get_or_build(BreakerBuilder::new(name.into()).with_config(config))
    }

    pub(crate) fn get_or_build(&self, mut builder: BreakerBuilder) -> Result<CircuitBreaker, ConfigError> {
        if let Some(breaker) = self.get(&builder.name) {
            return same(breaker, &builder.config);
        }
        let (name, config) = (builder.name.clone(), builder.config);
        builder.listeners = builder.listeners.followed_by(&self.listeners);
        let made = builder.build()?;
        let mut breakers = self.breakers.write().unwrap_or_else(PoisonError::into_inner);
        let (kept, unused) = match breakers.get(&name) {
            Some(other) => (other.clone(), Some(made)),
            None => {
                breakers.insert(name, made.clone());
                (made, None)
            }
        };
        // What listeners own is dropped with no lock held.
        drop(breakers);
        drop(unused);
        same(kept, &config)
    }

    /// The breaker of this name.
    ///
    /// ```
    /// assert!(trifuse::Registry::new().get("payments").is_none());
    /// ```
    #[must_use]
    pub fn get(&self, name: &str) -> Option<CircuitBreaker> {
        self.read().get(name).cloned()
    }

    /// Forgets the breaker of this name and returns it; who holds it may go on using it.
    ///
    /// ```
    /// # use trifuse::{Config, Registry};
    /// let registry = Registry::new();
    /// registry.breaker("payments", Config::DEFAULT)?;
    /// assert!(registry.remove("payments").is_some());
    /// assert!(registry.is_empty());
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn remove(&self, name: &str) -> Option<CircuitBreaker> {
        self.breakers.write().unwrap_or_else(PoisonError::into_inner).remove(name)
    }

    /// The breakers as they are now, by name.
    ///
    /// ```
    /// # use trifuse::{Config, Registry};
    /// let registry = Registry::new();
    /// registry.breaker("b", Config::DEFAULT)?;
    /// registry.breaker("a", Config::DEFAULT)?;
    /// let names: Vec<_> = registry.iter().map(|breaker| breaker.name().to_owned()).collect();
    /// assert_eq!(names, ["a", "b"]);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn iter(&self) -> std::vec::IntoIter<CircuitBreaker> {
        self.read().values().cloned().collect::<Vec<_>>().into_iter()
    }

    /// How many there are.
    ///
    /// ```
    /// assert_eq!(trifuse::Registry::new().len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Whether there is none.
    ///
    /// ```
    /// assert!(trifuse::Registry::new().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<Name, CircuitBreaker>> {
        self.breakers.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn same(breaker: CircuitBreaker, config: &Config) -> Result<CircuitBreaker, ConfigError> {
    if breaker.shared.requested == *config {
        Ok(breaker)
    } else {
        let allowed = "a name that is not taken with another configuration";
        Err(ConfigError::of_name(breaker.name(), allowed))
    }
}

impl IntoIterator for &Registry {
    type Item = CircuitBreaker;
    type IntoIter = std::vec::IntoIter<CircuitBreaker>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Makes a [`Registry`] with listeners.
///
/// ```
/// use trifuse::{Config, Registry};
///
/// let registry = Registry::builder()
///     .on_transition(|transition| eprintln!("{}: {}", transition.name, transition.to))
///     .build();
/// registry.breaker("payments", Config::DEFAULT)?.trip(None);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use]
pub struct RegistryBuilder {
    listeners: Listeners,
}

impl RegistryBuilder {
    /// Calls `listener` at every change of state of its breakers, after their own listeners; see
    /// [`BreakerBuilder::on_transition`].
    ///
    /// ```
    /// let registry = trifuse::Registry::builder().on_transition(|t| eprintln!("{}", t.to)).build();
    /// # assert!(registry.is_empty());
    /// ```
    pub fn on_transition(mut self, listener: impl Fn(&Transition) + Send + Sync + 'static) -> Self {
        self.listeners.transition.push(Arc::new(listener));
        self
    }

    /// Calls `listener` for every refused call of its breakers.
    ///
    /// ```
    /// let registry = trifuse::Registry::builder().on_refused(|refused| eprintln!("{refused}")).build();
    /// # assert!(registry.is_empty());
    /// ```
    pub fn on_refused(mut self, listener: impl Fn(&Refused) + Send + Sync + 'static) -> Self {
        self.listeners.refused.push(Arc::new(listener));
        self
    }

    /// Calls `listener` for every reported call of its breakers.
    ///
    /// ```
    /// let registry = trifuse::Registry::builder().on_call(|call| eprintln!("{:?}", call.duration)).build();
    /// # assert!(registry.is_empty());
    /// ```
    pub fn on_call(mut self, listener: impl Fn(&CallReport) + Send + Sync + 'static) -> Self {
        self.listeners.call.push(Arc::new(listener));
        self
    }

    /// Makes the registry.
    ///
    /// ```
    /// assert!(trifuse::Registry::builder().build().is_empty());
    /// ```
    #[must_use]
    pub fn build(self) -> Registry {
        Registry { breakers: RwLock::default(), listeners: self.listeners }
    }
}

impl fmt::Debug for RegistryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryBuilder").finish_non_exhaustive()
    }
}
