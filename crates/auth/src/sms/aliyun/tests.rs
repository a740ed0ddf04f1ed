//! The client against a server of our own, which checks requests as the vendor documents them, and can fail.

use std::sync::Arc;

use ::ring::{digest, hmac};
use anser_contract::v1::CodePurpose;
use anser_types::Code;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

const KEY_ID: &str = "key id";
const SECRET: &str = "testSecret";
const NOW: i64 = 1_700_000_000_000;

/// What the server does with a request.
#[derive(Clone, Copy)]
enum Mood {
    Answers(&'static str, &'static str),
    SaysNothing,
    BreaksOff,
}

struct Vendor {
    endpoint: String,
    requests: Arc<Mutex<Vec<String>>>,
}

/// A server that answers in `mood` whatever is signed rightly, and 400 whatever is not.
async fn vendor(mood: Mood) -> Vendor {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = requests.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let seen = seen.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read(&mut byte).await.unwrap_or(0) == 0 {
                        return;
                    }
                    head.push(byte[0]);
                }
                let head = String::from_utf8(head).unwrap();
                let signed = rightly_signed(&head);
                seen.lock().push(head);
                let (status, body) = match mood {
                    _ if !signed => ("400 Bad Request", r#"{"Code":"SignatureDoesNotMatch","Message":"no"}"#),
                    Mood::Answers(status, body) => (status, body),
                    Mood::SaysNothing => return std::future::pending().await,
                    Mood::BreaksOff => {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"Co").await;
                        return;
                    }
                };
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    Vendor { endpoint, requests }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As the vendor checks: from the bytes on the wire, with nothing of the client's.
fn rightly_signed(head: &str) -> bool {
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ');
    let (method, target) = (first.next().unwrap(), first.next().unwrap());
    let (path, query) = target.split_once('?').unwrap();
    let all: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let header = |wanted: &str| all.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let Some(authorization) = header("authorization") else { return false };
    let mut signed: Vec<_> = all.iter().filter(|(name, _)| name == "host" || name.starts_with("x-acs-")).collect();
    signed.sort();
    let names = signed.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
    let entries: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let mut pairs: Vec<_> = query.split('&').collect();
    pairs.sort_unstable();
    let body = hex(digest::digest(&digest::SHA256, b"").as_ref());
    let canonical = [method, path, &pairs.join("&"), &entries, &names, &body].join("\n");
    let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = hex(hmac::sign(&key, format!("ACS3-HMAC-SHA256\n{hashed}").as_bytes()).as_ref());
    let expected = format!("ACS3-HMAC-SHA256 Credential=keyId,SignedHeaders={names},Signature={signature}");
    authorization == expected
        && header("x-acs-action").as_deref() == Some("SendSms")
        && header("x-acs-version").as_deref() == Some("2017-05-25")
        && header("x-acs-content-sha256") == Some(body)
        && header("x-acs-date").as_deref() == Some("2023-11-14T22:13:20Z")
        && header("x-acs-signature-nonce").is_some_and(|nonce| nonce.len() >= 16)
}

fn options(endpoint: &str) -> AliyunOptions {
    AliyunOptions {
        endpoint: endpoint.into(),
        access_key_id: "keyId".into(),
        access_key_secret: SECRET.into(),
        sign_name: "鸿雁".into(),
        template_code: "SMS_1".into(),
        timeout: Duration::from_secs(10),
    }
}

async fn send(options: AliyunOptions) -> Result<(), SmsFailure> {
    let client = Aliyun::new(options, Clock::fixed(NOW)).unwrap();
    let sms = Sms { phone: "+8613800138000".into(), code: "012345".into(), purpose: CodePurpose::Account, at: NOW };
    client.send(&sms, Instant::now() + Duration::from_secs(10)).await
}

async fn answered(status: &'static str, body: &'static str) -> Result<(), SmsFailure> {
    send(options(&vendor(Mood::Answers(status, body)).await.endpoint)).await
}

