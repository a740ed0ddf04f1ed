//! Which provider of short messages there is, and the file with its key.

use std::{fs, path::Path, sync::Arc};

use anser_auth::sms::{Aliyun, AliyunOptions, SmsOutbox, SmsProvider};
use anser_types::Clock;
use anyhow::{Context, ensure};

use crate::{
    config::{Config, SmsVendor},
    engines::in_words,
    options,
};

/// Where codes go that are sent to nobody, in the data directory.
const OUTBOX: &str = "sms-outbox.jsonl";

/// The provider that the configuration names.
pub fn provider(config: &Config, clock: &Clock) -> anyhow::Result<Arc<dyn SmsProvider>> {
    Ok(match config.sms.provider {
        SmsVendor::Outbox => {
            let path = config.server.data_dir.join(OUTBOX);
            tracing::warn!("phone codes are sent to nobody: they are written to {} (sms.provider)", path.display());
            Arc::new(SmsOutbox::new(path).context("cannot close the outbox of phone codes to others")?)
        }
        SmsVendor::Aliyun => Arc::new(aliyun(config, clock)?),
    })
}

fn aliyun(config: &Config, clock: &Clock) -> anyhow::Result<Aliyun> {
    let sms = &config.sms;
    let file = sms.aliyun_access_key_secret_file.as_deref().context("sms.aliyun_access_key_secret_file is not set")?;
    for (key, text) in [("sign_name", &sms.aliyun_sign_name), ("template_code", &sms.aliyun_template_code)] {
        ensure!(!text.is_empty(), "sms.aliyun_{key} is not set");
    }
    let options = AliyunOptions {
        endpoint: sms.aliyun_endpoint.clone(),
        access_key_id: sms.aliyun_access_key_id.clone(),
        access_key_secret: secret(file)?,
        sign_name: sms.aliyun_sign_name.clone(),
        template_code: sms.aliyun_template_code.clone(),
        timeout: options::milliseconds(sms.timeout_ms),
    };
    Aliyun::new(options, clock.clone()).map_err(in_words).context("sms.aliyun")
}

fn secret(file: &Path) -> anyhow::Result<String> {
    let text =
        fs::read_to_string(file).with_context(|| format!("sms.aliyun_access_key_secret_file {}", file.display()))?;
    Ok(text.trim().to_owned())
}
