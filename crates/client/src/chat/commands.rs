//! What one can do. Each command is a line that begins with `/`; every other line is a message.

use anser_types::{ConversationId, FriendRequestId, UserId};
use anyhow::{Context as _, anyhow, bail};

use super::{
    room::{Room, is_pending},
    show::printable,
};
use crate::http::Range;

const HELP: &str = "\
People
  /find NAME             look somebody up by their exact user name
  /add NAME [MESSAGE]    ask somebody for friendship
  /requests              who asks you
  /accept NAME           become friends          /reject NAME   say no
  /friends               your friends            /unfriend NAME end it
Conversations
  /list                  your conversations, newest first
  /open NAME             talk: a friend's name, a group's title, or a number of /list
  /group TITLE: NAME…    make a group with these friends
  /invite NAME…          bring people into the open group
  /members               who is in the open conversation
  /admin NAME            make a member an admin  /remove NAME   remove a member
  /leave                 leave the open group
  /invitations           groups that want you    /join N, /decline N
Messages
  TEXT                   say it in the open conversation (//TEXT where it begins with a slash)
  /history [N]           the last N messages     /more          older ones
Yourself
  /sessions              where you are signed in
  /logout                sign out                /quit          leave and stay signed in";

/// Does what a line says; false: leave.
pub(super) async fn obey(room: &mut Room, line: &str) -> anyhow::Result<bool> {
    if let Some(text) = line.strip_prefix("//") {
        room.say(&format!("/{text}")).await?;
        return Ok(true);
    }
    if !line.starts_with('/') {
        if !line.is_empty() {
            room.say(line).await?;
        }
        return Ok(true);
    }
    let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    match command {
        "/help" => println!("{HELP}"),
        "/find" => find(room, rest).await?,
        "/add" => add(room, rest).await?,
        "/requests" => requests(room).await?,
        "/accept" => answer(room, rest, true).await?,
        "/reject" => answer(room, rest, false).await?,
        "/friends" | "/people" => friends(room).await?,
        "/unfriend" => unfriend(room, rest).await?,
        "/list" => list(room).await?,
        "/open" => open(room, rest).await?,
        "/group" => group(room, rest).await?,
        "/invite" => invite(room, rest).await?,
        "/members" => members(room).await?,
        "/admin" => admin(room, rest).await?,
        "/remove" => remove(room, rest).await?,
        "/leave" => leave(room).await?,
        "/invitations" => invitations(room).await?,
        "/join" => join(room, rest, true).await?,
        "/decline" => join(room, rest, false).await?,
        "/history" => history(room, rest).await?,
        "/more" => more(room).await?,
        "/sessions" => sessions(room).await?,
        "/logout" => {
            room.client.logout().await?;
            println!("signed out");
            return Ok(false);
        }
        "/quit" => return Ok(false),
        other => bail!("there is no {other}; /help lists what there is"),
    }
    Ok(true)
}

async fn find(room: &mut Room, name: &str) -> anyhow::Result<()> {
    let profile = room.client.find(name).await?;
    println!("{} ({})", printable(&profile.nickname), printable(&profile.username));
    Ok(())
}

async fn id_of(room: &Room, name: &str) -> anyhow::Result<UserId> {
    if name.is_empty() {
        bail!("whom? Give a user name");
    }
    let profile = room.client.find(name).await.with_context(|| format!("{name:?}"))?;
    Ok(UserId::try_from(&profile.user_id[..])?)
}

async fn add(room: &mut Room, rest: &str) -> anyhow::Result<()> {
    let (name, message) = rest.split_once(' ').unwrap_or((rest, ""));
    let user = id_of(room, name).await?;
    let view = room.client.request_friend(user, message.trim()).await?;
    if is_pending(&view) {
        println!("asked; you will hear when they answer");
    }
    Ok(())
}

async fn requests(room: &mut Room) -> anyhow::Result<()> {
    let page = room.client.friend_requests(false, 50, "").await?;
    room.requests = page.items.into_iter().filter(is_pending).collect();
    if room.requests.is_empty() {
        println!("nobody asks at the moment");
    }
    for view in &room.requests {
        let from = view.from.clone().unwrap_or_default();
        let message = view.request.clone().unwrap_or_default().message;
        println!("  {} ({})  {}", printable(&from.nickname), printable(&from.username), printable(&message));
    }
    Ok(())
}

async fn answer(room: &mut Room, name: &str, accept: bool) -> anyhow::Result<()> {
    let from = id_of(room, name).await?;
    let page = room.client.friend_requests(false, 200, "").await?;
    let request = page.items.iter().filter(|view| is_pending(view)).filter_map(|view| view.request.as_ref());
    let request = request.into_iter().find(|request| request.from_user_id == from.as_bytes());
    let request = request.ok_or_else(|| anyhow!("{name} has not asked"))?;
    let id = FriendRequestId::try_from(&request.request_id[..])?;
    if accept {
        room.client.accept_friend(id).await?;
        room.refresh_list().await?;
        println!("you are friends now; /open {name} to talk");
    } else {
        room.client.reject_friend(id).await?;
        println!("rejected");
    }
    Ok(())
}

async fn friends(room: &mut Room) -> anyhow::Result<()> {
    let page = room.client.friends(200, "").await?;
    if page.items.is_empty() {
        println!("no friends yet; /add NAME");
    }
    let profiles: Vec<_> = page.items.into_iter().filter_map(|view| view.profile).collect();
    let ids: Vec<UserId> = profiles.iter().filter_map(|friend| UserId::try_from(&friend.user_id[..]).ok()).collect();
    let seen = room.client.presence(&ids).await?;
    for profile in profiles {
        let online = seen.iter().any(|seen| seen.online && seen.user_id == profile.user_id);
        let online = if online { "  online" } else { "" };
        println!("  {} ({}){online}", printable(&profile.nickname), printable(&profile.username));
    }
    Ok(())
}

async fn unfriend(room: &mut Room, name: &str) -> anyhow::Result<()> {
    let user = id_of(room, name).await?;
    room.client.delete_friend(user).await?;
    println!("{name} is no longer your friend");
    Ok(())
}

async fn list(room: &mut Room) -> anyhow::Result<()> {
    room.refresh_list().await?;
    if room.listed.is_empty() {
        println!("no conversations yet; /add NAME to find a friend, /group TITLE: NAME… to make a group");
    }
    for index in 0..room.listed.len() {
        let conversation = room.listed[index].clone();
        let unread =
            if conversation.unread > 0 { format!("  ({} unread)", conversation.unread) } else { String::new() };
        let last = match &conversation.last_message {
            Some(entry) => room.line(entry).await,
            None => String::new(),
        };
        println!("  {}  {}{unread}  {last}", index + 1, printable(&conversation.title));
    }
    Ok(())
}

async fn open(room: &mut Room, wanted: &str) -> anyhow::Result<()> {
    room.refresh_list().await?;
    let by_number = wanted.parse::<usize>().ok().and_then(|number| room.listed.get(number.checked_sub(1)?));
    let found = by_number.or_else(|| {
        room.listed.iter().find(|conversation| {
            let username = conversation.peer.as_ref().map(|peer| peer.username.as_str());
            conversation.title == wanted || username == Some(wanted)
        })
    });
    let found = found.ok_or_else(|| anyhow!("no conversation is called {wanted:?}; /list shows them"))?;
    let (id, head) = (ConversationId::try_from(&found.conversation_id[..])?, found.head_seq);
    room.open = Some(id);
    show_history(room, Range { limit: 10, ..Range::default() }).await?;
    room.client.mark_read(id, head).await?;
    Ok(())
}

fn opened(room: &Room) -> anyhow::Result<ConversationId> {
    room.open.ok_or_else(|| anyhow!("no conversation is open; /open NAME first"))
}

async fn group(room: &mut Room, rest: &str) -> anyhow::Result<()> {
    let (title, names) = rest.split_once(':').ok_or_else(|| anyhow!("say /group TITLE: NAME…"))?;
    let people = ids_of(room, names).await?;
    let made = room.client.create_group(title.trim(), &people).await?;
    room.refresh_list().await?;
    room.open = Some(ConversationId::try_from(&made.conversation_id[..])?);
    println!("the group “{}” is open", printable(title.trim()));
    Ok(())
}

async fn ids_of(room: &Room, names: &str) -> anyhow::Result<Vec<UserId>> {
    let mut ids = Vec::new();
    for name in names.split_whitespace() {
        ids.push(id_of(room, name).await?);
    }
    Ok(ids)
}

async fn invite(room: &mut Room, names: &str) -> anyhow::Result<()> {
    let people = ids_of(room, names).await?;
    let reply = room.client.invite(opened(room)?, &people).await?;
    let (joined, invited, already) = (reply.joined.len(), reply.invited.len(), reply.already.len());
    println!("{joined} came in, {invited} were asked, {already} were here");
    Ok(())
}

async fn members(room: &mut Room) -> anyhow::Result<()> {
    let conversation = opened(room)?;
    let mut cursor = String::new();
    loop {
        let page = room.client.members(conversation, 200, &cursor).await?;
        for view in &page.items {
            let profile = view.profile.clone().unwrap_or_default();
            let role = format!("{:?}", view.role()).to_lowercase();
            println!("  {} ({})  {role}", printable(&profile.nickname), printable(&profile.username));
        }
        cursor = page.next_cursor;
        if cursor.is_empty() {
            return Ok(());
        }
    }
}

async fn admin(room: &mut Room, name: &str) -> anyhow::Result<()> {
    let user = id_of(room, name).await?;
    room.client.change_role(opened(room)?, user, "admin").await?;
    Ok(())
}

async fn remove(room: &mut Room, name: &str) -> anyhow::Result<()> {
    let user = id_of(room, name).await?;
    Ok(room.client.remove_member(opened(room)?, user).await?)
}

async fn leave(room: &mut Room) -> anyhow::Result<()> {
    let conversation = opened(room)?;
    room.client.leave(conversation).await?;
    room.open = None;
    println!("you left");
    Ok(())
}

async fn invitations(room: &mut Room) -> anyhow::Result<()> {
    room.invitations = room.client.invitations().await?.items;
    if room.invitations.is_empty() {
        println!("no invitations");
    }
    for (index, view) in room.invitations.iter().enumerate() {
        let inviter = view.inviter.clone().unwrap_or_default();
        println!("  {}  {} (from {})", index + 1, printable(&view.title), printable(&inviter.nickname));
    }
    Ok(())
}

async fn join(room: &mut Room, number: &str, accept: bool) -> anyhow::Result<()> {
    let number: usize = number.parse().context("say which: a number of /invitations")?;
    if room.invitations.is_empty() {
        room.invitations = room.client.invitations().await?.items;
    }
    let view = number.checked_sub(1).and_then(|index| room.invitations.get(index));
    let view = view.ok_or_else(|| anyhow!("there is no invitation {number}"))?;
    let conversation = ConversationId::try_from(&view.conversation_id[..])?;
    if accept {
        room.client.accept_invitation(conversation).await?;
        room.refresh_list().await?;
        room.open = Some(conversation);
    } else {
        room.client.decline_invitation(conversation).await?;
    }
    room.invitations.clear();
    Ok(())
}

async fn history(room: &mut Room, count: &str) -> anyhow::Result<()> {
    let limit = if count.is_empty() { 20 } else { count.parse().context("how many?")? };
    show_history(room, Range { limit, ..Range::default() }).await
}

async fn more(room: &mut Room) -> anyhow::Result<()> {
    if room.shown_from <= 1 {
        println!("that was the beginning");
        return Ok(());
    }
    show_history(room, Range { before_seq: room.shown_from, limit: 20, ..Range::default() }).await
}

async fn show_history(room: &mut Room, range: Range) -> anyhow::Result<()> {
    let conversation = opened(room)?;
    let page = room.client.history(conversation, range).await?;
    if page.has_more {
        println!("  … /more shows what was before");
    }
    for entry in &page.items {
        let line = room.line(entry).await;
        println!("  {line}");
    }
    room.shown_from = page.items.first().map_or(0, |entry| entry.seq);
    Ok(())
}

async fn sessions(room: &mut Room) -> anyhow::Result<()> {
    for session in room.client.sessions().await? {
        let here = if session.current { "  (here)" } else { "" };
        println!("  {} {}{here}", printable(&session.device_name), printable(&session.platform));
    }
    Ok(())
}
