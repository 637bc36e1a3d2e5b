// SPDX-License-Identifier: MIT OR Apache-2.0
//! The policies of a channel.
use std::sync::Arc;

use crate::client::Hosts;
use crate::layer::{Describe, PolicyDescription};
use crate::name::Name;
use crate::retry::Retry;

/// What has policies of its own.
///
/// ```
/// assert_eq!(trifuse::tonic::Scope::default(), trifuse::tonic::Scope::Method);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// Each method, such as `/shop.Orders/Get`.
    #[default]
    Method,
    /// Each service, such as `/shop.Orders`.
    Service,
    /// The channel as a whole.
    Target,
}

pub(crate) type Idempotent = dyn Fn(&str) -> bool + Send + Sync;

pub(crate) struct Guard {
    pub(crate) name: Name,
    pub(crate) hosts: Hosts,
    pub(crate) retry: Option<Retry>,
    pub(crate) scope: Scope,
    pub(crate) target: String,
    pub(crate) idempotent: Option<Arc<Idempotent>>,
    pub(crate) most_kept: usize,
    pub(crate) respect_retry_after: bool,
}

impl Guard {
    pub(crate) fn key_of(&self, path: &str) -> String {
        let target = &*self.target;
        match self.scope {
            Scope::Method => format!("{target}{path}"),
            Scope::Service => {
                format!("{target}{}", path.rsplit_once('/').map_or(path, |(service, _)| service))
            }
            Scope::Target if target.is_empty() => "*".to_owned(),
            Scope::Target => target.to_owned(),
        }
    }

    pub(crate) fn may_repeat(&self, path: &str) -> bool {
        self.idempotent.as_ref().is_some_and(|idempotent| idempotent(path))
    }

    pub(crate) fn describe_into(&self, all: &mut Vec<PolicyDescription>) {
        self.retry.describe_into(all);
        self.hosts.overflow.describe_into(all);
    }
}
