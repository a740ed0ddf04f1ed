//! The configuration as the options of each crate. Nothing is decided here: each line carries one key to its place.

use std::{io, path::Path, sync::Arc, time::Duration};

use anser_auth::{AuthOptions, CodeOptions, HashCost};
use anser_contact::ContactOptions;
use anser_contract::v1::Limits;
use anser_engine::{DbOptions, Durability, SpaceLimits};
use anser_file::FileOptions;
use anser_gateway::{
    GatewayOptions, ListenerOptions,
    listener::{
        Pace, Patience,
        acme::Acme,
        tls::{Tls, TlsFiles},
    },
    options::{Intake, Timings, TransferLimits},
    rates::{Allowance, Allowances},
};
use anser_messaging::{MessagingOptions, WordsMode};
use anser_search::SearchOptions;
use anser_speech::{BaiduOptions, CommandOptions, Engine, OpenAiOptions, SpeechOptions};
use anser_types::Clock;
use anser_user::UserOptions;
use anyhow::Context;

use crate::config::{self, Config};

/// For the store.
pub fn store(config: &Config) -> DbOptions {
    let store = &config.store;
    let durability = match store.durability {
        config::Durability::Full => Durability::Full,
        config::Durability::Normal => Durability::Normal,
    };
    // For the proof that the test of durability sees a store that does not wait.
    let durability = if anser_types::plant::planted("synchronous_off") { Durability::Off } else { durability };
    let growth_below = (store.grow_above_free_mib > 0).then_some(store.grow_above_free_mib << 20);
    DbOptions {
        durability,
        readers: store.readers,
        queue: store.queue,
        space: SpaceLimits { growth_below, writes_below: store.write_above_free_mib << 20 },
        ..DbOptions::new(&config.server.data_dir)
    }
}

/// For the user service.
pub fn user(config: &Config) -> UserOptions {
    let limits = &config.limits;
    UserOptions {
        nickname_bytes: limits.name_bytes,
        signature_bytes: limits.signature_bytes,
        changes_an_hour: limits.profile_changes_per_hour,
        ..UserOptions::default()
    }
}

/// For the auth service.
pub fn auth(config: &Config) -> AuthOptions {
    let (auth, limits) = (&config.auth, &config.limits);
    AuthOptions {
        issuer: auth.issuer.clone(),
        audience: auth.audience.clone(),
        access_ttl: seconds(auth.access_token_s),
        refresh_sliding_ttl: seconds(auth.refresh_token_s),
        refresh_absolute_ttl: seconds(auth.session_s),
        refresh_repeats: auth.refresh_repeats,
        refresh_overlap: seconds(auth.refresh_grace_s),
        username_bytes: limits.name_bytes,
        password_bytes: limits.password_min_bytes as usize..=limits.password_max_bytes as usize,
        ticket_ttl: seconds(auth.ticket_s),
        sessions_a_user: limits.sessions as usize,
        opaque_sessions_a_user: limits.opaque_sessions as usize,
        codes: codes(config),
        logins_a_minute_per_ip: limits.logins_per_minute_per_ip,
        logins_a_minute_per_name: limits.logins_per_minute_per_name,
        registrations_a_minute_per_ip: limits.registrations_per_minute_per_ip,
        hash: HashCost { memory_kib: auth.hash_memory_kib, passes: auth.hash_passes, lanes: auth.hash_lanes },
        hashes_at_once: auth.hashes_at_once,
        hash_queue: auth.hash_queue,
    }
}

/// For the codes that auth sends to phones.
fn codes(config: &Config) -> CodeOptions {
    let sms = &config.sms;
    CodeOptions {
        countries: sms.countries.clone(),
        life: seconds(sms.code_s),
        tries: sms.code_tries,
        cooldown: seconds(sms.cooldown_s),
        a_minute_per_ip: sms.codes_per_minute_per_ip,
        a_minute_per_range: sms.codes_per_minute_per_range,
        a_day: sms.codes_per_day,
        lookups_a_minute: sms.lookups_per_minute,
    }
}

