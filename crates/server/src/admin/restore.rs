//! A backup in the place of the store.
//!
//! The backup is checked, copied into the data directory under another name, and opened there: its schema is brought up to
//! this program's, its logs and files are checked, it gets a new name, so that clients who are ahead of it notice, and every
//! session ends. Only then it takes the store's place, in one step that a crash cannot halve
//! ([`anser_engine::restore`]).

use std::{
    fs::{self, DirBuilder},
    io::ErrorKind,
    os::unix::fs::DirBuilderExt,
    path::Path,
};

use anser_contract::v1::RevokeSessionsRequest;
use anser_engine::{StoreLock, data_dir, failpoint::failpoint, restore};
use anser_file::FileKeeper;
use anser_types::Clock;
use anyhow::{Context, bail, ensure};
use serde_json::json;

use super::{Found, backup, cli::Restore, conversations, reach::Reached, say::Say, sessions};
use crate::{
    config::Config,
    engines::{self, BLOBS, PEER_SECRET, SECRETS, SIGNING_KEY},
};

/// Where it is made ready.
const STAGED: &str = "restore.staged";

/// Does it.
pub async fn run(config: &Config, args: &Restore, say: &Say) -> anyhow::Result<()> {
    let dir = data_dir::open(&config.server.data_dir).map_err(engines::in_words)?;
    let _held = StoreLock::take(&dir).map_err(engines::in_words)?;
    restore::finish(&dir)?;
    let occupied = restore::is_occupied(&dir) || [SECRETS, SIGNING_KEY].iter().any(|name| dir.join(name).exists());
    ensure!(!occupied || args.replace, "{} holds a store: --replace puts it aside", dir.display());
    if occupied {
        say.confirm(&format!("The backup will take the place of the store in {}", dir.display()))?;
    }
    let verified = backup::verify(&args.from, say).await?;
    let Some(manifest) = verified.manifest.filter(|_| verified.findings.is_empty()) else {
        verified.findings.iter().for_each(|finding| say.note(finding));
        bail!("{} is damaged: nothing was done", args.from.display());
    };

    let staged = dir.join(STAGED);
    stage(&args.from, &manifest, &staged, args.keep_sessions)?;
    backup::blobs::copy(&args.from.join(BLOBS), &staged.join(BLOBS), say)?;
    let sessions = prepare(config, &staged, args.keep_sessions, say).await?;
    tidy(&staged)?;
    failpoint("restore_staged");
    let kept = restore::put_in_place(&dir, &staged, Clock::system().now())?;
    let value = json!({
        "data_dir": dir, "backup_at": manifest.at, "position": manifest.position, "sessions_ended": sessions,
        "replaced": kept,
    });
    say.result(&value, || {
        let mut text = format!("{} holds the backup of {}", dir.display(), manifest.time);
        if !args.keep_sessions {
            text += &format!("; {sessions} sessions ended, everybody logs in again");
        }
        if let Some(kept) = &kept {
            text += &format!("\nwhat was there is in {}", kept.display());
        }
        text
    })
}

/// Copies what the manifest names. What arrives must be what was checked.
fn stage(from: &Path, manifest: &backup::manifest::Manifest, staged: &Path, keep_sessions: bool) -> anyhow::Result<()> {
    match fs::remove_dir_all(staged) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).context("what a crash left"),
        _ => {}
    }
    DirBuilder::new().mode(0o700).create(staged)?;
    for file in &manifest.files {
        // Access tokens of before are worth nothing under another key.
        if file.name == SIGNING_KEY && !keep_sessions {
            continue;
        }
        let copied = backup::copy_file(&from.join(&file.name), &staged.join(&file.name))
            .with_context(|| format!("cannot copy {}", file.name))?;
        ensure!(copied == (file.bytes, file.sha256.clone()), "{} changed while it was copied", file.name);
    }
    Ok(())
}

/// Makes of the copy a store that may be served; answers how many sessions were ended.
async fn prepare(config: &Config, staged: &Path, keep_sessions: bool, say: &Say) -> anyhow::Result<u32> {
    let mut config = config.clone();
    config.server.data_dir = staged.to_owned();
    let reached = Reached::made(&config).await?;
    let outcome = prepare_in(&reached, staged, keep_sessions, say).await;
    reached.leave().await;
    outcome
}

async fn prepare_in(reached: &Reached, staged: &Path, keep_sessions: bool, say: &Say) -> anyhow::Result<u32> {
    let mut ended = 0;
    if !keep_sessions {
        ended = sessions::revoke(&reached.admin, RevokeSessionsRequest { all: true, ..Default::default() }).await?;
    }
    let checked = conversations::verify(&*reached.admin.log, None, say).await?;
    if !checked.mismatches.is_empty() {
        checked.mismatches.iter().for_each(|mismatch| say.note(&conversations::mismatch_in_words(mismatch)));
        return Err(Found(checked.mismatches.len()).into());
    }
    let db = reached.db().context("a store that was made here")?;
    let files = FileKeeper::new(db);
    let checked = files.verify(&staged.join(BLOBS)).await?;
    if !checked.findings.is_empty() {
        checked.findings.iter().for_each(|finding| say.note(finding));
        return Err(Found(checked.findings.len()).into());
    }
    files.end_uploads().await?;
    db.renew_epoch().await?;
    Ok(ended)
}

/// Leaves only what belongs into a data directory, all of it on the disk.
fn tidy(staged: &Path) -> anyhow::Result<()> {
    let belongs = [restore::STORE_FILE, SECRETS, SIGNING_KEY, PEER_SECRET, BLOBS];
    for entry in fs::read_dir(staged)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        ensure!(!name.ends_with("-wal"), "the restored store could not be closed");
        if belongs.contains(&&*name) {
            fs::File::open(&path)?.sync_all()?;
        } else if entry.file_type()?.is_dir() {
            fs::remove_dir_all(&path)?;
        } else {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
