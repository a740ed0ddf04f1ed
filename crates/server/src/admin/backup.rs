//! Backups: a folder with a copy of the store, the secrets and the files beside it, and a manifest that says what they
//! must be.
//!
//! It is made under another name (`….partial`) and gets its own only when it is whole, on the disk and checked: what has
//! the name of a backup is one. The server copies the store ([`anser_engine::Db::copy_to`]); all else is done by the
//! command, so that the server is not kept from its people.

pub mod blobs;
pub mod manifest;
mod verify;

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anser_contract::v1::{CopyStoreRequest, StoreSchema};
use anser_engine::restore::STORE_FILE;
use anser_types::Clock;
use anyhow::{Context, bail, ensure};
use manifest::{MANIFEST, Manifest, NamedFile};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio_stream::StreamExt;

use super::{
    Found,
    cli::Backup,
    ctx,
    reach::ReachedStore,
    say::{Say, time},
};
use crate::{
    cli::VERSION,
    config::Config,
    engines::{BLOBS, PEER_SECRET, SECRETS, SIGNING_KEY},
};
pub use verify::{Verified, verify};

/// What stands beside the store and belongs to it.
const BESIDE: [&str; 3] = [SECRETS, SIGNING_KEY, PEER_SECRET];

/// Does it.
pub async fn run(config: &Config, command: Backup, say: &Say) -> anyhow::Result<()> {
    match command {
        Backup::Create { dir, no_verify } => create(config, &dir, no_verify, say).await,
        Backup::Verify { dir } => {
            let verified = verify(&dir, say).await?;
            told(&dir, &verified, say)?;
            if verified.is_sound() { Ok(()) } else { Err(Found(verified.findings.len()).into()) }
        }
    }
}

async fn create(config: &Config, dir: &Path, no_verify: bool, say: &Say) -> anyhow::Result<()> {
    let dir = std::path::absolute(dir)?;
    ensure!(!dir.exists(), "{} is there already", dir.display());
    let (parent, partial) = (dir.parent().context("a backup is a folder in a folder")?, partial_of(&dir)?);
    ensure!(parent.is_dir(), "there is no folder {}", parent.display());
    let _held = take(&partial)?;
    let store = ReachedStore::any(config).await?;
    let outcome = fill(config, &store, &partial, say).await;
    store.leave().await;
    if let Err(error) = outcome {
        let _half = fs::remove_dir_all(&partial);
        return Err(error);
    }
    if !no_verify {
        let verified = verify(&partial, say).await?;
        if !verified.is_sound() {
            told(&partial, &verified, say)?;
            say.note(&format!("this is no sound backup: it was left at {}", partial.display()));
            return Err(Found(verified.findings.len()).into());
        }
    }
    fs::rename(&partial, &dir).with_context(|| format!("cannot name the backup {}", dir.display()))?;
    sync(parent)?;
    let manifest = Manifest::read(&dir)?;
    let value = json!({ "backup": dir, "verified": !no_verify, "manifest": manifest });
    say.result(&value, || {
        let checked = if no_verify { "not checked" } else { "checked" };
        format!("{}: {} bytes, {checked}", dir.display(), manifest.bytes())
    })
}

/// The same name with an ending that says that it is not whole.
fn partial_of(dir: &Path) -> anyhow::Result<PathBuf> {
    let mut name = dir.file_name().context("a backup needs a name")?.to_owned();
    name.push(".partial");
    Ok(dir.with_file_name(name))
}

/// Makes the folder, empty, and holds it: another backup of the same name is refused, what a crash left is removed.
fn take(partial: &Path) -> anyhow::Result<File> {
    match DirBuilder::new().mode(0o700).create(partial) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(error).with_context(|| format!("cannot make {}", partial.display()));
        }
        _ => {}
    }
    let held = File::open(partial)?;
    if held.try_lock().is_err() {
        bail!("another backup is being made at {}", partial.display());
    }
    for left in fs::read_dir(partial)? {
        let left = left?;
        let removed = if left.file_type()?.is_dir() { fs::remove_dir_all } else { fs::remove_file };
        removed(left.path())?;
    }
    Ok(held)
}

