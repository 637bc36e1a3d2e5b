// SPDX-License-Identifier: MIT OR Apache-2.0
//! A server that answers by script, byte by byte, one request for each connection.
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use trifuse::reqwest::{Client, ClientBuilder};
use trifuse::{Clock, Config, Retry, Totals};

/// What an answer is made of, one after another; then the connection is closed.
#[derive(Clone)]
pub(crate) enum Part {
    Bytes(String),
    /// Until the test says so.
    Wait(Arc<Notify>),
    /// For ever; until the client gives up.
    Hang,
}

/// An answer with a body of the announced length.
pub(crate) fn status(status: u16) -> Vec<Part> {
    with(status, "")
}

pub(crate) fn with(status: u16, headers: &str) -> Vec<Part> {
    vec![Part::Bytes(format!(
        "HTTP/1.1 {status} Any\r\nconnection: close\r\ncontent-length: 4\r\n{headers}\r\nbody"
    ))]
}

/// The head and a beginning of a body of 100 bytes, then `rest`.
pub(crate) fn begun(rest: Vec<Part>) -> Vec<Part> {
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 100\r\n\r\nbegun";
    [vec![Part::Bytes(head.to_owned())], rest].concat()
}

pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<String>>>,
    came: Arc<Notify>,
}

impl Server {
    /// `script` is told the number of the request, from 0, and its text.
    pub(crate) async fn start(script: impl Fn(usize, &str) -> Vec<Part> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (seen, came) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(Notify::new()));
        let (script, shared, tell) = (Arc::new(script), seen.clone(), came.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, seen, came) = (script.clone(), shared.clone(), tell.clone());
                tokio::spawn(async move {
                    let mut stream = stream;
                    let Some(text) = read(&mut stream).await else { return };
                    let number = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(text.clone());
                        seen.len() - 1
                    };
                    came.notify_one();
                    answer(stream, script(number, &text)).await;
                });
            }
        });
        Self { url, seen, came }
    }

    /// Answers all alike.
    pub(crate) async fn always(parts: Vec<Part>) -> Self {
        Self::start(move |_, _| parts.clone()).await
    }

    /// Answers in turn, the last one for ever.
    pub(crate) async fn turns(turns: Vec<Vec<Part>>) -> Self {
        Self::start(move |number, _| turns[number.min(turns.len() - 1)].clone()).await
    }

    /// How many requests have reached it.
    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub(crate) fn seen(&self, number: usize) -> String {
        self.seen.lock().unwrap()[number].clone()
    }

    /// Waits until a request has come.
    pub(crate) async fn has_one(&self) {
        self.came.notified().await;
    }
}

/// A request with its body; `None`: it broke off.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let chunked = head.contains("transfer-encoding: chunked");
            let wanted = length.map_or(0, |length| length.parse().unwrap());
            if if chunked { body.ends_with("0\r\n\r\n") } else { body.len() >= wanted } {
                return Some(text);
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(length) => text.push_str(std::str::from_utf8(&buffer[..length]).unwrap()),
        }
    }
}

async fn answer(mut stream: TcpStream, parts: Vec<Part>) {
    for part in parts {
        match part {
            Part::Bytes(bytes) => {
                if stream.write_all(bytes.as_bytes()).await.is_err() {
                    return;
                }
            }
            Part::Wait(signal) => signal.notified().await,
            Part::Hang => while matches!(stream.read(&mut [0; 64]).await, Ok(1..)) {},
        }
    }
    // What was written is read before the connection ends.
    let _ = stream.shutdown().await;
    while matches!(stream.read(&mut [0; 64]).await, Ok(1..)) {}
}

/// Opens after three failures in a row and for nothing else; no time limits.
pub(crate) const PLAIN: Config =
    Config::DEFAULT.with_consecutive_failures(3).with_minimum_calls(100).with_request_timeout(None);

/// Retries at once.
pub(crate) fn at_once(retries: u32) -> Retry {
    let delay = std::time::Duration::ZERO;
    Retry::builder("again").max_retries(retries).delay(delay).clock(Clock::Tokio).build().unwrap()
}

pub(crate) fn builder() -> ClientBuilder {
    let own = reqwest::Client::builder().no_proxy().build().unwrap();
    Client::builder().client(own).circuit_breaker(PLAIN).clock(Clock::Tokio).retry(at_once(2))
}

/// A client without retries.
pub(crate) fn once() -> ClientBuilder {
    builder().without_retry()
}

/// What the breaker of a server has counted.
pub(crate) fn totals(client: &Client, server: &Server) -> Totals {
    client.breaker(&server.url).expect("it was asked").snapshot().totals
}
