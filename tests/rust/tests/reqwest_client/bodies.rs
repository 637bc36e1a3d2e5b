// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bodies of answers, guarded to their end.
use std::sync::Arc;

use tokio::sync::Notify;
use trifuse::{Bulkhead, CallError, RefusalReason};

use crate::kit::{Part, Server, begun, builder, once, status, totals};

#[tokio::test]
async fn a_body_that_breaks_half_way_is_a_failure_and_not_asked_for_again() {
    let server = Server::always(begun(vec![])).await;
    let client = builder().build().unwrap();
    let answer = client.get(&server.url).send().await.unwrap();
    assert_eq!(totals(&client, &server).calls, 0);
    let error = answer.bytes().await.unwrap_err();
    assert!(!error.is_timeout() && trifuse::reqwest::timed_out(&error).is_none());
    let totals = totals(&client, &server);
    assert_eq!((server.count(), totals.failures, totals.successes), (1, 1, 0));
}

#[tokio::test]
async fn a_body_dropped_by_its_reader_is_ignored() {
    let server = Server::always(begun(vec![Part::Hang])).await;
    let client = once().build().unwrap();
    let mut answer = client.get(&server.url).send().await.unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "begun");
    drop(answer);
    let totals = totals(&client, &server);
    assert_eq!((totals.ignored, totals.failures, totals.successes), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_dropped_after_a_long_time_is_ignored_and_a_head_that_was_waited_for_as_long_a_timeout() {
    let after = std::time::Duration::from_secs(10);
    let counts = crate::kit::PLAIN.with_cancelled_counts_after(Some(after));
    for (parts, timeouts) in [(begun(vec![Part::Hang]), 0), (vec![Part::Hang], 1)] {
        let server = Server::always(parts).await;
        let client = once().circuit_breaker(counts).build().unwrap();
        let request = tokio::spawn(client.get(&server.url).send());
        server.has_one().await;
        tokio::time::sleep(2 * after).await;
        request.abort();
        drop(request.await);
        let totals = totals(&client, &server);
        assert_eq!((totals.timeouts, totals.ignored), (timeouts, 1 - timeouts));
    }
}

#[tokio::test]
async fn a_body_whose_last_part_has_been_read_has_ended() {
    let server = Server::always(status(200)).await;
    let client = once().build().unwrap();
    let mut answer = client.get(&server.url).send().await.unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "body");
    assert_eq!(totals(&client, &server).successes, 1);
    drop(answer);
    assert_eq!(totals(&client, &server).ignored, 0);
}

#[tokio::test]
async fn a_place_is_held_until_the_body_has_ended_also_of_a_failure() {
    for code in [200, 500] {
        let go_on = Arc::new(Notify::new());
        let head = format!("HTTP/1.1 {code} Any\r\nconnection: close\r\ncontent-length: 4\r\n\r\n");
        let body = vec![Part::Bytes(head), Part::Wait(go_on.clone()), Part::Bytes("body".to_owned())];
        let server = Server::always(body).await;
        let client = once().bulkhead(Bulkhead::builder("any").limit(1)).build().unwrap();
        let answer = client.get(&server.url).send().await.unwrap();
        let error = client.get(&server.url).send().await.unwrap_err();
        assert_eq!(error.refused().unwrap().reason, RefusalReason::BulkheadFull);
        go_on.notify_one();
        assert_eq!(answer.text().await.unwrap(), "body");
        let next = client.get(&server.url).send().await.unwrap();
        drop(next);
        let places = client.snapshot()[0].places.clone().unwrap();
        assert_eq!((server.count(), places.in_flight, places.admitted), (2, 0, 2), "{code}");
        assert_eq!(totals(&client, &server).failures, if code == 500 { 2 } else { 0 });
    }
}

#[tokio::test]
async fn a_stream_of_events_left_after_its_last_one_has_ended_well() {
    let events = |last: &str| {
        let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/event-stream\r\n\r\n";
        vec![Part::Bytes(format!("{head}data: one\n\n{last}")), Part::Hang]
    };
    for (last, successes) in [("data: [DONE]\n\n", 1), ("data: two\n\n", 0)] {
        let server = Server::always(events(last)).await;
        let client = once().build().unwrap();
        let mut answer = client.get(&server.url).send().await.unwrap();
        let mut text = String::new();
        while !text.ends_with(last) {
            text.push_str(std::str::from_utf8(&answer.chunk().await.unwrap().unwrap()).unwrap());
        }
        drop(answer);
        let totals = totals(&client, &server);
        assert_eq!((totals.successes, totals.ignored), (successes, 1 - successes), "{last}");
    }
}

#[tokio::test]
async fn a_guarded_answer_is_the_same_answer() {
    let server = Server::turns(vec![
        vec![Part::Bytes(
            "HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: /there?x=1\r\ncontent-length: 0\r\n\r\n"
                .into(),
        )],
        status(200),
    ])
    .await;
    let client = once().build().unwrap();
    let answer = client.get(&server.url).send().await.unwrap();
    assert_eq!(answer.url().as_str(), format!("{}/there?x=1", server.url));
    assert_eq!(answer.remote_addr().unwrap().to_string(), server.url["http://".len()..]);
    assert_eq!((answer.content_length(), answer.version()), (Some(4), reqwest::Version::HTTP_11));
    assert_eq!(answer.text().await.unwrap(), "body");
    // The redirect is a part of the one attempt.
    assert_eq!((server.count(), totals(&client, &server).successes), (2, 1));
}

#[tokio::test]
async fn a_request_dropped_on_its_way_is_ignored_and_gives_its_place_back() {
    let server = Server::always(vec![Part::Hang]).await;
    let client = once().bulkhead(Bulkhead::builder("any").limit(1)).build().unwrap();
    let request = tokio::spawn(client.get(&server.url).send());
    server.has_one().await;
    assert_eq!(client.snapshot()[0].places.as_ref().unwrap().in_flight, 1);
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    let told = client.snapshot().remove(0);
    assert_eq!((told.places.unwrap().in_flight, told.circuit_breaker.totals.ignored), (0, 1));
}

#[tokio::test]
async fn a_body_that_panics_its_reader_is_no_matter_of_the_hosts() {
    let server = Server::always(begun(vec![Part::Hang])).await;
    let client = once().build().unwrap();
    let reader = client.clone();
    let url = server.url.clone();
    let task = tokio::spawn(async move {
        let _answer = reader.get(url).send().await.unwrap();
        panic!("on purpose");
    });
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(totals(&client, &server).ignored, 1);
}

#[tokio::test]
async fn an_error_of_the_kind_is_taken_by_question_mark() {
    async fn text(client: &trifuse::reqwest::Client, url: &str) -> Result<String, CallError<reqwest::Error>> {
        client.get(url).send().await?.text().await.map_err(CallError::Operation)
    }
    let server = Server::always(status(200)).await;
    assert_eq!(text(&once().build().unwrap(), &server.url).await.unwrap(), "body");
}
