//! The engines under the services: the data directory, the store in it, the secrets beside it.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anser_auth::AuthSecrets;
use anser_contract::PeerSecret;
use anser_engine::{Db, Level, Migration, Secrets, data_dir, selfcheck};
use anser_file::BlobStore;
use anser_gateway::Health;
use anser_types::Clock;
use anyhow::{Context, ensure};

use crate::{config::Config, options};

/// The store's secrets, beside it.
pub const SECRETS: &str = "secrets";
/// The key that signs access tokens.
pub const SIGNING_KEY: &str = "token-signing-key";
/// What gateways in other processes show; to be copied to them.
pub const PEER_SECRET: &str = "peer.secret";

/// The folder of complete files.
pub const BLOBS: &str = "blobs";
/// The folder of files that are still coming.
pub const UPLOADS: &str = "uploads";

/// What the services stand on.
pub struct Engines {
    /// The store.
    pub db: Db,
    /// What auth keeps secret.
    pub auth: AuthSecrets,
    /// Authenticates the page tokens of messaging.
    pub messaging_pages: [u8; 32],
    /// Authenticates the page tokens of contact, and goes into its hashes.
    pub contact: [u8; 32],
    /// Authenticates the page tokens of search.
    pub search: [u8; 32],
    /// Goes into the hashes of the user service.
    pub user: [u8; 32],
    /// Seals downloads and page tokens of the file service, and goes into its hashes.
    pub file: [u8; 32],
    /// Where complete files lie.
    pub blobs: BlobStore,
    /// The folder of files that are still coming.
    pub uploads: PathBuf,
    /// What gateways in other processes show.
    pub peer: PeerSecret,
}

impl Engines {
    /// Opens everything in the data directory; makes it at the first start. The store comes first: it holds the lock
    /// of the directory, so that two first starts do not make two sets of secrets.
    pub fn open(config: &Config, clock: &Clock, health: &Health) -> anyhow::Result<Self> {
        let options = options::store(config);
        let dir = data_dir::open(&options.dir).map_err(in_words)?;
        check(config, &dir, health)?;
        let db = Db::open(&options, &migrations(), clock.clone()).map_err(in_words)?;
        let mut secrets = Secrets::open(dir.join(SECRETS)).map_err(in_words)?;
        Ok(Self {
            db,
            auth: AuthSecrets {
                signing_key_pkcs8: secret_file(&dir.join(SIGNING_KEY), || Ok(anser_auth::generate_signing_key()?))?,
                refresh_pepper: secrets.load_or_create("auth-refresh")?,
            },
            messaging_pages: secrets.load_or_create("messaging-pages")?,
            contact: secrets.load_or_create("contact")?,
            search: secrets.load_or_create("search")?,
            user: secrets.load_or_create("user")?,
            file: secrets.load_or_create("file")?,
            blobs: BlobStore::local(&dir.join(BLOBS)).map_err(in_words)?,
            uploads: dir.join(UPLOADS),
            peer: peer_secret(&mut secrets, &dir.join(PEER_SECRET))?,
        })
    }
}

/// Every service's schema.
pub fn migrations() -> Vec<Migration> {
    let all = [
        anser_user::MIGRATIONS,
        anser_auth::MIGRATIONS,
        anser_messaging::MIGRATIONS,
        anser_contact::MIGRATIONS,
        anser_file::MIGRATIONS,
    ];
    all.concat()
}

/// Looks at what the promises rest on: refuses, or says what is missing here and in /readyz.
fn check(config: &Config, dir: &Path, health: &Health) -> anyhow::Result<()> {
    for finding in selfcheck(dir, options::store(config).durability).map_err(in_words)? {
        let may_start = finding.level == Level::Degraded || config.store.ignore_findings;
        ensure!(may_start, "{} (store.ignore_findings starts all the same)", finding.text);
        tracing::warn!("DEGRADED: {}", finding.text);
        health.degrade("durability", true);
    }
    Ok(())
}

/// Whoever starts a server reads sentences; the code is for programs.
pub fn in_words(error: anser_types::Error) -> anyhow::Error {
    anyhow::Error::msg(error.detail)
}

/// The secret as a file of its own, because the gateway's process gets a copy of that file and of nothing else.
fn peer_secret(secrets: &mut Secrets, path: &Path) -> anyhow::Result<PeerSecret> {
    let secret = secrets.load_or_create("peer")?;
    let text: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let bytes = secret_file(path, || Ok(format!("{text}\n").into_bytes()))?;
    let text = String::from_utf8(bytes).with_context(|| format!("{} is no text", path.display()))?;
    ensure!(!text.trim().is_empty(), "{} is empty", path.display());
    Ok(PeerSecret::new(&text))
}

/// What stands in a file that only its owner may read; made and on stable storage at the first start.
fn secret_file(path: &Path, make: impl FnOnce() -> anyhow::Result<Vec<u8>>) -> anyhow::Result<Vec<u8>> {
    match fs::read(path) {
        Ok(bytes) => return Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
    let bytes = make()?;
    write_new(path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(bytes)
}

/// A crash leaves the whole file or none.
fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let unfinished = path.with_extension("new");
    let _left_by_a_crash = fs::remove_file(&unfinished);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    path.parent().map_or(Ok(()), |dir| fs::File::open(dir)?.sync_all())
}
