//! A gateway on a real listener before fake services, and a client that speaks plain HTTP/1.1 to it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anser_gateway::{Gateway, GatewayOptions, Health, ListenerOptions, router, serve};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::fakes::Fake;

pub struct House {
    pub fake: Arc<Fake>,
    pub gateway: Arc<Gateway>,
    pub health: Health,
    pub address: SocketAddr,
    pub token: String,
    _shutdown: tokio_util::sync::DropGuard,
}

impl House {
    pub async fn start() -> Self {
        Self::start_with(GatewayOptions::default()).await
    }

    pub async fn start_with(options: GatewayOptions) -> Self {
        let fake = Fake::new();
        let gateway = Gateway::new(fake.services(), options, fake.clock.clone());
        gateway.identities.ended().complete();
        let health = Health::new();
        let metrics = Arc::new(|| "anser_up 1\n".to_owned());
        let router = router(gateway.clone(), health.clone(), metrics).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        tokio::spawn(serve(listener, router, shutdown.clone(), ListenerOptions::default()));
        let token = fake.token();
        Self { fake, gateway, health, address, token, _shutdown: shutdown.drop_guard() }
    }

    /// A request that nobody in particular makes.
    pub fn anyone(&self, method: Method, path: &str) -> Ask {
        let request = Request::builder().method(method).uri(path).header("host", "anser.test");
        Ask { address: self.address, request, body: Vec::new() }
    }

    /// A request of Alice.
    pub fn alice(&self, method: Method, path: &str) -> Ask {
        self.anyone(method, path).header("authorization", &format!("Bearer {}", self.token))
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.alice(Method::GET, path).send().await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.alice(Method::POST, path).json(body).send().await
    }
}

pub struct Ask {
    address: SocketAddr,
    request: http::request::Builder,
    body: Vec<u8>,
}

impl Ask {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub fn json(self, body: Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub async fn send(self) -> Answer {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = self.request.body(Full::<bytes::Bytes>::new(self.body.into())).unwrap();
        let response = tokio::time::timeout(Duration::from_secs(10), sender.send_request(request)).await;
        let (parts, body) = response.expect("an answer in time").unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The problem document, after a check of what every one of them holds.
    pub fn problem(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let document = self.json();
        assert_eq!(document["status"], self.status.as_u16());
        assert_eq!(document["request_id"], self.header("x-request-id"));
        assert_eq!(document["type"], format!("/docs/errors#{}", document["code"].as_str().unwrap()));
        for member in ["title", "detail"] {
            assert!(!document[member].as_str().unwrap().is_empty());
        }
        document
    }

    /// The code of the problem document.
    pub fn code(&self) -> String {
        self.problem()["code"].as_str().unwrap().to_owned()
    }
}
