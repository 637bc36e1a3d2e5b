// SPDX-License-Identifier: MIT OR Apache-2.0
//! A service of gRPC that answers by script, frame by frame, and the client that a generator would have made.
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};
use tower::Service;
use tower::layer::Layer;
use trifuse::tonic::{GuardLayer, GuardLayerBuilder, GuardedChannel};
use trifuse::{Clock, Config, Retry, Totals};

/// One step of an answer's body.
#[derive(Clone)]
pub(crate) enum Step {
    Message(&'static str),
    Trailers(HeaderMap),
    /// The connection of this call breaks.
    Break,
    Hang,
}

#[derive(Clone)]
pub(crate) enum Answer {
    /// A status without a message.
    Only(HeaderMap),
    Body(Vec<Step>),
    /// A status in the head, and a body all the same.
    Both(HeaderMap, Vec<Step>),
    /// No head.
    Hang,
    /// As long as the server was told to take, then `DEADLINE_EXCEEDED`.
    Late,
}

pub(crate) fn said(code: Code, more: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("grpc-status", (code as i32).into());
    for (name, value) in more {
        headers.insert(*name, value.parse().unwrap());
    }
    headers
}

pub(crate) fn only(code: Code) -> Answer {
    Answer::Only(said(code, &[]))
}

/// An answer with a message and a status.
pub(crate) fn well() -> Answer {
    ends(Code::Ok)
}

pub(crate) fn ends(code: Code) -> Answer {
    Answer::Body(vec![Step::Message("hello"), Step::Trailers(said(code, &[]))])
}

/// What a request was: its path, its headers, and its message.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) headers: HeaderMap,
    pub(crate) message: Bytes,
}

/// What the server was told, in nanoseconds; no test has a limit of more than 99 s.
pub(crate) fn told(seen: &Seen) -> Option<Duration> {
    let text = seen.headers.get("grpc-timeout")?.to_str().unwrap();
    let (digits, unit) = text.split_at(text.len() - 1);
    let value = digits.parse().unwrap();
    Some(match unit {
        "n" => Duration::from_nanos(value),
        "u" => Duration::from_micros(value),
        _ => panic!("{text}"),
    })
}

type Script = dyn Fn(usize, &str) -> Answer + Send + Sync;

/// A server's service; and a channel by itself.
#[derive(Clone)]
pub(crate) struct Echo {
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Echo {
    pub(crate) fn new(script: impl Fn(usize, &str) -> Answer + Send + Sync + 'static) -> Self {
        Self { script: Arc::new(script), seen: Arc::default() }
    }

    pub(crate) fn always(answer: Answer) -> Self {
        Self::new(move |_, _| answer.clone())
    }

    pub(crate) fn turns(turns: Vec<Answer>) -> Self {
        Self::new(move |number, _| turns[number.min(turns.len() - 1)].clone())
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub(crate) fn seen(&self, number: usize) -> Seen {
        self.seen.lock().unwrap()[number].clone()
    }

    /// Listens on the loopback.
    pub(crate) async fn listen(&self) -> Channel {
        self.endpoint().await.connect_lazy()
    }

    pub(crate) async fn endpoint(&self) -> Endpoint {
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = incoming.local_addr().unwrap();
        let server = tonic::transport::Server::builder().add_service(self.clone());
        tokio::spawn(server.serve_with_incoming(incoming));
        Endpoint::from_shared(format!("http://{address}")).unwrap()
    }
}

impl tonic::server::NamedService for Echo {
    const NAME: &'static str = "demo.Echo";
}

impl Service<Request<Body>> for Echo {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let echo = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let message = body.collect().await.unwrap().to_bytes();
            let number = {
                let mut seen = echo.seen.lock().unwrap();
                seen.push(Seen { headers: parts.headers, message });
                seen.len() - 1
            };
            let answer = (echo.script)(number, parts.uri.path());
            let (headers, body) = match answer {
                Answer::Hang => std::future::pending().await,
                Answer::Late => {
                    tokio::time::sleep(told(&echo.seen(number)).unwrap()).await;
                    (said(Code::DeadlineExceeded, &[]), Body::empty())
                }
                Answer::Only(headers) => (headers, Body::empty()),
                Answer::Both(headers, steps) => (headers, Body::new(Steps(steps.into()))),
                Answer::Body(steps) => (HeaderMap::new(), Body::new(Steps(steps.into()))),
            };
            let mut response = Response::new(body);
            *response.headers_mut() = headers;
            response.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
            Ok(response)
        })
    }
}

struct Steps(VecDeque<Step>);

impl http_body::Body for Steps {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.0.front() {
            Some(Step::Hang) => return Poll::Pending,
            Some(Step::Break) => return Poll::Ready(Some(Err(Status::internal("broken on purpose")))),
            _ => (),
        }
        Poll::Ready(self.0.pop_front().map(|step| match step {
            Step::Trailers(trailers) => Ok(Frame::trailers(trailers)),
            Step::Message(text) => {
                let mut bytes = vec![0];
                bytes.put_u32(text.len() as u32);
                bytes.put_slice(text.as_bytes());
                Ok(Frame::data(bytes.into()))
            }
            Step::Break | Step::Hang => unreachable!(),
        }))
    }
}

/// Messages that are texts.
#[derive(Clone, Copy, Default)]
pub(crate) struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, text: String, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(text.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        Ok(Some(String::from_utf8(bytes.to_vec()).unwrap()))
    }
}

pub(crate) const SAY: &str = "/demo.Echo/Say";

/// A generated client.
pub(crate) struct Client<S>(pub(crate) GuardedChannel<S>);

macro_rules! client {
    ($channel:ty) => {
        impl Client<$channel> {
            pub(crate) async fn call(
                &self,
                path: &'static str,
                request: tonic::Request<String>,
            ) -> Result<String, Status> {
                let mut grpc = Grpc::new(self.0.clone());
                grpc.ready().await?;
                Ok(grpc.unary(request, PathAndQuery::from_static(path), Text).await?.into_inner())
            }

            pub(crate) async fn say(&self) -> Result<String, Status> {
                self.call(SAY, tonic::Request::new("hi".to_owned())).await
            }

            pub(crate) async fn list(&self) -> Result<Streaming<String>, Status> {
                let mut grpc = Grpc::new(self.0.clone());
                grpc.ready().await?;
                let request = tonic::Request::new("hi".to_owned());
                let path = PathAndQuery::from_static("/demo.Echo/List");
                Ok(grpc.server_streaming(request, path, Text).await?.into_inner())
            }
        }
    };
}

client! { Channel }
client! { Echo }

/// Opens after three failures in a row and for nothing else; no time limits.
pub(crate) const PLAIN: Config =
    Config::DEFAULT.with_consecutive_failures(3).with_minimum_calls(100).with_request_timeout(None);

/// Nothing but failures, however many.
pub(crate) const LENIENT: Config = PLAIN.with_consecutive_failures(1000);

pub(crate) fn builder() -> GuardLayerBuilder {
    let retry = Retry::builder("again").max_retries(2).delay(Duration::ZERO).clock(Clock::Tokio);
    GuardLayer::builder().circuit_breaker(PLAIN).clock(Clock::Tokio).retry(retry.build().unwrap())
}

pub(crate) fn guarded<S>(builder: GuardLayerBuilder, channel: S) -> (Client<S>, GuardLayer) {
    let layer = builder.build().unwrap();
    (Client(layer.layer(channel)), layer)
}

pub(crate) fn totals(layer: &GuardLayer, host: &str) -> Totals {
    layer.breaker(host).expect("it was called").snapshot().totals
}
