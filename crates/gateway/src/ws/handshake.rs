//! The upgrade: what a request must say to become a WebSocket (RFC 6455, section 4.2), and who may ask.

use anser_types::{Code, Error};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{
        CONNECTION, HOST, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
        SEC_WEBSOCKET_VERSION, UPGRADE,
    },
};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use crate::{frames::Encoding, http::cors};

/// What every server appends to the client's key (RFC 6455, section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A request that may become a WebSocket.
#[derive(Debug)]
pub(super) struct Handshake {
    pub encoding: Encoding,
    accept: String,
}

impl Handshake {
    /// Checks a request. The error says what is missing.
    pub fn check<B>(request: &Request<B>, allowed_origins: &[String]) -> Result<Self, Error> {
        let headers = request.headers();
        let accept = accept(request)?;
        if !origin_allowed(headers, allowed_origins) {
            return Err(Error::new(Code::Forbidden, "this origin may not connect"));
        }
        let offers = |encoding: &Encoding| names(headers, &SEC_WEBSOCKET_PROTOCOL, encoding.protocol());
        let encoding = [Encoding::Proto, Encoding::Json]
            .into_iter()
            .find(offers)
            .ok_or_else(|| Error::field("sec-websocket-protocol", "offer anser.v1.json or anser.v1.proto"))?;
        Ok(Self { encoding, accept })
    }

    /// The answer that makes it one.
    pub fn response<B: Default>(&self) -> Response<B> {
        let mut response = switching(&self.accept);
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(self.encoding.protocol()));
        response
    }
}

/// What to answer to the client's key, if the request is a WebSocket's at all. The error says what is missing.
pub(crate) fn accept<B>(request: &Request<B>) -> Result<String, Error> {
    let headers = request.headers();
    if request.method() != Method::GET
        || !names(headers, &UPGRADE, "websocket")
        || !names(headers, &CONNECTION, "upgrade")
    {
        return Err(Error::invalid("this path takes WebSocket handshakes only"));
    }
    if text(headers, &SEC_WEBSOCKET_VERSION) != Some("13") {
        return Err(Error::field("sec-websocket-version", "must be 13"));
    }
    let key = text(headers, &SEC_WEBSOCKET_KEY).unwrap_or_default();
    if !STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16) {
        return Err(Error::field("sec-websocket-key", "must be 16 bytes in base64"));
    }
    Ok(STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes())))
}

/// The answer that turns a connection into a WebSocket of no sub-protocol.
pub(crate) fn switching<B: Default>(accept: &str) -> Response<B> {
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_ACCEPT, accept)
        .body(B::default())
        .expect("all of it is made of valid header values")
}

/// A browser names the page that connects. No page, no danger: other programs send no `Origin` or any they like.
fn origin_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let host = text(headers, &HOST).unwrap_or_default();
    let page = origin.to_str().ok().and_then(|origin| origin.trim().split_once("://"));
    let own = page.is_some_and(|(_, authority)| !host.is_empty() && authority.eq_ignore_ascii_case(host));
    own || cors::allows(allowed, origin)
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Whether one of the header's comma-separated words is `word`.
fn names(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(extra: &[(&str, &str)]) -> Request<()> {
        let mut builder = Request::get("/v1/ws")
            .header("host", "chat.example.com")
            .header("connection", "keep-alive, Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        for (name, value) in extra {
            builder = builder.header(*name, *value);
        }
        builder.body(()).expect("a valid request")
    }

    fn check(extra: &[(&str, &str)]) -> Result<Encoding, Code> {
        let allowed = ["https://app.example.org".to_owned()];
        Handshake::check(&request(extra), &allowed).map(|handshake| handshake.encoding).map_err(|error| error.code)
    }

    #[test]
    fn the_answer_is_the_one_of_the_rfc() {
        let handshake = Handshake::check(&request(&[("sec-websocket-protocol", "anser.v1.json")]), &[]).expect("good");
        assert_eq!(handshake.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_known_protocol_must_be_offered() {
        assert_eq!(check(&[("sec-websocket-protocol", "chat, anser.v1.json")]), Ok(Encoding::Json));
        assert_eq!(check(&[("sec-websocket-protocol", "anser.v1.proto")]), Ok(Encoding::Proto));
        assert_eq!(check(&[]), Err(Code::InvalidArgument));
        assert_eq!(check(&[("sec-websocket-protocol", "anser.v9")]), Err(Code::InvalidArgument));
    }

    #[test]
    fn foreign_pages_are_refused() {
        let from = |origin| check(&[("sec-websocket-protocol", "anser.v1.json"), ("origin", origin)]);
        assert_eq!(from("https://chat.example.com"), Ok(Encoding::Json));
        assert_eq!(from("https://app.example.org"), Ok(Encoding::Json));
        assert_eq!(from("https://evil.example"), Err(Code::Forbidden));
        assert_eq!(from("null"), Err(Code::Forbidden));
    }
}
