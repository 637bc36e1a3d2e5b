// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asking the policies of a host: its breaker, its rate limit, its places.
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::bulkhead_permit::BulkheadPermit;
use crate::client::policies::SharedHost;
use crate::client::ticket::Ticket;
use crate::limiter_future::Wait;
use crate::places::{Enter, Held, Holder, Places};
use crate::refused::Refused;
use crate::text::Outcome;

pin_project! {
    /// Refused by one, what the others had given goes back.
    pub(crate) struct Obtain {
        asked: Asked,
        #[pin]
        stage: Stage,
    }
}

enum Asked {
    Not(SharedHost),
    Breaker(Ticket),
    Over,
}

pin_project! {
    #[project = Waiting]
    enum Stage {
        Before,
        ForTokens { #[pin] wait: Wait },
        Granted,
        ForPlace { #[pin] enter: Enter<std::sync::Arc<Places>> },
    }
}

impl Obtain {
    pub(crate) fn new(host: SharedHost) -> Self {
        Self { asked: Asked::Not(host), stage: Stage::Before }
    }
}

/// The tokens, then the place.
fn step(ticket: &mut Ticket, mut stage: Pin<&mut Stage>, cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
    let host = ticket.host.clone();
    loop {
        match stage.as_mut().project() {
            Waiting::Before => {
                let next = match &host.limiter {
                    None => Stage::Granted,
                    Some(limiter) => match limiter.shared.max_wait {
                        None => {
                            limiter.try_acquire_n(1).map_err(|error| limiter.refusal(error))?;
                            Stage::Granted
                        }
                        wait => Stage::ForTokens { wait: Wait::new(limiter.shared.clone(), 1, wait) },
                    },
                };
                stage.set(next);
            }
            Waiting::ForTokens { wait } => {
                let granted = ready!(wait.poll(cx));
                let limiter = host.limiter.as_ref().expect("it was waited for");
                granted.map_err(|error| limiter.refusal(error))?;
                stage.set(Stage::Granted);
            }
            Waiting::Granted => {
                let Some(places) = &host.places else { return Poll::Ready(Ok(())) };
                let places = places.shared();
                if places.max_queue != 0 {
                    stage.set(Stage::ForPlace { enter: Enter::new(places.clone()) });
                    continue;
                }
                places.try_take()?;
                ticket.has(held(places));
                return Poll::Ready(Ok(()));
            }
            Waiting::ForPlace { enter } => {
                ready!(enter.poll(cx))?;
                let places = host.places.as_ref().expect("it was waited for").shared();
                ticket.has(held(places));
                return Poll::Ready(Ok(()));
            }
        }
    }
}

fn held(places: &std::sync::Arc<Places>) -> BulkheadPermit<'static> {
    BulkheadPermit(Held::new(Holder::Owned(places.clone())))
}

impl Future for Obtain {
    type Output = Result<Ticket, Refused>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Asked::Not(host) = this.asked {
            let ticket = Ticket::ask(host.clone());
            *this.asked = Asked::Over;
            *this.asked = Asked::Breaker(ticket?);
        }
        let Asked::Breaker(ticket) = this.asked else { panic!("polled after its end") };
        let entered = ready!(step(ticket, this.stage.as_mut(), cx));
        let Asked::Breaker(mut ticket) = std::mem::replace(this.asked, Asked::Over) else { unreachable!() };
        this.stage.set(Stage::Before);
        Poll::Ready(match entered {
            Ok(()) => Ok(ticket),
            Err(refused) => {
                ticket.judge(Outcome::Ignored);
                Err(refused)
            }
        })
    }
}
