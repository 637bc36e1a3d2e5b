// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a refusal looks like to a generated client.
use std::time::Duration;

use tonic::Code;
use trifuse::tonic::{Policies, refused, timed_out};
use trifuse::{Bulkhead, Describe, PolicyKind, RateLimiter, RefusalReason};

use crate::kit::{Echo, PLAIN, SAY, builder, guarded, only, totals, well};

#[tokio::test(start_paused = true)]
async fn it_is_unavailable_and_says_when_to_come_back() {
    let echo = Echo::always(well());
    let (client, layer) =
        guarded(builder().rate_limit(RateLimiter::per(1, Duration::from_secs(7))), echo.clone());
    client.say().await.unwrap();
    let status = client.say().await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.metadata().get("grpc-retry-pushback-ms").unwrap(), "7000");
    let told = refused(&status).unwrap();
    assert_eq!((told.policy, told.reason), (PolicyKind::RateLimit, RefusalReason::RateLimited));
    assert_eq!(status.message(), told.to_string());
    // google.rpc.Status { code: 14, .. } with RetryInfo { retry_delay { seconds: 7 } }, the last bytes of it.
    assert!(status.details().starts_with(&[8, 14]));
    assert!(status.details().ends_with(b"type.googleapis.com/google.rpc.RetryInfo\x12\x04\x0a\x02\x08\x07"));
    assert!(timed_out(&status).is_none());
    let totals = totals(&layer, SAY);
    assert_eq!((echo.count(), totals.ignored, totals.failures), (1, 1, 0));
    tokio::time::advance(Duration::from_secs(7)).await;
    client.say().await.unwrap();
}

#[tokio::test]
async fn what_does_not_know_when_says_nothing_of_it() {
    let (client, layer) =
        guarded(builder().host(SAY, Policies::new().circuit_breaker(PLAIN)), Echo::always(well()));
    layer.breaker(SAY).unwrap().force_open();
    let status = client.say().await.unwrap_err();
    assert_eq!(refused(&status).unwrap().reason, RefusalReason::ForcedOpen);
    assert!(status.metadata().is_empty() && status.details().is_empty());
}

#[tokio::test]
async fn a_refusal_from_a_guarded_channel_within_is_no_failure_of_the_service_unless_a_breaker_refused() {
    use tower::Service;
    use tower::layer::Layer;

    let limited = builder().rate_limit(RateLimiter::per(1, Duration::from_secs(3600)));
    let forced = PLAIN.with_initial_state(trifuse::State::ForcedOpen);
    let opened = builder().policies(Policies::new().circuit_breaker(forced));
    for (inner, failures, ignored) in [(limited, 0, 2), (opened, 2, 0)] {
        let inner = inner.build().unwrap().layer(Echo::always(only(Code::NotFound)));
        let outer = builder().build().unwrap();
        for _ in 0..2 {
            let request = http::Request::post(SAY).body(tonic::body::Body::empty()).unwrap();
            let _ = outer.layer(inner.clone()).call(request).await;
        }
        let totals = totals(&outer, SAY);
        assert_eq!((totals.failures, totals.ignored), (failures, ignored));
    }
}

#[test]
fn a_layer_describes_its_policies_in_their_order() {
    let layer = builder().bulkhead(Bulkhead::builder("any").limit(3)).total_timeout(Duration::from_secs(2));
    let layer = layer.build().unwrap();
    let kinds: Vec<_> = layer.describe().iter().map(|policy| policy.kind).collect();
    let expected = [PolicyKind::Retry, PolicyKind::Timeout, PolicyKind::CircuitBreaker, PolicyKind::Bulkhead];
    assert_eq!(kinds, expected);
    assert!(
        layer.to_string().starts_with("grpc: retry(")
            && layer.to_string().ends_with("bulkhead(limit=3) > call")
    );
}
