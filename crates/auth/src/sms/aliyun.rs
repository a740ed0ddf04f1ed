//! Alibaba Cloud's short message service: its action SendSms, version 2017-05-25, signed as [`super::signature`] says.
//!
//! Source: <https://www.alibabacloud.com/help/en/sms/developer-reference/api-dysmsapi-2017-05-25-sendsms>. The service takes no
//! key that would make a second call the same message, so a call is repeated only where the first one did not even connect.

use std::{fmt, time::Duration};

use anser_types::{Clock, Error, Id};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::crypto::ring;
use serde::Deserialize;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use super::{
    Sms, SmsFailure, SmsProvider,
    signature::{self, Call},
};

const ACTION: &str = "SendSms";
const VERSION: &str = "2017-05-25";
/// Calls at a time; more are refused.
const AT_ONCE: usize = 32;
/// The longest answer that is read.
const ANSWER_BYTES: usize = 64 << 10;
/// When to come again after the service said that it is too much.
const THROTTLED_MS: u64 = 60_000;

/// What the operator has from the service. Its Debug form shows no key.
#[derive(Clone)]
pub struct AliyunOptions {
    /// Where the service is, such as `https://dysmsapi.aliyuncs.com`.
    pub endpoint: String,
    /// Names the key that requests are signed with.
    pub access_key_id: String,
    /// That key.
    pub access_key_secret: String,
    /// In whose name messages are, as the service approved it.
    pub sign_name: String,
    /// The approved text of the messages; its one variable is `code`.
    pub template_code: String,
    /// How long a call may take.
    pub timeout: Duration,
}

impl fmt::Debug for AliyunOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AliyunOptions").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Sends through Alibaba Cloud.
pub struct Aliyun {
    options: AliyunOptions,
    host: String,
    clock: Clock,
    http: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    places: Semaphore,
}

/// What the service answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    code: String,
}

impl Aliyun {
    /// A client of the service. Refuses an endpoint that is no address.
    pub fn new(options: AliyunOptions, clock: Clock) -> anser_types::Result<Self> {
        let printable = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !printable(&options.access_key_id) || !printable(&options.access_key_secret) {
            return Err(Error::invalid("the access key has an id and a secret, both of printable characters"));
        }
        let uri: Option<Uri> = options.endpoint.parse().ok();
        let authority = uri.filter(|uri| matches!(uri.scheme_str(), Some("https" | "http")));
        let authority = authority.and_then(|uri| uri.authority().cloned());
        let host = authority.ok_or_else(|| Error::invalid("the endpoint is no address such as https://host"))?;
        // The authorities' certificates are built in: there may be none on the machine.
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(ring::default_provider())
            .map_err(|_| Error::internal("TLS cannot be set up"))?;
        let http = Client::builder(TokioExecutor::new()).build(tls.https_or_http().enable_http1().build());
        Ok(Self { host: host.to_string(), options, clock, http, places: Semaphore::new(AT_ONCE) })
    }

    async fn call(&self, query: &str) -> Result<(StatusCode, Bytes), SmsFailure> {
        let once = || self.http.request(self.request(query));
        let answered = match once().await {
            Err(error) if error.is_connect() => once().await,
            answered => answered,
        };
        let answer = answered.map_err(|error| {
            let away = Error::unavailable("codes cannot be sent at the moment");
            if error.is_connect() { SmsFailure::NotSent(away) } else { SmsFailure::Unknown(away) }
        })?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
        let body = body.map_err(|_| SmsFailure::Unknown(Error::unavailable("the answer about a code broke off")))?;
        Ok((status, body.to_bytes()))
    }

    fn request(&self, query: &str) -> Request<Empty<Bytes>> {
        let options = &self.options;
        let nonce = Id(rand::random()).to_string();
        let call =
            Call { host: &self.host, action: ACTION, version: VERSION, query, at: self.clock.now(), nonce: &nonce };
        let mut request = Request::new(Empty::new());
        *request.method_mut() = Method::POST;
        let address = format!("{}/?{query}", options.endpoint.trim_end_matches('/'));
        *request.uri_mut() = address.parse().expect("the endpoint is an address, and the query is escaped");
        for (name, value) in signature::headers(&call, &options.access_key_id, &options.access_key_secret) {
            let mut value = HeaderValue::try_from(value).expect("keys are checked to be printable");
            value.set_sensitive(name == "authorization");
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        request
    }
}

#[async_trait::async_trait]
impl SmsProvider for Aliyun {
    async fn send(&self, sms: &Sms, deadline: Instant) -> Result<(), SmsFailure> {
        let busy = |_| SmsFailure::NotSent(Error::unavailable("too many codes are being sent"));
        let _place = self.places.try_acquire().map_err(busy)?;
        let deadline = deadline.min(Instant::now() + self.options.timeout);
        let text = serde_json::json!({ "code": sms.code }).to_string();
        let query = signature::query(&[
            ("PhoneNumbers", sms.phone.trim_start_matches('+')),
            ("SignName", &self.options.sign_name),
            ("TemplateCode", &self.options.template_code),
            ("TemplateParam", &text),
        ]);
        let late = |_| SmsFailure::Unknown(Error::unavailable("codes are not sent in time at the moment"));
        let (status, body) = timeout_at(deadline, self.call(&query)).await.map_err(late)??;
        judge(status, &body)
    }
}

/// What an answer says. An account that is empty and a number that is none are all the same to who asked for a code; the
/// operator finds the service's word for it in the log.
fn judge(status: StatusCode, body: &[u8]) -> Result<(), SmsFailure> {
    let code = serde_json::from_slice::<Answer>(body).map(|answer| answer.code).unwrap_or_default();
    if status.is_success() && code == "OK" {
        return Ok(());
    }
    // Words of the service and not of anybody who could put something into them; cut all the same.
    let shown: String =
        code.chars().filter(|one| one.is_ascii_alphanumeric() || "._-".contains(*one)).take(64).collect();
    tracing::warn!(status = status.as_u16(), code = shown, "the short message service did not take a code");
    if status == StatusCode::TOO_MANY_REQUESTS || code.starts_with("Throttling") || code.contains("LIMIT_CONTROL") {
        return Err(SmsFailure::NotSent(Error::rate_limited(THROTTLED_MS)));
    }
    let away = Error::unavailable("codes cannot be sent at the moment");
    match code.as_str() {
        "isv.MOBILE_NUMBER_ILLEGAL" => Err(SmsFailure::NotSent(Error::field("phone", "is not taken by the provider"))),
        // Its own faults: what they left behind is not known.
        "" | "isp.SYSTEM_ERROR" => Err(SmsFailure::Unknown(away)),
        _ if status.is_server_error() => Err(SmsFailure::Unknown(away)),
        _ => Err(SmsFailure::NotSent(away)),
    }
}

#[cfg(test)]
mod tests;