/// Puts everything into the folder; when it comes back, it is on the disk.
async fn fill(config: &Config, store: &ReachedStore, partial: &Path, say: &Say) -> anyhow::Result<()> {
    let at = Clock::system().now();
    let schema = store.schema().await?;
    // Before the store and after it: a file that the copy knows was complete before, or came meanwhile.
    let (from, to) = (config.server.data_dir.join(BLOBS), partial.join(BLOBS));
    blobs::copy(&from, &to, say)?;
    copy_store(store, &partial.join(STORE_FILE), say).await?;
    blobs::copy(&from, &to, say)?;
    for name in BESIDE {
        let from = config.server.data_dir.join(name);
        match copy_file(&from, &partial.join(name)) {
            // Without secrets yet: no server has run on it.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            outcome => outcome.map(drop).with_context(|| format!("cannot copy {}", from.display()))?,
        }
    }
    describe(partial, at, &schema).await
}

async fn copy_store(store: &ReachedStore, target: &Path, say: &Say) -> anyhow::Result<()> {
    let path = target.to_str().context("the path of a backup must be text")?.to_owned();
    let mut progress = store.store.copy_store(&ctx(), CopyStoreRequest { path }).await?;
    while let Some(told) = progress.next().await {
        let told = told?;
        if told.done {
            say.progress("");
            return Ok(());
        }
        say.progress(&format!("{} of {} pages", told.pages, told.total));
    }
    bail!("the server ended before the copy was complete")
}

/// Writes the manifest, last.
async fn describe(partial: &Path, at: i64, schema: &StoreSchema) -> anyhow::Result<()> {
    let mut files = Vec::new();
    for name in [STORE_FILE].into_iter().chain(BESIDE) {
        let path = partial.join(name);
        if path.exists() {
            let (bytes, sha256) = digest(&path)?;
            files.push(NamedFile { name: name.into(), bytes, sha256 });
        }
    }
    let manifest = Manifest {
        format: manifest::FORMAT,
        version: VERSION.into(),
        at,
        time: time(at),
        position: verify::last_position(&partial.join(STORE_FILE), schema).await?,
        epoch: schema.epoch.iter().map(|byte| format!("{byte:02x}")).collect(),
        schema: schema.services.iter().map(|row| (row.service.clone(), row.applied)).collect(),
        files,
    };
    let mut file = create_new(&partial.join(MANIFEST))?;
    file.write_all(&manifest.to_bytes()?)?;
    file.sync_all()?;
    sync(partial)?;
    Ok(())
}

fn told(dir: &Path, verified: &Verified, say: &Say) -> anyhow::Result<()> {
    let Verified { manifest, findings, conversations, rows, files, file_bytes, logs_checked } = verified;
    let value = json!({
        "backup": dir, "manifest": manifest, "findings": findings, "conversations": conversations, "rows": rows,
        "files": files, "file_bytes": file_bytes, "logs_checked": logs_checked,
    });
    say.result(&value, || {
        let mut text = dir.display().to_string();
        if let Some(manifest) = manifest {
            text += &format!(": of {}, {} bytes", manifest.time, manifest.bytes());
        }
        match (verified.is_sound(), logs_checked) {
            (true, true) => {
                text +=
                    &format!("; sound, {conversations} conversations, {rows} rows, {files} files of {file_bytes} bytes")
            }
            (true, false) => text += "; sound, but of an older version: its logs are checked when it is restored",
            (false, _) => findings.iter().for_each(|finding| text += &format!("\n  {finding}")),
        }
        text
    })
}

/// A file of which nobody else reads anything.
pub fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Makes what was created or renamed in a folder durable.
pub fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Copies a file, for its owner alone and onto the disk; answers its size and SHA-256.
pub fn copy_file(from: &Path, to: &Path) -> io::Result<(u64, String)> {
    let from = File::open(from)?;
    let mut to = create_new(to)?;
    let outcome = digest_of(from, |bytes| to.write_all(bytes))?;
    to.sync_all()?;
    Ok(outcome)
}

/// The size and SHA-256 of a file.
fn digest(path: &Path) -> io::Result<(u64, String)> {
    digest_of(File::open(path)?, |_| Ok(()))
}

fn digest_of(mut from: File, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<(u64, String)> {
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut part = vec![0; 1 << 20];
    loop {
        let read = from.read(&mut part)?;
        if read == 0 {
            let text = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            return Ok((bytes, text));
        }
        hash.update(&part[..read]);
        each(&part[..read])?;
        bytes += read as u64;
    }
}