#[tokio::test]
async fn a_code_is_sent_as_the_vendor_documents_it() {
    let vendor = vendor(Mood::Answers("200 OK", r#"{"Message":"OK","RequestId":"r","Code":"OK","BizId":"b"}"#)).await;
    send(options(&vendor.endpoint)).await.unwrap();
    send(options(&format!("{}/", vendor.endpoint))).await.unwrap();
    let requests = vendor.requests.lock();
    assert_eq!(requests.len(), 2);
    let line = "POST /?PhoneNumbers=8613800138000&SignName=%E9%B8%BF%E9%9B%81&TemplateCode=SMS_1\
                &TemplateParam=%7B%22code%22%3A%22012345%22%7D HTTP/1.1\r\n";
    assert!(requests.iter().all(|request| request.starts_with(line)), "{requests:?}");
    let nonce = |request: &String| request.lines().find(|line| line.contains("nonce")).unwrap().to_owned();
    assert_ne!(nonce(&requests[0]), nonce(&requests[1]));
}

#[tokio::test]
async fn a_wrong_key_sends_nothing_and_is_shown_nowhere() {
    let vendor = vendor(Mood::Answers("200 OK", r#"{"Code":"OK"}"#)).await;
    let wrong = AliyunOptions { access_key_secret: "anotherSecret".into(), ..options(&vendor.endpoint) };
    let shown = format!("{wrong:?}");
    assert!(!shown.contains("anotherSecret") && !shown.contains("keyId"), "{shown}");
    let failure = send(wrong).await.unwrap_err();
    assert_eq!(failure, SmsFailure::NotSent(Error::unavailable("codes cannot be sent at the moment")));
    for bad in ["", KEY_ID, "line\nbreak"] {
        assert!(
            Aliyun::new(AliyunOptions { access_key_id: bad.into(), ..options("http://a") }, Clock::fixed(NOW)).is_err()
        );
    }
    for bad in ["", "aliyun", "ftp://a", "/path"] {
        assert!(Aliyun::new(options(bad), Clock::fixed(NOW)).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn too_much_is_told_as_too_much() {
    for (status, body) in [
        ("200 OK", r#"{"Code":"isv.BUSINESS_LIMIT_CONTROL"}"#),
        ("200 OK", r#"{"Code":"isv.DAY_LIMIT_CONTROL"}"#),
        ("400 Bad Request", r#"{"Code":"Throttling.User"}"#),
        ("429 Too Many Requests", "slower"),
    ] {
        assert_eq!(answered(status, body).await, Err(SmsFailure::NotSent(Error::rate_limited(THROTTLED_MS))), "{body}");
    }
}

#[tokio::test]
async fn whether_it_can_have_gone_out_is_told_apart() {
    for body in [r#"{"Code":"isv.AMOUNT_NOT_ENOUGH"}"#, r#"{"Code":"isv.SMS_TEMPLATE_ILLEGAL"}"#] {
        let failure = answered("200 OK", body).await.unwrap_err();
        assert!(matches!(&failure, SmsFailure::NotSent(error) if error.code == Code::Unavailable), "{failure:?}");
    }
    let failure = answered("200 OK", r#"{"Code":"isv.MOBILE_NUMBER_ILLEGAL"}"#).await.unwrap_err();
    assert!(matches!(&failure, SmsFailure::NotSent(error) if error.code == Code::InvalidArgument), "{failure:?}");
    for (status, body) in [
        ("200 OK", r#"{"Code":"isp.SYSTEM_ERROR"}"#),
        ("500 Internal Server Error", "oops"),
        ("503 Service Unavailable", r#"{"Code":"ServiceUnavailable"}"#),
        ("200 OK", "no JSON"),
    ] {
        let failure = answered(status, body).await.unwrap_err();
        assert!(matches!(&failure, SmsFailure::Unknown(error) if error.retryable()), "{failure:?}");
    }
}

#[tokio::test]
async fn a_service_that_hangs_breaks_off_or_is_away_costs_a_bounded_time() {
    let hanging = vendor(Mood::SaysNothing).await;
    let hasty = AliyunOptions { timeout: Duration::from_millis(100), ..options(&hanging.endpoint) };
    assert!(matches!(send(hasty).await, Err(SmsFailure::Unknown(error)) if error.code == Code::Unavailable));
    assert_eq!(hanging.requests.lock().len(), 1, "what may have been sent is not sent again");
    let breaking = vendor(Mood::BreaksOff).await;
    assert!(matches!(send(options(&breaking.endpoint)).await, Err(SmsFailure::Unknown(_))));
    assert_eq!(breaking.requests.lock().len(), 1);
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let away = send(options(&format!("http://{free}"))).await;
    assert!(matches!(away, Err(SmsFailure::NotSent(error)) if error.code == Code::Unavailable));
}
