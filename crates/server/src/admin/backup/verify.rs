//! Whether a backup is what it says: every byte, SQLite's own check, every log in it, and every file that they may name. Nothing in it is touched.

use std::{fs, path::Path};

use anser_contract::v1::{GetSchemaRequest, StoreAdmin, StoreSchema};
use anser_engine::{Db, StoreKeeper, check_file, restore::STORE_FILE};
use anser_file::FileKeeper;
use anser_messaging::LogKeeper;
use anser_types::Clock;
use anyhow::Context;

use super::{
    digest,
    manifest::{MANIFEST, Manifest},
};
use crate::{
    admin::{
        conversations::{self, mismatch_in_words},
        ctx, reach,
        say::Say,
    },
    engines::{self, BLOBS},
};

/// What a check saw.
#[derive(Default)]
pub struct Verified {
    /// What the backup says about itself, where that can be read.
    pub manifest: Option<Manifest>,
    /// What is wrong.
    pub findings: Vec<String>,
    /// Conversations whose logs were checked.
    pub conversations: u64,
    /// Rows of them.
    pub rows: u64,
    /// Contents of files that were read.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// False: the schema is an older one, whose logs this program cannot read before they are migrated.
    pub logs_checked: bool,
}

impl Verified {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Checks the backup in `dir`. An error: it could not be checked at all.
pub async fn verify(dir: &Path, say: &Say) -> anyhow::Result<Verified> {
    fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut verified = Verified::default();
    let manifest = match Manifest::read(dir) {
        Ok(manifest) => manifest,
        Err(error) => {
            verified.findings.push(format!("{error:#}"));
            return Ok(verified);
        }
    };
    say.progress("reading every byte");
    verified.findings = files(dir, &manifest);
    verified.manifest = Some(manifest);
    if verified.is_sound() {
        say.progress("checking the store");
        if let Err(error) = store(dir, &mut verified, say).await {
            verified.findings.push(format!("the store cannot be read: {error:#}"));
        }
    }
    say.progress("");
    Ok(verified)
}

/// Whether the files are those that the manifest names.
fn files(dir: &Path, manifest: &Manifest) -> Vec<String> {
    let mut findings = Vec::new();
    if !manifest.files.iter().any(|file| file.name == STORE_FILE) {
        findings.push("there is no store in it".to_owned());
    }
    for file in &manifest.files {
        match digest(&dir.join(&file.name)) {
            Ok((bytes, _)) if bytes != file.bytes => {
                findings.push(format!("{} has {bytes} bytes and not {}", file.name, file.bytes));
            }
            Ok((_, sha256)) if sha256 != file.sha256 => findings.push(format!("{} is damaged", file.name)),
            Ok(_) => {}
            Err(error) => findings.push(format!("{} cannot be read: {error}", file.name)),
        }
    }
    // A log beside a copy would be taken for the copy's own.
    let named = |name: &str| name == MANIFEST || name == BLOBS || manifest.files.iter().any(|file| file.name == name);
    let strangers = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let strangers = strangers.filter(|name| !named(&name.to_string_lossy()));
    findings.extend(strangers.map(|name| format!("{} does not belong to it", name.to_string_lossy())));
    findings
}

async fn store(dir: &Path, verified: &mut Verified, say: &Say) -> anyhow::Result<()> {
    let path = &dir.join(STORE_FILE);
    let faults = check_file(path)?;
    verified.findings.extend(faults.into_iter().map(|fault| format!("the store's file: {fault}")));
    if !verified.is_sound() {
        return Ok(());
    }
    let db = Db::frozen(path, Clock::system())?;
    let outcome = logs(&db, dir, verified, say).await;
    db.close().await;
    outcome
}

async fn logs(db: &Db, dir: &Path, verified: &mut Verified, say: &Say) -> anyhow::Result<()> {
    let schema = StoreKeeper::new(db, engines::migrations()).get_schema(&ctx(), GetSchemaRequest {}).await?;
    let manifest = verified.manifest.as_ref();
    let applied = schema.services.iter().map(|row| (row.service.clone(), row.applied));
    if manifest.is_some_and(|manifest| manifest.schema != applied.collect()) {
        verified.findings.push("the schema is not the one that the manifest names".into());
    }
    if schema.services.iter().any(|row| row.applied > row.known) {
        verified.findings.push("the backup is of a newer version than this program".into());
    }
    if reach::refuse_other(&schema).is_err() {
        return Ok(());
    }
    let keeper = LogKeeper::of_copy(db).await?;
    let position = keeper.last_position().await?;
    if manifest.and_then(|manifest| manifest.position).is_some_and(|named| named != position) {
        verified.findings.push(format!("the journal ends at position {position} and not where the manifest says"));
    }
    let checked = conversations::verify(&*keeper, None, say).await?;
    verified.findings.extend(checked.mismatches.iter().map(mismatch_in_words));
    (verified.conversations, verified.rows) = (checked.conversations, checked.rows);
    say.progress("reading files");
    let checked = FileKeeper::new(db).verify(&dir.join(BLOBS)).await?;
    verified.findings.extend(checked.findings);
    (verified.files, verified.file_bytes) = (checked.contents, checked.bytes);
    verified.logs_checked = true;
    Ok(())
}

/// The journal's last position in a copy, if its schema is this program's.
pub async fn last_position(path: &Path, schema: &StoreSchema) -> anyhow::Result<Option<i64>> {
    if reach::refuse_other(schema).is_err() {
        return Ok(None);
    }
    let db = Db::frozen(path, Clock::system())?;
    let position = match LogKeeper::of_copy(&db).await {
        Ok(keeper) => keeper.last_position().await,
        Err(error) => Err(error),
    };
    db.close().await;
    Ok(Some(position?))
}
