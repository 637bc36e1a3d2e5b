// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whose policies a request uses, and how many there are.
use std::time::Duration;

use trifuse::reqwest::{Client, Policies};
use trifuse::{Bulkhead, Config, Describe, PolicyKind, Preset, RateLimiter};

use crate::kit::{PLAIN, Server, builder, once, status, totals};

#[tokio::test]
async fn a_host_may_have_policies_of_its_own() {
    let (plain, payments) = (Server::always(status(500)).await, Server::always(status(500)).await);
    let own = Policies::new().circuit_breaker(PLAIN.with_consecutive_failures(1)).retry(false);
    let client = builder().host(&*payments.url, own).build().unwrap();
    assert_eq!(client.get(&payments.url).send().await.unwrap().status(), 500);
    assert!(client.get(format!("{}/other/path", payments.url)).send().await.unwrap_err().refused().is_some());
    client.get(&plain.url).send().await.unwrap();
    assert_eq!((payments.count(), plain.count()), (1, 3));
}

#[tokio::test]
async fn requests_to_more_hosts_than_there_is_room_for_share_policies_and_none_that_is_open_is_lost() {
    let server = Server::start(|_, text| status(if text.contains("/bad") { 500 } else { 200 })).await;
    let key = |request: &reqwest::Request| request.url().path()[1..].to_owned();
    let client = once().key(key).max_hosts(2).build().unwrap();
    let ask = async |path: &str| {
        let answer = client.get(format!("{}/{path}", server.url)).send().await;
        if let Ok(answer) = answer {
            answer.text().await.unwrap();
        }
    };
    for path in ["bad-1", "bad-2"] {
        for _ in 0..4 {
            ask(path).await;
        }
    }
    assert_eq!((server.count(), client.overflowed()), (6, 0));
    ask("good").await;
    ask("good").await;
    assert_eq!((client.overflowed(), client.evicted()), (2, 0));
    let mut told: Vec<_> = client.snapshot().into_iter().map(|host| host.host).collect();
    told.sort();
    assert_eq!(told, ["bad-1", "bad-2", "overflow"]);
    client.breaker("bad-1").unwrap().reset();
    ask("better").await; // an idle one makes room
    assert_eq!((client.overflowed(), client.evicted()), (2, 1));
    assert!(client.breaker("bad-1").is_none() && client.breaker("bad-2").is_some());
    assert_eq!(client.breaker("better").unwrap().snapshot().totals.successes, 1);
}

#[tokio::test]
async fn a_host_with_a_request_on_its_way_is_not_forgotten() {
    let server = Server::always(status(200)).await;
    let key = |request: &reqwest::Request| request.url().path().to_owned();
    let client = once().key(key).max_hosts(1).build().unwrap();
    let kept = client.get(format!("{}/one", server.url)).send().await.unwrap();
    client.get(format!("{}/two", server.url)).send().await.unwrap().text().await.unwrap();
    assert_eq!((client.overflowed(), client.evicted()), (1, 0));
    kept.text().await.unwrap();
    assert_eq!(client.breaker("/one").unwrap().snapshot().totals.successes, 1);
    client.get(format!("{}/three", server.url)).send().await.unwrap().text().await.unwrap();
    assert_eq!((client.overflowed(), client.evicted()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_host_whose_request_waits_to_be_made_again_is_not_forgotten() {
    let server = Server::turns(vec![status(503), status(200)]).await;
    let key = |request: &reqwest::Request| request.url().path().to_owned();
    let retry = trifuse::Retry::builder("again").delay(Duration::from_secs(5)).build().unwrap();
    let client = builder().key(key).max_hosts(1).retry(retry).build().unwrap();
    let request = tokio::spawn(client.get(format!("{}/one", server.url)).send());
    server.has_one().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    client.get(format!("{}/two", server.url)).send().await.unwrap().text().await.unwrap();
    request.await.unwrap().unwrap().text().await.unwrap();
    assert_eq!((client.overflowed(), client.evicted()), (1, 0));
    let totals = client.breaker("/one").unwrap().snapshot().totals;
    assert_eq!((totals.failures, totals.successes), (1, 1));
}

#[tokio::test]
async fn clones_share_everything() {
    let server = Server::always(status(500)).await;
    let client = once().build().unwrap();
    for _ in 0..3 {
        client.clone().get(&server.url).send().await.unwrap();
    }
    assert!(client.get(&server.url).send().await.unwrap_err().refused().is_some());
    assert_eq!((server.count(), totals(&client, &server).failures), (3, 3));
}

#[test]
fn a_client_describes_its_policies_in_their_order() {
    let client = Client::builder()
        .name("orders")
        .circuit_breaker(Config::preset(Preset::Payment))
        .rate_limit(RateLimiter::per(5, Duration::from_secs(1)))
        .bulkhead(Bulkhead::builder("any").limit(7))
        .total_timeout(Duration::from_secs(9))
        .build()
        .unwrap();
    let kinds: Vec<_> = client.describe().iter().map(|policy| policy.kind).collect();
    let expected = [
        PolicyKind::Retry,
        PolicyKind::Timeout,
        PolicyKind::CircuitBreaker,
        PolicyKind::RateLimit,
        PolicyKind::Bulkhead,
    ];
    assert_eq!(kinds, expected);
    let text = client.to_string();
    assert!(text.contains("timeout(limit=9s)") && text.contains("bulkhead(limit=7)"), "{text}");
}

#[test]
fn bad_settings_are_refused_by_name() {
    let field = |client: Result<Client, trifuse::ConfigError>| client.unwrap_err().field;
    assert_eq!(field(Client::builder().name("").build()), "name");
    assert_eq!(field(Client::builder().max_hosts(0).build()), "max_hosts");
    assert_eq!(field(Client::builder().host("payments", Policies::new()).build()), "host");
    assert_eq!(field(Client::builder().bulkhead(Bulkhead::builder("any").limit(0)).build()), "limit");
    let bad = Policies::new().circuit_breaker(Config::DEFAULT.with_minimum_calls(0));
    assert_eq!(field(Client::builder().host("http://a.example", bad).build()), "minimum_calls");
}

#[tokio::test]
async fn listeners_hear_of_all_hosts() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    let heard = Arc::new([const { AtomicUsize::new(0) }; 3]);
    let tell = |number: usize| {
        let heard = heard.clone();
        move || {
            heard[number].fetch_add(1, Relaxed);
        }
    };
    let (changed, refused, called) = (tell(0), tell(1), tell(2));
    let client = once()
        .on_transition(move |_| changed())
        .on_refused(move |_| refused())
        .on_call(move |_| called())
        .build()
        .unwrap();
    for server in [Server::always(status(500)).await, Server::always(status(500)).await] {
        for _ in 0..4 {
            let _ = client.get(&server.url).send().await;
        }
    }
    assert_eq!(heard.each_ref().map(|count| count.load(Relaxed)), [2, 2, 6]);
}

#[test]
fn what_is_given_out_can_be_sent_to_other_threads() {
    fn sent<T: Send + Sync + 'static>(_: &T) {}
    fn future<T: Send + 'static>(_: T) {}
    let client = Client::builder().build().unwrap();
    sent(&client);
    future(client.get("http://127.0.0.1:1").send());
}
