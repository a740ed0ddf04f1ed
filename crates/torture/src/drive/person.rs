//! Somebody with an account and the sessions of their devices.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::{sync::Mutex, time::Instant};

use super::{Answer, Dice, Http, http::persist};

const PASSWORD: &str = "correct horse";

/// How old an access token may get before it is exchanged; servers make them live ten minutes.
const TOKEN_AGE: Duration = Duration::from_secs(400);

/// Somebody.
pub struct Person {
    /// Their id.
    pub id: String,
    /// Their login name.
    pub name: String,
    pub(super) http: Http,
    /// The session under which they do things that belong to no device.
    pub desk: Login,
}

/// A session of one device.
pub struct Login {
    /// The device.
    pub device: String,
    tokens: Mutex<Tokens>,
}

struct Tokens {
    access: String,
    refresh: String,
    since: Instant,
}

impl Person {
    /// Registers somebody under `name`.
    pub async fn register(http: &Http, name: String, dice: &mut Dice) -> Result<Self> {
        let body = json!({"username": name, "password": PASSWORD, "nickname": name});
        let answer = http.insist("", "POST", "/v1/users", body).await.context("register")?;
        let id = answer.get("user_id").and_then(Value::as_str).context("a registration without user_id")?.to_owned();
        let desk = log_in(http, &name, dice.device_id()).await?;
        Ok(Self { id, name, http: http.clone(), desk })
    }

    /// Somebody who never logs in: only a name to be invited.
    pub async fn register_absent(http: &Http, name: &str) -> Result<String> {
        let body = json!({"username": name, "password": PASSWORD, "nickname": name});
        let answer = http.insist("", "POST", "/v1/users", body).await.context("register")?;
        Ok(answer.get("user_id").and_then(Value::as_str).context("a registration without user_id")?.to_owned())
    }

    /// Logs in on a new device.
    pub async fn log_in(&self, dice: &mut Dice) -> Result<Login> {
        log_in(&self.http, &self.name, dice.device_id()).await
    }

    /// A good access token of `login`.
    pub async fn token(&self, login: &Login) -> String {
        let mut tokens = login.tokens.lock().await;
        if tokens.since.elapsed() > TOKEN_AGE {
            let body = json!({"refresh_token": tokens.refresh});
            let answer = self.http.unrecorded("", "POST", "/v1/sessions:refresh", &body).await;
            if answer.good() {
                *tokens = Tokens::read(&answer.body);
            }
        }
        tokens.access.clone()
    }

    /// Does something over HTTP, recorded.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        let token = self.token(&self.desk).await;
        self.http.call(&self.id, &token, method, path, body).await
    }

    /// The same until it works or is refused for good.
    pub async fn insist(&self, method: &str, path: &str, body: Value) -> Result<Answer> {
        let answer = persist(|| self.call(method, path, body.clone())).await;
        ensure!(answer.good(), "{method} {path}: {} {}", answer.status, answer.body);
        Ok(answer)
    }

    /// Becomes friends with `other`.
    pub async fn befriend(&self, other: &Person) -> Result<()> {
        let answer = self.insist("POST", "/v1/friend-requests", json!({"to_user_id": other.id})).await?;
        let request = answer.body.get("request").unwrap_or(&answer.body);
        let id = request.get("request_id").and_then(Value::as_str).context("a friend request without id")?;
        if request.get("state").and_then(Value::as_str) != Some("accepted") {
            other.insist("POST", &format!("/v1/friend-requests/{id}:accept"), Value::Null).await?;
        }
        Ok(())
    }
}

async fn log_in(http: &Http, name: &str, device: String) -> Result<Login> {
    let body = json!({"username": name, "password": PASSWORD, "device_id": device, "device_name": "torture", "platform": "test"});
    let answer = http.insist("", "POST", "/v1/sessions", body).await.context("log in")?;
    Ok(Login { device, tokens: Mutex::new(Tokens::read(&answer)) })
}

impl Tokens {
    fn read(answer: &Value) -> Self {
        let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token"), since: Instant::now() }
    }
}
