//! One struct per section of `config/default.toml`, one field per key: a key without a field, or a field without a key,
//! fails at the first start and in the tests. The meanings stand in that file.
#![expect(missing_docs, reason = "config/default.toml is the documentation, and a test makes sure that it is complete")]

use std::{net::SocketAddr, path::PathBuf};

use anser_gateway::forwarded::Network;
use serde::{Deserialize, Deserializer, de::Error};
use tracing_subscriber::EnvFilter;

use crate::roles::Role;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    pub data_dir: PathBuf,
    pub roles: Vec<Role>,
    pub worker_threads: usize,
    pub drain_ms: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    pub durability: Durability,
    pub readers: usize,
    pub queue: usize,
    pub grow_above_free_mib: u64,
    pub write_above_free_mib: u64,
    pub ignore_findings: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    Full,
    Normal,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    #[serde(deserialize_with = "origins")]
    pub allowed_origins: Vec<String>,
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<Network>,
    #[serde(deserialize_with = "non_empty")]
    pub tls_certificate: Option<PathBuf>,
    #[serde(deserialize_with = "non_empty")]
    pub tls_key: Option<PathBuf>,
    pub tls_look_ms: u64,
    #[serde(deserialize_with = "host_names")]
    pub acme_domains: Vec<String>,
    pub acme_directory: String,
    #[serde(deserialize_with = "non_empty")]
    pub acme_contact: Option<String>,
    #[serde(deserialize_with = "non_empty")]
    pub acme_roots: Option<PathBuf>,
    pub connections: usize,
    pub connections_per_ip: usize,
    pub first_byte_timeout_ms: u64,
    pub header_timeout_ms: u64,
    pub header_bytes: usize,
    pub idle_timeout_ms: u64,
    pub body_timeout_ms: u64,
    pub pace_bytes_per_second: u32,
    pub pace_grace_ms: u64,
    pub request_timeout_ms: u64,
    pub request_timeout_most_ms: u64,
    pub hello_timeout_ms: u64,
    pub hello_bytes: u32,
    pub fragments: u32,
    pub pings_per_second: u32,
    pub ping_after_ms: u64,
    pub dead_after_ms: u64,
    pub open_requests: u32,
    pub unacked_pushes: u32,
    pub unacked_push_bytes: u32,
    pub queued_events: usize,
    pub queued_bytes: usize,
    pub slow_close_ms: u64,
    pub sockets_per_session: usize,
    pub handshakes_per_second: u32,
    pub reconnect_spread_ms: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chatroom {
    pub enabled: bool,
    #[serde(deserialize_with = "address")]
    pub http_listen: SocketAddr,
    #[serde(deserialize_with = "address")]
    pub ws_listen: SocketAddr,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    pub issuer: String,
    pub audience: String,
    pub access_token_s: u64,
    pub refresh_token_s: u64,
    pub session_s: u64,
    pub refresh_grace_s: u64,
    pub refresh_repeats: u32,
    pub ticket_s: u64,
    pub hash_memory_kib: u32,
    pub hash_passes: u32,
    pub hash_lanes: u32,
    pub hashes_at_once: usize,
    pub hash_queue: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sms {
    pub provider: SmsVendor,
    #[serde(deserialize_with = "countries")]
    pub countries: Vec<String>,
    pub code_s: u64,
    pub code_tries: u32,
    pub cooldown_s: u64,
    pub codes_per_minute_per_ip: u32,
    pub codes_per_minute_per_range: u32,
    pub codes_per_day: u32,
    pub lookups_per_minute: u32,
    pub timeout_ms: u64,
    pub aliyun_endpoint: String,
    pub aliyun_access_key_id: String,
    #[serde(deserialize_with = "non_empty")]
    pub aliyun_access_key_secret_file: Option<PathBuf>,
    pub aliyun_sign_name: String,
    pub aliyun_template_code: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmsVendor {
    Outbox,
    Aliyun,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    pub request_s: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Messaging {
    pub strangers_may_talk: bool,
    pub send_queue: usize,
    pub index_run: i64,
    pub edit_within_s: i64,
    pub recall_within_s: i64,
    pub recall_as_admin_within_s: i64,
    pub expires_most_s: i64,
    pub schedule_most_s: i64,
    pub keep_versions: bool,
    pub words_file: String,
    pub words_mode: String,
    pub audit_interval_ms: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    pub largest_mib: u32,
    pub at_once_mib: u32,
    pub part_mib: u32,
    #[serde(deserialize_with = "media_types")]
    pub types: Vec<String>,
    pub quota_mib: u32,
    pub uploads: u32,
    pub upload_s: u64,
    pub unclaimed_s: u64,
    pub download_s: u64,
    pub picture_megapixels: u32,
    pub picture_side: u32,
    pub picture_mib: u32,
    pub avatar_kib: usize,
    pub thumbnail_workers: usize,
    pub decode_mib: u32,
    pub transfers: usize,
    pub transfers_per_user: usize,
    pub sweep_ms: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    pub enabled: bool,
    pub memory_mib: usize,
    pub at_once: usize,
    pub queue: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Speech {
    pub provider: SpeechProvider,
    #[serde(deserialize_with = "non_empty")]
    pub key_file: Option<PathBuf>,
    pub language: String,
    pub baidu_token_url: String,
    pub baidu_url: String,
    pub baidu_dev_pid: u32,
    pub openai_url: String,
    pub openai_model: String,
    pub command: Vec<String>,
    pub command_memory_mib: u64,
    pub recording_bytes: usize,
    pub recording_s: i64,
    pub timeout_ms: u64,
    pub at_once: usize,
    pub queue: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpeechProvider {
    Off,
    Baidu,
    OpenAi,
    Command,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub body_bytes: u32,
    pub frame_bytes: u32,
    pub request_bytes: u32,
    pub anonymous_request_bytes: usize,
    pub public_per_second: u32,
    pub public_burst: u32,
    pub sessions_per_second: u32,
    pub session_burst: u32,
    pub reads_per_second: u32,
    pub read_burst: u32,
    pub writes_per_second: u32,
    pub write_burst: u32,
    pub searches_per_second: u32,
    pub search_burst: u32,
    pub speech_per_second: u32,
    pub speech_burst: u32,
    pub sends_per_second: u32,
    pub send_burst: u32,
    pub friends: u32,
    pub friend_categories: u32,
    pub blocks: u32,
    pub conversations: u32,
    pub group_members: u32,
    pub title_bytes: usize,
    pub announcement_bytes: usize,
    pub invite_batch: u32,
    pub friend_requests_per_day: u32,
    pub friend_request_bytes: u32,
    pub name_bytes: usize,
    pub signature_bytes: usize,
    pub profile_changes_per_hour: u32,
    pub invitations: u32,
    pub password_min_bytes: u32,
    pub password_max_bytes: u32,
    pub sessions: u32,
    pub opaque_sessions: u32,
    pub logins_per_minute_per_ip: u32,
    pub logins_per_minute_per_name: u32,
    pub registrations_per_minute_per_ip: u32,
    pub scheduled: u32,
    pub sync_entries: u32,
    pub sync_bytes: u32,
    pub sync_many_bytes: u32,
    pub resume_entries: u32,
    pub resume_bytes: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peers {
    #[serde(deserialize_with = "non_empty")]
    pub store: Option<String>,
    #[serde(deserialize_with = "non_empty")]
    pub secret_file: Option<PathBuf>,
    #[serde(deserialize_with = "optional_address")]
    pub listen: Option<SocketAddr>,
    pub loopback: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub format: LogFormat,
    #[serde(deserialize_with = "directives")]
    pub level: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Pretty,
    Json,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    #[serde(deserialize_with = "optional_address")]
    pub probes_listen: Option<SocketAddr>,
    #[serde(deserialize_with = "non_empty")]
    pub otlp_endpoint: Option<String>,
    pub service_name: String,
    pub trace_one_in: u32,
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| D::Error::custom("an address is IP:port, such as 127.0.0.1:8080"))
}

fn optional_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| D::Error::custom("an address is IP:port, such as 127.0.0.1:8081"))
}

/// An empty text means "not set": the file of defaults has to name every key.
fn non_empty<'de, D: Deserializer<'de>, T: From<String>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok((!text.is_empty()).then(|| text.into()))
}

fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Network>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}

/// As browsers write them, so that one comparison finds them.
fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let is_origin = |text: &str| {
        let authority = text.split_once("://").map(|(_, rest)| rest.trim_end_matches('/'));
        text == "*" || authority.is_some_and(|authority| !authority.is_empty() && !authority.contains('/'))
    };
    match texts.iter().all(|text| is_origin(text)) {
        true => Ok(texts),
        false => Err(D::Error::custom("an origin is scheme://host[:port], such as https://chat.example.com, or *")),
    }
}

