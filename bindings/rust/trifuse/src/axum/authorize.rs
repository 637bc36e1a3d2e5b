// SPDX-License-Identifier: MIT OR Apache-2.0
use ::axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use crate::axum::problem::json_answer;

/// Whether a request may steer circuit breakers, for [`admin_routes`](crate::axum::admin_routes).
///
/// Made of a `bool`, of an `Option` of who it is, and of a `Result` of that and an answer that refuses.
///
/// ```
/// use axum::http::StatusCode;
/// use trifuse::axum::Authorization;
///
/// let known: Authorization = Some("ann").into();
/// assert!(matches!(known, Authorization::Granted(Some(who)) if who == "ann"));
/// let unknown: Authorization = Err::<&str, _>(StatusCode::UNAUTHORIZED).into();
/// assert!(matches!(unknown, Authorization::Denied(answer) if answer.status() == 401));
/// ```
#[derive(Debug)]
pub enum Authorization {
    /// It may; the log says who it was, where that is known.
    Granted(Option<String>),
    /// It may not, and gets this answer.
    Denied(Response),
}

impl Authorization {
    pub(crate) fn forbidden() -> Response {
        json_answer(StatusCode::FORBIDDEN, &json!({ "message": "you may not do that" }))
    }
}

impl From<bool> for Authorization {
    fn from(may: bool) -> Self {
        if may { Self::Granted(None) } else { Self::Denied(Self::forbidden()) }
    }
}

impl<W: Into<String>> From<Option<W>> for Authorization {
    fn from(who: Option<W>) -> Self {
        match who {
            Some(who) => Self::Granted(Some(who.into())),
            None => Self::Denied(Self::forbidden()),
        }
    }
}

impl<W: Into<String>, R: IntoResponse> From<Result<W, R>> for Authorization {
    fn from(result: Result<W, R>) -> Self {
        match result {
            Ok(who) => Self::Granted(Some(who.into())),
            Err(answer) => Self::Denied(answer.into_response()),
        }
    }
}
