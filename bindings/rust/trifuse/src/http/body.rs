// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::classify::Classification;
use crate::error::{CallError, TimedOut};
use crate::http::BodyGuard;
use crate::http::grpc::{classify_grpc, grpc_status, is_grpc};
use crate::name::Name;
use crate::text::Outcome;
use crate::text_refusal::TimeoutSetting;
use crate::timer::Timer;

pin_project! {
    /// A body whose end is the outcome of the call: a success at its end, a failure where it breaks off,
    /// ignored where it is dropped before. Permits are held until then, and leases of probes renewed as
    /// parts come. Its error is a [`CallError`]; where that of the body within is boxed,
    /// [`CallError::boxed`] makes it one that servers take.
    ///
    /// The end of a response of gRPC is what its trailers say; without a `grpc-status` it is a failure. A
    /// body that is dropped when all of its announced length has been read has ended.
    ///
    /// ```
    /// # use http_body_util::{BodyExt, Full};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use http::Response;
    /// use trifuse::CircuitBreaker;
    /// use trifuse::http::GuardedBody;
    ///
    /// let breaker = CircuitBreaker::builder("search").build()?;
    /// let permit = breaker.try_acquire_owned()?;
    /// let response = Response::new(Full::new(&b"three results"[..]));
    /// let response = GuardedBody::of_response(response, permit);
    /// assert_eq!(breaker.snapshot().totals.calls, 0);
    /// let body = response.into_body().collect().await?.to_bytes();
    /// assert_eq!((&body[..], breaker.snapshot().totals.successes), (&b"three results"[..], 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub struct GuardedBody<B, G>
    where
        B: Body,
        G: BodyGuard,
    {
        #[pin]
        body: Option<B>,
        guard: Option<G>,
        idle: Option<Idle>,
        grpc: bool,
    }

    impl<B: Body, G: BodyGuard> PinnedDrop for GuardedBody<B, G> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let length = this.body.as_ref().get_ref().as_ref().and_then(|body| body.size_hint().exact());
            if let Some(guard) = this.guard.take_if(|_| length == Some(0) && !*this.grpc) {
                guard.end(Outcome::Success.into());
            }
        }
    }
}

/// The idle timeout. Its timer has a place of its own, so that a body with one stays `Unpin`.
struct Idle {
    name: Name,
    limit: Duration,
    timer: Pin<Box<Timer>>,
}

impl Idle {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<TimedOut> {
        if !self.timer.is_armed() {
            self.timer.as_mut().arm(self.limit);
        }
        ready!(self.timer.as_mut().poll(cx));
        self.timer.as_mut().disarm();
        let (name, setting) = (self.name.clone(), TimeoutSetting::IdleTimeout);
        Poll::Ready(TimedOut { name, setting, limit: self.limit })
    }
}

impl<B: Body, G: BodyGuard> GuardedBody<B, G> {
    /// Guards the body of a response, whose head was a success.
    pub fn of_response(response: Response<B>, guard: G) -> Response<Self> {
        let grpc = is_grpc(response.headers()) && grpc_status(response.headers()).is_none();
        response.map(|body| Self::new(body, guard, grpc))
    }

    /// The body of a response as it is: there is nothing more to say about the call.
    pub fn unguarded(response: Response<B>) -> Response<Self> {
        response.map(|body| Self::made(body, None, false))
    }

    fn new(body: B, guard: G, grpc: bool) -> Self {
        let ended = body.is_end_stream();
        let mut made = Self::made(body, Some(guard), grpc);
        if let Some(guard) = made.guard.take_if(|_| ended) {
            guard.end(without_trailers(grpc));
        }
        made
    }

    fn made(body: B, guard: Option<G>, grpc: bool) -> Self {
        Self { body: Some(body), guard, idle: None, grpc }
    }

    /// Ends the body with an error, a timeout, when nothing has come for so long; needs the feature `tokio`.
    /// The name is that of the error. The timer is the one thing that is boxed.
    pub fn idle_timeout(mut self, name: impl Into<Name>, limit: Duration) -> Self {
        self.idle = Some(Idle { name: name.into(), limit, timer: Box::pin(Timer::default()) });
        self
    }

    /// Whether the outcome is still open.
    pub fn is_guarded(&self) -> bool {
        self.guard.is_some()
    }
}

/// Of gRPC, trailers are missing.
fn without_trailers(grpc: bool) -> Classification {
    if grpc { Outcome::Failure.into() } else { Outcome::Success.into() }
}

/// What a polled frame says about the call; `None`: it goes on.
fn judge<B: Body>(
    polled: Option<&Result<Frame<B::Data>, B::Error>>,
    ended: bool,
    grpc: bool,
) -> Option<Classification> {
    match polled {
        Some(Err(_)) => Some(Outcome::Failure.into()),
        Some(Ok(frame)) => match frame.trailers_ref() {
            Some(trailers) if grpc => Some(classify_grpc(trailers)),
            Some(_) => Some(Outcome::Success.into()),
            None => ended.then(|| without_trailers(grpc)),
        },
        None => Some(without_trailers(grpc)),
    }
}

impl<B: Body, G: BodyGuard> Body for GuardedBody<B, G> {
    type Data = B::Data;
    type Error = CallError<B::Error>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        let Some(mut body) = this.body.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        // Taken out, so that a panic drops it here.
        let mut guard = this.guard.take();
        if let Poll::Ready(polled) = body.as_mut().poll_frame(cx) {
            if let Some(idle) = this.idle {
                idle.timer.as_mut().disarm();
            }
            match judge::<B>(polled.as_ref(), body.is_end_stream(), *this.grpc) {
                Some(verdict) => guard.end(verdict),
                None => {
                    guard.progress();
                    *this.guard = guard;
                }
            }
            return Poll::Ready(polled.map(|frame| frame.map_err(CallError::Operation)));
        }
        *this.guard = guard;
        let Some(idle) = this.idle else { return Poll::Pending };
        let late = ready!(idle.poll(cx));
        this.body.set(None);
        this.guard.take().end(Outcome::Timeout.into());
        Poll::Ready(Some(Err(late.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B: Body, G: BodyGuard> fmt::Debug for GuardedBody<B, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedBody").field("guarded", &self.is_guarded()).finish_non_exhaustive()
    }
}
