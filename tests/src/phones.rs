//! Phones, and the codes that they get: read from the file where a server without a provider writes them.

use std::{
    fs,
    sync::atomic::{AtomicU32, Ordering},
};

use anser_client::{Client, Result};
use serde_json::{Value, json};

use crate::TestApp;

impl TestApp {
    /// A number that no test had before.
    pub fn phone(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        format!("+86139{:08}", COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// The codes that a phone got, oldest first: purpose and digits.
    pub fn codes_sent_to(&self, phone: &str) -> Vec<(String, String)> {
        let lines = fs::read_to_string(self.store_dir().join("sms-outbox.jsonl")).unwrap_or_default();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let word = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
        lines.filter(|line| line["phone"] == phone).map(|line| (word(&line, "purpose"), word(&line, "code"))).collect()
    }

    /// Has a code sent to a phone, and reads it there: what is to be shown with it. `change_phone` is for who is logged in.
    pub async fn code(&self, client: &Client, phone: &str, purpose: &str) -> Result<Value> {
        let sent: Value = match purpose {
            "change_phone" => client.post("/v1/users/me/phone-codes", json!({ "phone": phone })).await?,
            _ => client.post("/v1/phone-codes", json!({ "phone": phone, "purpose": purpose })).await?,
        };
        let (sent_for, code) = self.codes_sent_to(phone).pop().unwrap();
        assert_eq!(sent_for, purpose);
        Ok(json!({ "phone": phone, "code_id": sent["code_id"], "code": code, "expires_at": sent["expires_at"] }))
    }
}
