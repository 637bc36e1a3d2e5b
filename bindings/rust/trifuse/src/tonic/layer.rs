// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::sync::Arc;

use tower_layer::Layer;

use crate::breaker::CircuitBreaker;
use crate::client::HostSnapshot;
use crate::layer::{Describe, PolicyDescription};
use crate::tonic::builder::GuardLayerBuilder;
use crate::tonic::guard::Guard;
use crate::tonic::service::GuardedChannel;
use crate::tower::readied::Readied;

/// The policies of a channel as a layer; see the [module](crate::tonic). All channels that it makes share them.
#[derive(Clone)]
pub struct GuardLayer {
    pub(crate) guard: Arc<Guard>,
}

impl GuardLayer {
    /// Starts a layer with the defaults.
    ///
    /// ```
    /// let layer = trifuse::tonic::GuardLayer::builder().build()?;
    /// # let _ = layer;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn builder() -> GuardLayerBuilder {
        GuardLayerBuilder::new()
    }

    /// The circuit breaker of a method, service or target that has one, such as `/shop.Orders/Get`.
    pub fn breaker(&self, host: &str) -> Option<CircuitBreaker> {
        self.guard.hosts.find(host).map(|host| host.breaker.clone())
    }

    /// The circuit breakers of what is known.
    pub fn breakers(&self) -> Vec<CircuitBreaker> {
        self.guard.hosts.all().iter().map(|host| host.breaker.clone()).collect()
    }

    /// What the policies of each method, service or target have counted.
    ///
    /// ```
    /// let layer = trifuse::tonic::GuardLayer::builder().build()?;
    /// assert!(layer.snapshot().is_empty()); // nothing has been called yet
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn snapshot(&self) -> Vec<HostSnapshot> {
        self.guard.hosts.all().iter().map(|host| host.snapshot()).collect()
    }

    /// How many calls found no room for policies of their own, and shared some.
    pub fn overflowed(&self) -> u64 {
        self.guard.hosts.overflowed()
    }

    /// How many have made room for others.
    pub fn evicted(&self) -> u64 {
        self.guard.hosts.evicted()
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = GuardedChannel<S>;

    fn layer(&self, inner: S) -> Self::Service {
        GuardedChannel { inner: Readied::new(inner), guard: self.guard.clone() }
    }
}

/// The retry, then the policies of what has none of its own, outermost first.
impl Describe for GuardLayer {
    fn describe_into(&self, all: &mut Vec<PolicyDescription>) {
        self.guard.describe_into(all);
    }
}

impl fmt::Display for GuardLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.guard.name)?;
        for policy in self.describe() {
            write!(f, "{policy} > ")?;
        }
        f.write_str("call")
    }
}

impl fmt::Debug for GuardLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardLayer").field("name", &self.guard.name).finish_non_exhaustive()
    }
}