/// For the messaging service.
pub fn messaging(config: &Config, page_key: [u8; 32]) -> MessagingOptions {
    let (messaging, limits) = (&config.messaging, &config.limits);
    MessagingOptions {
        strangers: messaging.strangers_may_talk,
        body_bytes: limits.body_bytes as usize,
        sends_per_second: limits.sends_per_second,
        send_burst: limits.send_burst,
        conversations: i64::from(limits.conversations),
        group_members: i64::from(limits.group_members),
        invite_batch: limits.invite_batch as usize,
        invitations: i64::from(limits.invitations),
        title_bytes: limits.title_bytes,
        nickname_bytes: limits.name_bytes,
        announcement_bytes: limits.announcement_bytes,
        send_queue: messaging.send_queue,
        sync_entries: limits.sync_entries as usize,
        sync_bytes: limits.sync_bytes as usize,
        sync_many_bytes: limits.sync_many_bytes as usize,
        resume_entries: limits.resume_entries as usize,
        resume_bytes: limits.resume_bytes as usize,
        page_key,
        index_run: messaging.index_run,
        edit_within_ms: messaging.edit_within_s * 1_000,
        recall_within_ms: messaging.recall_within_s * 1_000,
        recall_as_admin_within_ms: messaging.recall_as_admin_within_s * 1_000,
        expires_most_ms: messaging.expires_most_s * 1_000,
        schedule_most_ms: messaging.schedule_most_s * 1_000,
        scheduled: i64::from(limits.scheduled),
        keep_versions: messaging.keep_versions,
        words_file: (!messaging.words_file.is_empty()).then(|| messaging.words_file.clone().into()),
        words_mode: if messaging.words_mode == "mask" { WordsMode::Mask } else { WordsMode::Reject },
        audit_interval_ms: messaging.audit_interval_ms,
    }
}

/// For the contact service.
pub fn contact(config: &Config) -> ContactOptions {
    let limits = &config.limits;
    ContactOptions {
        friends_a_user: limits.friends as usize,
        requests_a_day: limits.friend_requests_per_day as usize,
        request_ttl: seconds(config.contact.request_s),
        message_bytes: limits.friend_request_bytes as usize,
        categories_a_user: limits.friend_categories as usize,
        blocks_a_user: limits.blocks as usize,
        name_bytes: limits.name_bytes,
    }
}

/// For the search service, over the store with this name.
pub fn search(config: &Config, page_key: [u8; 32], epoch: [u8; 16]) -> SearchOptions {
    let search = &config.search;
    SearchOptions {
        enabled: search.enabled,
        dir: config.server.data_dir.join("index"),
        epoch,
        page_key,
        memory_bytes: search.memory_mib << 20,
        at_once: search.at_once,
        queue: search.queue,
    }
}

/// For the file service.
pub fn file(config: &Config) -> FileOptions {
    let files = &config.files;
    let bytes = |mib: u32| i64::from(mib) << 20;
    FileOptions {
        largest: bytes(files.largest_mib),
        largest_at_once: bytes(files.at_once_mib),
        types: files.types.clone(),
        quota: bytes(files.quota_mib),
        part_bytes: bytes(files.part_mib),
        uploads_a_user: i64::from(files.uploads),
        upload_ttl: seconds(files.upload_s),
        unclaimed_ttl: seconds(files.unclaimed_s),
        download_ttl: seconds(files.download_s),
        pixels: u64::from(files.picture_megapixels) * 1_000_000,
        side: files.picture_side,
        picture_bytes: bytes(files.picture_mib),
        workers: files.thumbnail_workers,
        decode_mib: files.decode_mib,
        sweep_every: milliseconds(files.sweep_ms),
    }
}

/// For the speech service; the keys of its vendor have to be read first.
pub fn speech(config: &Config) -> anyhow::Result<SpeechOptions> {
    let speech = &config.speech;
    let engine = match speech.provider {
        config::SpeechProvider::Off => Engine::Off,
        config::SpeechProvider::Baidu => {
            let [api_key, secret_key] = keys(speech.key_file.as_deref())?;
            Engine::Baidu(BaiduOptions {
                token_url: speech.baidu_token_url.clone(),
                url: speech.baidu_url.clone(),
                dev_pid: speech.baidu_dev_pid,
                api_key,
                secret_key,
            })
        }
        config::SpeechProvider::OpenAi => {
            let key = match &speech.key_file {
                Some(_) => keys::<1>(speech.key_file.as_deref())?[0].clone(),
                None => String::new(),
            };
            let (model, language) = (speech.openai_model.clone(), speech.language.clone());
            Engine::OpenAi(OpenAiOptions { url: speech.openai_url.clone(), model, language, key })
        }
        config::SpeechProvider::Command => Engine::Command(CommandOptions {
            program: speech.command.clone(),
            folder: std::path::absolute(&config.server.data_dir)?.join("speech"),
            memory_mib: speech.command_memory_mib,
        }),
    };
    Ok(SpeechOptions {
        engine,
        at_once: speech.at_once,
        queue: speech.queue,
        audio_bytes: speech.recording_bytes,
        audio_ms: speech.recording_s * 1_000,
        timeout: milliseconds(speech.timeout_ms),
    })
}

/// The first lines of the file with keys.
fn keys<const N: usize>(file: Option<&Path>) -> anyhow::Result<[String; N]> {
    let file = file.context("speech.key_file: this provider needs one")?;
    let text = std::fs::read_to_string(file).with_context(|| format!("speech.key_file {}", file.display()))?;
    let keys: Vec<String> = text.lines().map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned).collect();
    let count = keys.len();
    keys.try_into().ok().with_context(|| format!("speech.key_file {} has {count} lines, not {N}", file.display()))
}

