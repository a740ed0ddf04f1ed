//! Letting somebody in.

use super::input::Input;
use crate::{Client, http::LoginDevice};

/// Asks until somebody is logged in; false where the input ended first.
pub async fn enter(client: &Client, input: &mut Input) -> anyhow::Result<bool> {
    loop {
        input.prompt("> ".into());
        let Some(line) = input.line().await else { return Ok(false) };
        let (command, name) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let outcome = match (command, name.trim()) {
            ("", _) => continue,
            ("/quit", _) => return Ok(false),
            ("/register", name) if !name.is_empty() => {
                let Some(password) = input.secret("new password: ").await else { return Ok(false) };
                register(client, name, &password).await
            }
            ("/login", name) if !name.is_empty() => {
                let Some(password) = input.secret("password: ").await else { return Ok(false) };
                login(client, name, &password).await
            }
            _ => {
                println!("  /register NAME   make an account, then you are asked for a password");
                println!("  /login NAME      come in with the account you have");
                println!("  /quit            leave");
                continue;
            }
        };
        match outcome {
            Ok(()) => return Ok(true),
            Err(error) => println!("! {error}"),
        }
    }
}

async fn register(client: &Client, name: &str, password: &str) -> crate::Result<()> {
    client.register(name, password, name).await?;
    login(client, name, password).await
}

async fn login(client: &Client, name: &str, password: &str) -> crate::Result<()> {
    let device = LoginDevice { name: "terminal".into(), platform: std::env::consts::OS.into(), ..Default::default() };
    client.login(name, password, &device).await.map(drop)
}
