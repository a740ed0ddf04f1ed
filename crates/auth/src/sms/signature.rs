//! Alibaba Cloud's signature of requests, version 3 (ACS3-HMAC-SHA256), for calls whose parameters all stand in the query.
//!
//! Source: "Request structure and signature method V3",
//! <https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature>. The example there is a
//! test below.

use std::fmt::Write as _;

use anser_types::Timestamp;
use ring::{digest, hmac};

const ALGORITHM: &str = "ACS3-HMAC-SHA256";
/// Of a request without a body.
const NO_BODY: &[u8] = b"";

/// A call to be signed.
pub(crate) struct Call<'a> {
    pub(crate) host: &'a str,
    pub(crate) action: &'a str,
    pub(crate) version: &'a str,
    /// Made by [`query`].
    pub(crate) query: &'a str,
    pub(crate) at: Timestamp,
    /// No two calls have the same.
    pub(crate) nonce: &'a str,
}

/// The headers of the call: those that are signed, and the one with the signature. POST, without a body.
pub(crate) fn headers(call: &Call<'_>, key_id: &str, secret: &str) -> Vec<(&'static str, String)> {
    let body = sha256(NO_BODY);
    // In the order of their names.
    let mut headers = vec![
        ("host", call.host.to_owned()),
        ("x-acs-action", call.action.to_owned()),
        ("x-acs-content-sha256", body.clone()),
        ("x-acs-date", iso8601(call.at)),
        ("x-acs-signature-nonce", call.nonce.to_owned()),
        ("x-acs-version", call.version.to_owned()),
    ];
    let signed = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let canonical = format!("POST\n/\n{}\n{lines}\n{signed}\n{body}", call.query);
    let to_sign = format!("{ALGORITHM}\n{}", sha256(canonical.as_bytes()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = hex(hmac::sign(&key, to_sign.as_bytes()).as_ref());
    let authorization = format!("{ALGORITHM} Credential={key_id},SignedHeaders={signed},Signature={signature}");
    headers.push(("authorization", authorization));
    headers
}

/// Parameters as they stand in the address and are signed: in the order of their names, escaped as RFC 3986 says.
pub(crate) fn query(parameters: &[(&str, &str)]) -> String {
    let mut sorted = parameters.to_vec();
    sorted.sort_unstable();
    let pairs = sorted.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _never_fails = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _never_fails = write!(text, "{byte:02x}");
        text
    })
}

/// `2023-10-26T10:22:32Z`.
fn iso8601(at: Timestamp) -> String {
    let seconds = at.div_euclid(1_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The date so many days after 1970-01-01, in the proleptic Gregorian calendar. Years begin in March here, so that the day
/// that is sometimes there is the last one; 400 of them have 146,097 days.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the vendor's document, to its last byte.
    #[test]
    fn the_documented_example_is_signed_as_documented() {
        let query =
            query(&[("RegionId", "cn-shanghai"), ("ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd")]);
        let call = Call {
            host: "ecs.cn-shanghai.aliyuncs.com",
            action: "RunInstances",
            version: "2014-05-26",
            query: &query,
            at: 1_698_315_752_000,
            nonce: "3156853299f313e23d1673dc12e1703d",
        };
        let headers = headers(&call, "YourAccessKeyId", "YourAccessKeySecret");
        assert!(headers.contains(&("x-acs-date", "2023-10-26T10:22:32Z".into())));
        let signature = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0";
        let expected = format!(
            "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;\
             x-acs-date;x-acs-signature-nonce;x-acs-version,Signature={signature}"
        );
        assert_eq!(headers.last(), Some(&("authorization", expected)));
    }

    #[test]
    fn parameters_are_escaped_as_rfc_3986_says() {
        assert_eq!(query(&[("b", "a b*~+/"), ("a", "鸿\"雁")]), "a=%E9%B8%BF%22%E9%9B%81&b=a%20b%2A~%2B%2F");
    }

    #[test]
    fn times_are_written_as_in_the_calendar() {
        for (at, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (951_868_799_999, "2000-02-29T23:59:59Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00Z"),
            (1_735_689_599_000, "2024-12-31T23:59:59Z"),
        ] {
            assert_eq!(iso8601(at), text);
        }
    }
}
