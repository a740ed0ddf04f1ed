//! The version of the store's schema, and bringing it up to this program's.

use super::{
    reach::{Reached, ReachedStore},
    say::Say,
};
use crate::config::Config;

/// Prints what was applied and what is still to come.
pub async fn show(config: &Config, say: &Say) -> anyhow::Result<()> {
    let store = ReachedStore::any(config).await?;
    let schema = store.schema().await;
    store.leave().await;
    let schema = schema?;
    say.result(&schema, || {
        let mut text = String::from("service     applied  known");
        for row in &schema.services {
            let pending = match row.known - row.applied {
                0 => String::new(),
                pending if pending > 0 => format!("  {pending} pending"),
                _ => "  written by a newer version".into(),
            };
            text += &format!("\n{:<10} {:>8} {:>6}{pending}", row.service, row.applied, row.known);
        }
        text
    })
}

/// Applies what is pending, without serving; makes the store where there is none.
pub async fn migrate(config: &Config, say: &Say) -> anyhow::Result<()> {
    if anser_engine::restore::is_occupied(&config.server.data_dir) {
        let store = ReachedStore::any(config).await?;
        let served = store.is_served();
        store.leave().await;
        if served {
            say.note("a server runs: it brought the schema up to its own version when it started");
            return show(config, say).await;
        }
    }
    Reached::made(config).await?.leave().await;
    show(config, say).await
}
