//! HTTP to vendors: one POST with a deadline and a bounded answer. The certificates of the authorities are built in.

use anser_types::{Code, Error, Result};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::crypto::ring;
use tokio::time::{Instant, timeout_at};

/// The largest answer, in bytes.
const ANSWER_BYTES: usize = 256 << 10;

/// A client of one vendor.
pub struct Vendor(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// What a vendor answered.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Vendor {
    /// A client that keeps its connections for a while.
    pub fn new() -> Result<Self> {
        let https = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(ring::default_provider())
            .map_err(|error| Error::internal(format!("no TLS: {error}")))?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(https)))
    }

    /// Posts `body` to `url`, and answers what came back by `deadline`.
    pub async fn post(
        &self,
        url: &str,
        headers: Vec<(HeaderName, String)>,
        body: Vec<u8>,
        deadline: Instant,
    ) -> Result<Answer> {
        let mut request = Request::post(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        // What is wrong with an address or a header is not told: secrets stand in them.
        let wrong = |_| Error::internal("the address or the key of the recognition service cannot be used");
        let request = request.body(Full::new(Bytes::from(body))).map_err(wrong)?;
        let exchange = async {
            let answer = self.0.request(request).await.map_err(|error| away(&error.to_string()))?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES).collect().await.map_err(|error| away(&error.to_string()))?;
            Ok(Answer { status: parts.status, headers: parts.headers, body: body.to_bytes() })
        };
        let late = || Error::new(Code::DeadlineExceeded, "the recognition service did not answer in time");
        timeout_at(deadline, exchange).await.map_err(|_| late())?
    }
}

fn away(why: &str) -> Error {
    tracing::warn!(why, "the recognition service cannot be reached");
    busy(2_000)
}

/// The vendor has no time, or is not there.
pub fn busy(retry_after_ms: u64) -> Error {
    Error::unavailable("the recognition service is away or has too much to do").retry_after(retry_after_ms)
}

/// The vendor does not take our word for who we are.
pub fn refused() -> Error {
    Error::internal("the recognition service does not take our key")
}

/// The vendor answers what it does not answer by its documents.
pub fn not_understood() -> Error {
    Error::unavailable("the recognition service answered what nobody understands")
}

/// The vendor can make nothing of the recording.
pub fn unreadable() -> Error {
    Error::invalid("the recognition service can make nothing of this recording")
}