/// Names that a certificate can be issued for by asking at their addresses: no wildcards, no addresses.
fn host_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let is_name = |text: &String| {
        let last = text.rsplit('.').next().unwrap_or_default();
        text.len() <= 253 && text.split('.').all(is_label) && !last.bytes().all(|byte| byte.is_ascii_digit())
    };
    match texts.len() <= 100 && texts.iter().all(is_name) {
        true => Ok(texts),
        false => Err(D::Error::custom("a name is lower-case, such as chat.example.com; 100 at most")),
    }
}

fn media_types<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let is_word = |text: &str| {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".+-".contains(&byte);
        !text.is_empty() && text.bytes().all(allowed)
    };
    let is_type = |text: &String| match text.split_once('/') {
        Some((kind, rest)) => is_word(kind) && (rest == "*" || is_word(rest)),
        None => false,
    };
    match texts.len() <= 100 && texts.iter().all(is_type) {
        true => Ok(texts),
        false => Err(D::Error::custom("a type is lower-case, such as image/png or image/*; 100 at most")),
    }
}

/// As ISO 3166-1 names them.
fn countries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    match texts.iter().all(|text| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())) {
        true => Ok(texts),
        false => Err(D::Error::custom("a country is two capital letters, such as CN")),
    }
}

fn directives<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    EnvFilter::try_new(&text).map_err(D::Error::custom)?;
    Ok(text)
}
