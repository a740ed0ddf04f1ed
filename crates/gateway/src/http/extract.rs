//! How handlers read a request: body, query, path, key, circumstances. Every refusal is one of our errors.

use anser_contract::Context;
use anser_types::{Code, Error, FieldError};
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::{HeaderMap, header::CONTENT_TYPE, request::Parts};
use serde::de::DeserializeOwned;

use crate::{
    http::{App, intake::Taken},
    problem::Refusal,
};

/// The circumstances of the call, with the caller where the route's class asks for one.
pub struct Call(pub Context);

impl<S: Sync> FromRequestParts<S> for Call {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let context = parts.extensions.get::<Context>().cloned();
        context.map(Call).ok_or_else(|| Error::internal("a request without circumstances").into())
    }
}

/// The JSON body that was taken in. Unknown fields are ignored.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &App) -> Result<Self, Refusal> {
        if !is_json(request.headers()) {
            return Err(Error::new(Code::Unsupported, "send application/json").into());
        }
        let Some(Taken(body)) = request.extensions().get() else {
            return Err(Error::internal("the route's row does not say that it takes a body").into());
        };
        Ok(Json(parse(body)?))
    }
}

/// The body that was taken in, as it is, and what its sender calls it.
pub struct Bytes {
    /// The header `Content-Type`, empty where there is none.
    pub media_type: String,
    /// The body.
    pub bytes: bytes::Bytes,
}

impl FromRequest<App> for Bytes {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &App) -> Result<Self, Refusal> {
        let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let Some(Taken(body)) = request.extensions().get() else {
            return Err(Error::internal("the route's row does not say that it takes a body").into());
        };
        Ok(Bytes { media_type: media_type.to_owned(), bytes: body.clone() })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    // serde takes a list for an object without names; no body is one.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Error::invalid("the body: expected an object"));
    }
    let deserializer = &mut serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut *deserializer).map_err(|error| {
        let field = error.path().to_string();
        let cause = error.into_inner();
        if !cause.is_data() {
            return Error::invalid(format!("the body is not JSON (line {}, column {})", cause.line(), cause.column()));
        }
        if let Some(missing) = missing_field(&cause.to_string()) {
            let field = if field == "." { missing } else { format!("{field}.{missing}") };
            return Error::field(field, "is missing");
        }
        let detail = expectation(&cause.to_string());
        if field == "." { Error::invalid(format!("the body: {detail}")) } else { Error::field(field, detail) }
    })?;
    deserializer.end().map_err(|_| Error::invalid("something follows the JSON value"))?;
    Ok(value)
}

fn missing_field(message: &str) -> Option<String> {
    Some(message.strip_prefix("missing field `")?.split('`').next()?.to_owned())
}

/// What serde wanted, without what it got: the offending value may be a password or a message.
fn expectation(message: &str) -> String {
    let message = message.rfind(" at line ").map_or(message, |end| &message[..end]);
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None if message.starts_with("invalid") || message.starts_with("unknown variant") => "not as it must be".into(),
        None => message.to_owned(),
    }
}

/// The query string's parameters. Unknown ones are ignored.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        match axum::extract::Query::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(value)) => Ok(Query(value)),
            Err(rejection) => Err(wrong_parameter(&rejection).into()),
        }
    }
}

/// The rejection's source says `parameter: what is wrong`.
fn wrong_parameter(rejection: &dyn std::error::Error) -> Error {
    let mut cause = rejection;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    match (missing_field(&text), text.split_once(": ")) {
        (Some(missing), _) => Error::field(missing, "is missing"),
        (None, Some((field, detail))) => Error::field(field, expectation(detail)),
        (None, None) => Error::invalid(format!("the query string: {}", expectation(&text))),
    }
}

/// The path's parameters, in order: one value, or a tuple of them.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Path(value)),
            Err(_) => Err(Error::invalid("the path names something that is not an id").into()),
        }
    }
}

/// The header `Idempotency-Key`, empty where there is none.
pub struct IdempotencyKey(pub String);

const IDEMPOTENCY_KEY: &str = "idempotency-key";

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let Some(value) = parts.headers.get(IDEMPOTENCY_KEY) else { return Ok(Self(String::new())) };
        match value.to_str() {
            Ok(key) if (1..=64).contains(&key.len()) && key.bytes().all(|byte| (0x20..0x7f).contains(&byte)) => {
                Ok(Self(key.to_owned()))
            }
            _ => Err(Error::field("Idempotency-Key", "1 to 64 printable ASCII characters").into()),
        }
    }
}

/// Refuses an `Idempotency-Key` where question or answer is a secret that must not be kept: ignoring it would promise a safety
/// that is not there.
pub struct NoIdempotencyKey;

impl<S: Sync> FromRequestParts<S> for NoIdempotencyKey {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        if parts.headers.contains_key(IDEMPOTENCY_KEY) {
            let fields = vec![FieldError { field: "Idempotency-Key".into(), detail: "not taken here".into() }];
            let error = Error::invalid("this call deals in secrets, which are not kept for a repeat");
            return Err(Error { fields, ..error }.into());
        }
        Ok(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, serde::Deserialize)]
    #[serde(default)]
    #[allow(dead_code, reason = "only the types of the fields matter here")]
    struct Login {
        password: String,
        nested: std::collections::BTreeMap<String, u8>,
    }

    #[test]
    fn a_wrong_field_is_named_and_its_value_is_not() {
        let error = parse::<Login>(br#"{"nested":{"a":"s3cret, expected x"}}"#).unwrap_err();
        assert_eq!(error.fields[0].field, "nested.a");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        assert_eq!(parse::<Login>(br#"{"password":5}"#).unwrap_err().detail, "password: expected a string");
    }

    #[test]
    fn a_list_is_no_object_without_names() {
        assert_eq!(parse::<Login>(br#" ["secret", {}]"#).unwrap_err().detail, "the body: expected an object");
    }

    #[test]
    fn what_is_not_json_is_invalid() {
        for body in [&b""[..], b"{", b"{} x", b"[1,"] {
            assert_eq!(parse::<Login>(body).unwrap_err().code, Code::InvalidArgument);
        }
    }
}
