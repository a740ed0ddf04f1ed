//! A plain terminal chat: lines in, lines out, nothing drawn. It works with a person and in a pipe.
//!
//! [`door`] lets somebody in (register, log in), [`room`] holds what is known about people and conversations and shows
//! what happens, [`commands`] are the things one can do. It uses nothing that another program could not use too.

mod commands;
mod door;
mod input;
mod room;
mod show;

use anyhow::Context as _;

use crate::{Client, Connection, Notice, SocketOptions};
use input::Input;
use room::Room;

/// Chats through the server at `server_url` until the person leaves or the input ends.
pub async fn run(server_url: &str) -> anyhow::Result<()> {
    let client = Client::refreshing(server_url)?;
    let mut input = Input::start();
    println!("Anser at {server_url}. Type /register NAME or /login NAME; /help lists what else there is.");
    if !door::enter(&client, &mut input).await? {
        return Ok(());
    }
    let connection = Connection::open(client.clone(), SocketOptions::default());
    let mut room = Room::new(client, connection).await.context("look around")?;
    room.greet().await?;
    loop {
        input.prompt(room.prompt());
        tokio::select! {
            line = input.line() => {
                let Some(line) = line else { break };
                match commands::obey(&mut room, line.trim()).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => println!("! {error}"),
                }
            }
            notice = room.connection.next() => match notice {
                Some(Notice::Ended(cause)) => {
                    println!("! signed out: {cause}");
                    break;
                }
                Some(notice) => {
                    if let Err(error) = room.hear(notice).await {
                        room.told.push(format!("! {error}"));
                    }
                    input.interrupt(room.told.drain(..));
                }
                None => break,
            }
        }
    }
    Ok(())
}
