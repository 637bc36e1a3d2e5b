// SPDX-License-Identifier: MIT OR Apache-2.0
//! What counts as what.
use trifuse::{CallError, RefusalReason, State};

use crate::kit::{Part, Server, at_once, builder, once, status, totals, with};

#[tokio::test]
async fn a_host_that_fails_is_cut_off_and_asked_no_more_while_another_is() {
    let (bad, good) = (Server::always(status(500)).await, Server::always(status(200)).await);
    let client = once().build().unwrap();
    for _ in 0..3 {
        assert_eq!(client.get(&bad.url).send().await.unwrap().status(), 500);
    }
    let error = client.get(&bad.url).send().await.unwrap_err();
    let refused = error.refused().unwrap();
    assert_eq!(
        (refused.name.as_str(), refused.reason),
        (&*format!("reqwest[{}]", bad.url), RefusalReason::Open)
    );
    assert!(refused.retry_after.is_some());
    assert_eq!(client.get(&good.url).send().await.unwrap().text().await.unwrap(), "body");
    assert_eq!((bad.count(), good.count()), (3, 1));
    assert_eq!(client.breaker(&bad.url).unwrap().state(), State::Open);
    assert_eq!(totals(&client, &good).successes, 1);
}

#[tokio::test]
async fn the_callers_mistakes_say_nothing_about_the_host_and_are_not_made_again() {
    for mistake in [400, 401, 403, 404, 405, 413, 422] {
        let server = Server::always(status(mistake)).await;
        let client = builder().build().unwrap();
        for _ in 0..4 {
            assert_eq!(client.get(&server.url).send().await.unwrap().status(), mistake);
        }
        let totals = totals(&client, &server);
        assert_eq!(
            (server.count(), totals.ignored, totals.failures, totals.successes),
            (4, 4, 0, 0),
            "{mistake}"
        );
    }
}

#[tokio::test]
async fn statuses_of_failures_are_counted_timeouts_apart_and_asked_again_but_for_spent_money() {
    for (failure, requests, timeouts) in [
        (500, 2, 0),
        (502, 2, 0),
        (503, 2, 0),
        (429, 2, 0),
        (409, 2, 0),
        (425, 2, 0),
        (529, 2, 0),
        (408, 2, 2),
        (504, 2, 2),
        (402, 1, 0),
    ] {
        let server = Server::always(status(failure)).await;
        let client = builder().retry(at_once(1)).build().unwrap();
        assert_eq!(client.get(&server.url).send().await.unwrap().status(), failure);
        let totals = totals(&client, &server);
        assert_eq!(server.count(), requests, "{failure}");
        assert_eq!((totals.failures, totals.timeouts), (requests as u64, timeouts), "{failure}");
    }
}

#[tokio::test]
async fn a_403_that_says_when_to_come_back_is_a_limit_and_no_mistake() {
    let server = Server::always(with(403, "retry-after: 30\r\n")).await;
    let client = once().build().unwrap();
    assert_eq!(client.get(&server.url).send().await.unwrap().status(), 403);
    assert_eq!(totals(&client, &server).failures, 1);
    assert!(client.get(&server.url).send().await.unwrap_err().refused().is_some());
}

#[tokio::test]
async fn what_reqwest_raises_is_passed_on_unchanged() {
    let server = Server::always(vec![]).await; // closes without an answer
    let client = builder().build().unwrap();
    let CallError::Operation(error) = client.get(&server.url).send().await.unwrap_err() else { panic!() };
    assert!(error.is_request() && error.url().unwrap().as_str() == format!("{}/", server.url));
    assert_eq!((server.count(), totals(&client, &server).failures), (3, 3));

    let nobody = "http://127.0.0.1:1";
    let CallError::Operation(error) = client.get(nobody).send().await.unwrap_err() else { panic!() };
    assert!(error.is_connect());
    assert_eq!(client.breaker("http://127.0.0.1:1").unwrap().snapshot().totals.failures, 3);
}

#[tokio::test]
async fn a_request_that_cannot_be_built_asks_no_policy() {
    let client = builder().build().unwrap();
    let CallError::Operation(error) = client.get("no url").send().await.unwrap_err() else { panic!() };
    assert!(error.is_builder());
    assert!(client.snapshot().is_empty());
}

#[tokio::test]
async fn an_answer_without_a_body_has_ended_with_its_head() {
    let server = Server::start(|_, text| {
        let length = if text.starts_with("HEAD") { 100 } else { 0 };
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
        vec![Part::Bytes(head)]
    })
    .await;
    let client = once().build().unwrap();
    let _kept =
        (client.head(&server.url).send().await.unwrap(), client.get(&server.url).send().await.unwrap());
    assert_eq!(totals(&client, &server).successes, 2);
}

#[tokio::test]
async fn permission_is_asked_when_the_future_is_polled_and_not_before() {
    let server = Server::always(status(200)).await;
    let client = once().build().unwrap();
    client.get(&server.url).send().await.unwrap().text().await.unwrap();
    let breaker = client.breaker(&server.url).unwrap();
    let request = client.get(&server.url).send();
    breaker.force_open();
    assert_eq!(request.await.unwrap_err().refused().unwrap().reason, RefusalReason::ForcedOpen);
    drop(client.get(&server.url).send());
    assert_eq!(breaker.snapshot().totals.refused(), 1);
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn of_a_hundred_requests_to_a_host_that_is_half_open_as_many_as_there_are_probes_reach_it() {
    let server = Server::always(status(200)).await;
    let probes = crate::kit::PLAIN.with_half_open_max_calls(3).with_success_threshold(3);
    let client = once().circuit_breaker(probes).build().unwrap();
    client.get(&server.url).send().await.unwrap().text().await.unwrap();
    let breaker = client.breaker(&server.url).unwrap();
    breaker.trip(std::time::Duration::from_nanos(1));
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    let asked = (0..100).map(|_| async { client.get(&server.url).send().await });
    let answers = futures::future::join_all(asked).await;
    let admitted: Vec<_> = answers.into_iter().filter_map(Result::ok).collect();
    assert_eq!((admitted.len(), server.count()), (3, 4));
    for answer in admitted {
        answer.text().await.unwrap();
    }
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test]
async fn other_words_for_a_failure_take_the_place_of_the_table() {
    let server = Server::turns(vec![with(200, "x-degraded: yes\r\n"), status(500)]).await;
    let client = builder().failure_if(|answer| answer.headers().contains_key("x-degraded")).build().unwrap();
    let answer = client.get(&server.url).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap()), (500, "body".to_owned()));
    let totals = totals(&client, &server);
    assert_eq!((server.count(), totals.failures, totals.successes), (2, 1, 1));
}
