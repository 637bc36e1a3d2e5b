// SPDX-License-Identifier: MIT OR Apache-2.0
use std::error::Error;
use std::fmt;
use std::time::Duration;

use trifuse_sys as sys;

use crate::name::Name;
use crate::raw;
use crate::refused::Refused;
use crate::text_refusal::TimeoutSetting;

/// A configuration was refused: nothing was made or changed.
///
/// ```
/// use trifuse::{CircuitBreaker, ConfigValue};
///
/// let error = CircuitBreaker::builder("payments").failure_rate_threshold(1.5).build().unwrap_err();
/// assert_eq!(error.field, "failure_rate_threshold");
/// assert_eq!(error.value, ConfigValue::Real(1.5));
/// assert_eq!(error.to_string(), "failure_rate_threshold = 1.5 is not allowed: 0.0 to 1.0");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConfigError {
    /// The field that is refused.
    pub field: &'static str,
    /// Its value.
    pub value: ConfigValue,
    /// What is allowed, in English.
    pub allowed: String,
}

impl ConfigError {
    pub(crate) fn from_raw(error: sys::trifuse_config_error) -> Self {
        let value = match error.value_kind {
            sys::TRIFUSE_VALUE_INTEGER => ConfigValue::Integer(error.value_integer),
            sys::TRIFUSE_VALUE_REAL => ConfigValue::Real(error.value_real),
            sys::TRIFUSE_VALUE_DURATION => ConfigValue::Duration(Duration::from_nanos(error.value_integer)),
            _ => ConfigValue::None,
        };
        Self { field: raw::text::field::text(error.field), value, allowed: raw::config::allowed(&error) }
    }

    pub(crate) fn of_name(name: &str, allowed: &str) -> Self {
        Self::new("name", ConfigValue::Text(name.to_owned()), allowed)
    }

    pub(crate) fn new(field: &'static str, value: ConfigValue, allowed: impl Into<String>) -> Self {
        Self { field, value, allowed: allowed.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} is not allowed: {}", self.field, self.value, self.allowed)
    }
}

impl Error for ConfigError {}

/// The value that a [`ConfigError`] is about.
///
/// ```
/// let error = trifuse::Config::DEFAULT.with_success_threshold(0).check().unwrap_err();
/// assert_eq!(error.value, trifuse::ConfigValue::Integer(0));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConfigValue {
    /// No single value.
    None,
    /// A count or a choice.
    Integer(u64),
    /// A rate or a factor.
    Real(f64),
    /// A duration.
    Duration(Duration),
    /// A name.
    Text(String),
}

impl fmt::Display for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Integer(value) => write!(f, " = {value}"),
            Self::Real(value) => write!(f, " = {value:?}"),
            Self::Duration(value) => write!(f, " = {value:?}"),
            Self::Text(value) => write!(f, " = {value:?}"),
        }
    }
}

/// A call took too long and was cancelled.
///
/// ```
/// # #[cfg(feature = "tokio")]
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// use std::time::Duration;
/// use trifuse::{CallError, CircuitBreaker, TimeoutSetting};
///
/// let breaker = CircuitBreaker::builder("search").request_timeout(Duration::from_secs(2)).build()?;
/// let hang = std::future::pending::<Result<(), std::io::Error>>();
/// let Err(CallError::TimedOut(error)) = breaker.call_async(hang).await else { panic!() };
/// assert_eq!((error.setting, error.limit), (TimeoutSetting::RequestTimeout, Duration::from_secs(2)));
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimedOut {
    /// The name of the policy.
    pub name: Name,
    /// Which setting ended the call.
    pub setting: TimeoutSetting,
    /// Its value.
    pub limit: Duration,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, setting, limit } = self;
        let name = name.as_str();
        match setting {
            TimeoutSetting::Deadline => write!(
                f,
                "{name:?} gave no answer before the deadline of {limit:?} that it was called under; \
                 the call was cancelled"
            ),
            _ => write!(
                f,
                "{name:?} gave no answer within {limit:?} ({setting}); the call was cancelled and counts as a \
                 failure; raise {setting} if such a time is normal"
            ),
        }
    }
}