/// For the gateway.
pub fn gateway(config: &Config) -> GatewayOptions {
    let gateway = &config.gateway;
    GatewayOptions {
        limits: limits(config),
        allowed_origins: gateway.allowed_origins.clone(),
        trusted_proxies: gateway.trusted_proxies.clone(),
        allowances: allowances(config),
        recording_bytes: config.speech.recording_bytes,
        intake: Intake {
            anonymous_bytes: config.limits.anonymous_request_bytes,
            whole: milliseconds(gateway.body_timeout_ms),
            pace: pace(config),
        },
        transfers: TransferLimits {
            at_once: config.files.transfers,
            at_once_a_user: config.files.transfers_per_user,
            avatar_bytes: config.files.avatar_kib << 10,
        },
        sockets_per_session: gateway.sockets_per_session,
        max_connections: gateway.connections,
        handshakes_per_second: gateway.handshakes_per_second,
        hello_bytes: gateway.hello_bytes,
        fragments: gateway.fragments,
        pings_per_second: gateway.pings_per_second,
        queued_events: gateway.queued_events,
        queued_bytes: gateway.queued_bytes,
        timings: Timings {
            hello: milliseconds(gateway.hello_timeout_ms),
            ping_after: milliseconds(gateway.ping_after_ms),
            dead_after: milliseconds(gateway.dead_after_ms),
            slow_grace: milliseconds(gateway.slow_close_ms),
            request: milliseconds(gateway.request_timeout_ms),
            request_max: milliseconds(gateway.request_timeout_most_ms),
            // A token outlives its session by its own time at most, and clocks may differ by a minute.
            remember_ended: seconds(config.auth.access_token_s + 60),
            ..Timings::default()
        },
        ..GatewayOptions::default()
    }
}

/// For the gateway's listener; its certificate ([`tls`]) has to be read first.
pub fn listener(config: &Config) -> ListenerOptions {
    let gateway = &config.gateway;
    ListenerOptions {
        max_connections: gateway.connections,
        max_connections_per_source: gateway.connections_per_ip,
        proxies: gateway.trusted_proxies.clone(),
        max_header_bytes: gateway.header_bytes,
        patience: Patience {
            first_byte: milliseconds(gateway.first_byte_timeout_ms),
            header: milliseconds(gateway.header_timeout_ms),
            idle: milliseconds(gateway.idle_timeout_ms),
            pace: pace(config),
        },
        tls: None,
        drain_timeout: milliseconds(config.server.drain_ms),
    }
}

/// The gateway's TLS, if it has any: reads its certificate, or has one made.
pub fn tls(config: &Config, clock: &Clock) -> io::Result<Option<Arc<Tls>>> {
    let gateway = &config.gateway;
    let look = milliseconds(gateway.tls_look_ms);
    if let (Some(certificate), Some(key)) = (gateway.tls_certificate.clone(), gateway.tls_key.clone()) {
        return Tls::load(TlsFiles { certificate, key, look }).map(Some);
    }
    if gateway.acme_domains.is_empty() {
        return Ok(None);
    }
    let acme = Acme {
        domains: gateway.acme_domains.clone(),
        directory: gateway.acme_directory.clone(),
        contact: gateway.acme_contact.clone(),
        roots: gateway.acme_roots.clone(),
        folder: config.server.data_dir.join("acme"),
    };
    Tls::issued(acme, look, clock.clone()).map(Some)
}

fn pace(config: &Config) -> Pace {
    let gateway = &config.gateway;
    Pace { grace: milliseconds(gateway.pace_grace_ms), bytes_per_second: gateway.pace_bytes_per_second }
}

/// How often people may ask.
fn allowances(config: &Config) -> Allowances {
    let limits = &config.limits;
    let allowance = |per_second, burst| Allowance { per_second, burst };
    Allowances {
        public: allowance(limits.public_per_second, limits.public_burst),
        session: allowance(limits.sessions_per_second, limits.session_burst),
        read: allowance(limits.reads_per_second, limits.read_burst),
        write: allowance(limits.writes_per_second, limits.write_burst),
        search: allowance(limits.searches_per_second, limits.search_burst),
        speech: allowance(limits.speech_per_second, limits.speech_burst),
    }
}

/// What clients are told in `welcome`.
fn limits(config: &Config) -> Limits {
    let limits = &config.limits;
    Limits {
        body_bytes: limits.body_bytes,
        frame_bytes: limits.frame_bytes,
        json_request_bytes: limits.request_bytes,
        open_requests: config.gateway.open_requests,
        unacked_pushes: config.gateway.unacked_pushes,
        unacked_push_bytes: config.gateway.unacked_push_bytes,
        sends_per_second: limits.sends_per_second,
        send_burst: limits.send_burst,
        friends: limits.friends,
        conversations: limits.conversations,
        group_members: limits.group_members,
        invite_batch: limits.invite_batch,
        sync_entries: limits.sync_entries,
        sync_bytes: limits.sync_bytes,
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn milliseconds(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