impl Error for TimedOut {}

/// What a guarded call returns in place of the operation's own error.
///
/// ```
/// use trifuse::{CallError, CircuitBreaker};
///
/// let breaker = CircuitBreaker::builder("numbers").build()?;
/// let result = breaker.call(|| "12x".parse::<u8>());
/// let answer = match result {
///     Ok(number) => number,
///     Err(CallError::Refused(refused)) => panic!("not called: {refused}"),
///     Err(CallError::TimedOut(late)) => panic!("cancelled: {late}"),
///     Err(CallError::Operation(own)) => { assert_eq!(own.to_string(), "invalid digit found in string"); 0 }
/// };
/// # assert_eq!(answer, 0);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError<E> {
    /// The call was not made.
    Refused(Refused),
    /// The call was cancelled because it took too long.
    TimedOut(TimedOut),
    /// The operation's own error, unchanged.
    Operation(E),
}

impl<E> CallError<E> {
    /// The operation's own error, if it is one.
    ///
    /// ```
    /// assert_eq!(trifuse::CallError::Operation(7).into_operation(), Some(7));
    /// ```
    pub fn into_operation(self) -> Option<E> {
        match self {
            Self::Operation(error) => Some(error),
            Self::Refused(_) | Self::TimedOut(_) => None,
        }
    }

    /// Whichever it is as a boxed error. An error that is boxed already is none of [`Error`], and so neither
    /// is a `CallError` of it, nor what ends a body of such: bodies get one by
    /// `body.map_err(CallError::boxed)` of http-body-util.
    ///
    /// ```
    /// use trifuse::{CallError, CircuitBreaker};
    ///
    /// type BoxError = Box<dyn std::error::Error + Send + Sync>;
    ///
    /// fn answer(breaker: &CircuitBreaker) -> Result<u8, BoxError> {
    ///     breaker.call(|| Err(BoxError::from("no answer"))).map_err(CallError::boxed)
    /// }
    /// let breaker = CircuitBreaker::builder("search").build()?;
    /// assert_eq!(answer(&breaker).unwrap_err().to_string(), "no answer");
    /// breaker.force_open();
    /// assert!(answer(&breaker).unwrap_err().is::<trifuse::Refused>());
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn boxed(self) -> Box<dyn Error + Send + Sync>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        match self {
            Self::Refused(refused) => refused.into(),
            Self::TimedOut(late) => late.into(),
            Self::Operation(error) => error.into(),
        }
    }

    /// The refusal, if the call was not made.
    ///
    /// ```
    /// assert!(trifuse::CallError::Operation(7).refused().is_none());
    /// ```
    pub fn refused(&self) -> Option<&Refused> {
        match self {
            Self::Refused(refused) => Some(refused),
            Self::TimedOut(_) | Self::Operation(_) => None,
        }
    }
}

impl<E> CallError<CallError<E>> {
    /// One error of two, where a guarded call is within another: the inner one's refusals and timeouts as
    /// they are.
    ///
    /// ```
    /// use trifuse::CallError;
    /// let nested = CallError::Operation(CallError::Operation(7));
    /// assert_eq!(nested.flatten(), CallError::Operation(7));
    /// ```
    pub fn flatten(self) -> CallError<E> {
        match self {
            Self::Operation(inner) => inner,
            Self::Refused(refused) => CallError::Refused(refused),
            Self::TimedOut(late) => CallError::TimedOut(late),
        }
    }
}

impl<E> From<Refused> for CallError<E> {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl<E> From<TimedOut> for CallError<E> {
    fn from(late: TimedOut) -> Self {
        Self::TimedOut(late)
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::TimedOut(late) => late.fmt(f),
            Self::Operation(error) => error.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for CallError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused(refused) => Some(refused),
            Self::TimedOut(late) => Some(late),
            // Shown as this error itself, so its own source comes next.
            Self::Operation(error) => error.source(),
        }
    }
}
