//! The things of one row: a group, its messages and links, requests, sessions. Each is made when it is first asked for.

use std::collections::HashMap;

use anser_tests::{PASSWORD, Person, file_id, png, until};
use anser_types::{ConversationId, FriendCategoryId, FriendRequestId, JoinLinkId, MessageId, SessionId};
use serde_json::json;

use super::{
    people::{People, VICTIMS, WITH_BLOCKED, WITH_FRIEND},
    table::{Principal, Request},
};

/// A group as the table describes it, with what was said in it.
struct Group {
    id: ConversationId,
    /// One's own message in it, by who one is.
    own: HashMap<Principal, i64>,
    message: i64,
    other_admins_message: i64,
    /// Said after somebody was removed.
    later_message: i64,
}

/// The things of one row.
pub struct Scene<'p> {
    people: &'p People,
    /// Stands in what only members of the group may know, and what only those may who are still there.
    pub members_secret: String,
    pub later_secret: String,
    group: Option<Group>,
    dismissed: Option<ConversationId>,
    /// The code that was sent to the newest phone.
    shown: serde_json::Value,
    things: HashMap<(String, Principal), String>,
}

impl<'p> Scene<'p> {
    pub fn new(people: &'p People) -> Self {
        let number = new_id(&people.owner);
        Self {
            people,
            members_secret: format!("quetzal-of-members-{number}"),
            later_secret: format!("quetzal-of-later-{number}"),
            group: None,
            dismissed: None,
            shown: serde_json::Value::Null,
            things: HashMap::new(),
        }
    }

    /// What of all secrets `who` may not hear.
    pub fn secrets_for(&self, who: Principal) -> Vec<&str> {
        let mut secrets = vec![VICTIMS];
        if who != Principal::Friend {
            secrets.push(WITH_FRIEND);
        }
        if who != Principal::Blocked {
            secrets.push(WITH_BLOCKED);
        }
        match who {
            Principal::Owner | Principal::Admin | Principal::Member | Principal::Muted => {}
            Principal::Former => secrets.push(&self.later_secret),
            _ => secrets.extend([self.members_secret.as_str(), &self.later_secret]),
        }
        secrets
    }

    /// The request as `who` makes it.
    pub async fn request(&mut self, request: &Request, who: Principal) -> Request {
        let mut things = Vec::new();
        for name in request.places() {
            things.push(self.thing(&name, who).await);
        }
        request.filled(&things)
    }

    /// The thing of this name, from where `who` stands.
    pub async fn thing(&mut self, name: &str, who: Principal) -> String {
        if let Some(phone) = self.new_phone(name, who).await {
            return phone;
        }
        if name.starts_with("new_") {
            return new_id(&self.people.owner);
        }
        let key = (name.to_owned(), who);
        if let Some(thing) = self.things.get(&key) {
            return thing.clone();
        }
        let thing = self.make(name, who).await;
        self.things.insert(key, thing.clone());
        thing
    }

    /// A phone that nobody has, with a code sent to it, and the two parts of that code.
    async fn new_phone(&mut self, name: &str, who: Principal) -> Option<String> {
        let People { app, victim, .. } = self.people;
        let me = &self.people.person(who).client;
        let phone = app.phone();
        let (holder, purpose) = match name {
            "new_code_id" => return Some(self.shown["code_id"].as_str().unwrap().to_owned()),
            "new_code" => return Some(self.shown["code"].as_str().unwrap().to_owned()),
            "new_wrong_code" => {
                let right: u32 = self.shown["code"].as_str().unwrap().parse().unwrap();
                return Some(format!("{:06}", (right + 1) % 1_000_000));
            }
            "new_phone" => (me, "account"),
            "new_own_phone" => (me, "change_phone"),
            "new_victims_phone" => (&victim.client, "change_phone"),
            "new_registered_phone" | "new_phone_of_one_without_password" => {
                let code = app.code(&app.anonymous(), &phone, "account").await.unwrap();
                app.anonymous().post::<serde_json::Value>("/v1/users:by-phone", code).await.unwrap();
                (me, if name == "new_registered_phone" { "account" } else { "reset_password" })
            }
            _ => return None,
        };
        self.shown = app.code(holder, &phone, purpose).await.unwrap();
        Some(phone)
    }

    async fn make(&mut self, name: &str, who: Principal) -> String {
        let people = self.people;
        let me = people.person(who);
        match name {
            "group" => self.group().await.id.to_string(),
            "message" => self.group().await.message.to_string(),
            "later_message" => self.group().await.later_message.to_string(),
            "other_admins_message" => self.group().await.other_admins_message.to_string(),
            "owners_message" => self.group().await.own[&Principal::Owner].to_string(),
            "own_message" => {
                let group = self.group().await;
                group.own.get(&who).unwrap_or(&group.message).to_string()
            }
            "dismissed" => self.dismissed().await.to_string(),
            "owner" => people.owner.id.to_string(),
            "other_admin" => people.other_admin.id.to_string(),
            "member" => people.other_member.id.to_string(),
            "me" => me.id.to_string(),
            "link" | "code" => self.link(name).await,
            "applicant" => self.applicant().await.id.to_string(),

            "victim" => people.victim.id.to_string(),
            "victim_name" => people.victim.username.clone(),
            "victim_phone" => phone_of(people, &people.victim).await,
            "victim_session" => session_of(&people.victim.on_another_device().await),
            "victim_category" => own_category(&people.victim, VICTIMS).await,
            "hidden" | "hidden_name" | "hidden_phone" => self.hidden(name).await,
            "direct" => self.direct(who).to_string(),
            "victims_direct_message" => match who {
                Principal::Blocked => people.said_before_block.0.to_string(),
                _ => said(&people.victim, self.direct(who), WITH_FRIEND).await,
            },
            "own_direct_message" => match who {
                Principal::Blocked => people.said_before_block.1.to_string(),
                Principal::Friend => said(me, self.direct(who), WITH_FRIEND).await,
                _ => said(&people.friend, self.direct(who), WITH_FRIEND).await,
            },
            "unfriended" => {
                let other = newcomer(people).await;
                let direct = me.befriends(&other).await;
                other.client.delete_friend(me.id).await.unwrap();
                direct.to_string()
            }

            "username" => me.username.clone(),
            "password" => PASSWORD.to_owned(),
            "own_session" => session_of(&me.on_another_device().await),
            "refresh_token" => match who {
                Principal::Anonymous => format!("ar_{}", "A".repeat(43)),
                Principal::Service => people.foreign_tokens.last().unwrap().clone(),
                Principal::Revoked => people.revoked.client.tokens().unwrap().refresh_token,
                _ => me.on_another_device().await.client.tokens().unwrap().refresh_token,
            },
            "own_category" => own_category(me, &new_id(me)).await,
            "own_friend" => {
                let other = newcomer(people).await;
                me.befriends(&other).await;
                other.id.to_string()
            }
            "newcomer" => newcomer(people).await.id.to_string(),
            "blocked_by_me" => {
                let other = newcomer(people).await;
                me.client.block(other.id).await.unwrap();
                other.id.to_string()
            }
            "request_to_me" => newcomer(people).await.asks(me).await.to_string(),
            "request_from_me" => me.asks(&newcomer(people).await).await.to_string(),
            "request_of_others" => self.request_of_others().await.to_string(),
            "own_file" => file_id(&me.sends_file("mine.txt", "mine").await),
            "victims_file" => file_id(&people.victim.sends_file("quetzal", VICTIMS).await),
            "own_picture" => picture(me).await,
            "victims_face" => face(&people.victim).await,
            "own_upload" => begun_upload(me).await,
            "victims_upload" => begun_upload(&people.victim).await,
            "own_full_upload" => {
                let upload = begun_upload(me).await;
                let path = format!("/v1/uploads/{upload}/parts/1");
                assert_eq!(me.calls(reqwest::Method::PUT, &path, &[], "1234567").await.status(), 204);
                upload
            }
            "own_download" => {
                let file = file_id(&me.sends_file("mine.txt", "mine").await);
                let signed = me.answered(reqwest::Method::POST, &format!("/v1/files/{file}:sign"), None).await.1;
                signed["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
            }
            "own_group" => me.group("my own", &[]).await.to_string(),
            "own_groups_message" => {
                let own = self.things[&("own_group".to_owned(), who)].parse().unwrap();
                said(me, own, "hello").await
            }
            "own_scheduled" => {
                let own = self.things[&("own_group".to_owned(), who)].parse().unwrap();
                scheduled(me, own, "hello").await
            }
            "members_scheduled" => {
                let group = self.group().await.id;
                scheduled(&people.other_member, group, &self.members_secret).await
            }
            "tomorrow" => tomorrow(me).to_string(),
            "group_that_invites_me" => newcomer(people).await.group("come", &[me]).await.to_string(),
            "emoji" => "%F0%9F%91%8D".to_owned(),
            "first_part" => "1".to_owned(),
            "file" => "swagger-ui.css".to_owned(),
            unknown => panic!("scene.rs knows no {{{unknown}}}"),
        }
    }

    async fn group(&mut self) -> &Group {
        if self.group.is_none() {
            let group = self.make_group().await;
            self.group = Some(group);
        }
        self.group.as_ref().unwrap()
    }

    async fn make_group(&self) -> Group {
        let people = self.people;
        let People { owner, admin, member, muted, former, other_admin, other_member, .. } = people;
        let id = owner.group("walks", &[admin, member, muted, former, other_admin, other_member]).await;
        for admin in [admin, other_admin] {
            owner.client.change_role(id, admin.id, "admin").await.unwrap();
        }
        let mut own = HashMap::new();
        for who in [Principal::Owner, Principal::Admin, Principal::Member, Principal::Muted, Principal::Former] {
            own.insert(who, people.person(who).says(id, &self.members_secret).await.seq);
        }
        let message = other_member.says(id, &self.members_secret).await.seq;
        let other_admins_message = other_admin.says(id, &self.members_secret).await.seq;
        owner.client.mute_member(id, muted.id, 86_400_000).await.unwrap();
        owner.client.remove_member(id, former.id).await.unwrap();
        let later_message = other_member.says(id, &self.later_secret).await.seq;
        let changes =
            json!({ "title": self.later_secret, "announcement": self.later_secret, "avatar": self.later_secret });
        owner.client.change_group(id, changes).await.unwrap();
        owner.client.set_member_nickname(id, other_member.id, "quetzal").await.unwrap();
        Group { id, own, message, other_admins_message, later_message }
    }

    async fn dismissed(&mut self) -> ConversationId {
        if let Some(id) = self.dismissed {
            return id;
        }
        let id = self.make_group().await.id;
        self.people.owner.client.dismiss_group(id).await.unwrap();
        *self.dismissed.insert(id)
    }

    async fn link(&mut self, what: &str) -> String {
        let group = self.group().await.id;
        let link = self.people.owner.client.create_join_link(group, 0, 0).await.unwrap();
        match what {
            "code" => link.code,
            _ => JoinLinkId::try_from(&link.link_id[..]).unwrap().to_string(),
        }
    }

    async fn applicant(&mut self) -> Person {
        let code = self.link("code").await;
        let group = self.group().await.id;
        self.people.owner.client.change_group(group, json!({ "approval": true })).await.unwrap();
        let applicant = newcomer(self.people).await;
        assert!(applicant.client.join_by_link(&code, &self.members_secret).await.unwrap().waiting);
        applicant
    }

    /// Somebody whom nobody may find or ask, and who has one friend.
    async fn hidden(&mut self, what: &str) -> String {
        let hidden = newcomer(self.people).await;
        hidden.befriends(&self.people.friend).await;
        let nobody = json!({ "find_me": "nobody", "request_me": "nobody" });
        hidden.client.patch::<serde_json::Value>("/v1/users/me/privacy", nobody).await.unwrap();
        match what {
            "hidden" => hidden.id.to_string(),
            "hidden_phone" => phone_of(self.people, &hidden).await,
            _ => hidden.username,
        }
    }

    /// What the victim has with one of two; to all others it is foreign.
    fn direct(&self, who: Principal) -> ConversationId {
        if who == Principal::Blocked { self.people.with_blocked } else { self.people.with_friend }
    }

    async fn request_of_others(&self) -> FriendRequestId {
        let (one, victim) = (newcomer(self.people).await, &self.people.victim);
        let asked = one.client.request_friend(victim.id, VICTIMS).await.unwrap();
        FriendRequestId::try_from(&asked.request.unwrap().request_id[..]).unwrap()
    }

    /// All that the owner and the victim see, where a refused request might have changed something.
    pub async fn digest(&self) -> Vec<(String, String)> {
        let People { owner, victim, .. } = self.people;
        let mut questions = Vec::new();
        if let Some(Group { id, .. }) = &self.group {
            for part in ["", "/members", "/links", "/join-requests"] {
                questions.push((owner, format!("/v1/conversations/{id}{part}")));
            }
            questions.push((owner, format!("/v1/sync/conversation?conversation_id={id}")));
        }
        if let Some(id) = self.dismissed {
            questions.push((owner, format!("/v1/sync/conversation?conversation_id={id}")));
        }
        for path in ["users/me", "sync/me", "sync/heads", "sessions", "invitations"] {
            questions.push((victim, format!("/v1/{path}")));
        }
        let mut answers = Vec::new();
        for (person, path) in questions {
            let mut answer: serde_json::Value = person.client.get(&path, &[]).await.unwrap();
            forget_the_passing(&mut answer);
            answers.push((path, answer.to_string()));
        }
        answers
    }
}

/// What moves by itself: tokens, when a session was seen last, and that friends change their profiles.
const PASSING: &[&str] = &["next_cursor", "next_token", "last_seen_at", "signature", "friends"];

fn forget_the_passing(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Array(items) => items.iter_mut().for_each(forget_the_passing),
        serde_json::Value::Object(fields) => {
            fields.retain(|name, _| !PASSING.contains(&name.as_str()));
            fields.values_mut().for_each(forget_the_passing);
        }
        _ => {}
    }
}

/// A new number of somebody's, as it stands in an address.
async fn phone_of(people: &People, person: &Person) -> String {
    let phone = people.app.phone();
    let code = people.app.code(&person.client, &phone, "change_phone").await.unwrap();
    person.client.put::<serde_json::Value>("/v1/users/me/phone", code).await.unwrap();
    phone.replace('+', "%2B")
}

/// Somebody whom nobody knows.
pub async fn newcomer(people: &People) -> Person {
    people.app.person("newcomer").await
}

pub fn new_id(person: &Person) -> String {
    MessageId::new(person.client.clock()).to_string()
}

pub fn session_of(person: &Person) -> String {
    SessionId::try_from(&person.client.tokens().unwrap().session_id[..]).unwrap().to_string()
}

pub async fn said(person: &Person, conversation: ConversationId, text: &str) -> String {
    person.says(conversation, text).await.seq.to_string()
}

/// With its thumbnail.
async fn picture(person: &Person) -> String {
    let picture = file_id(&person.sends_file("picture.png", png(40, 30)).await);
    let path = format!("/v1/files/{picture}");
    until("the thumbnail", || async {
        person.answered(reqwest::Method::GET, &path, None).await.1["has_thumbnail"] == true
    })
    .await;
    picture
}

async fn face(person: &Person) -> String {
    let headers = [("content-type", "image/png")];
    let answer = person.calls(reqwest::Method::POST, "/v1/avatars", &headers, png(40, 30)).await;
    let made: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    made["file_id"].as_str().unwrap().to_owned()
}

/// Of seven bytes, none of which has come.
pub async fn begun_upload(person: &Person) -> String {
    let wanted = json!({ "name": "quetzal", "size": 7 });
    let begun = person.answered(reqwest::Method::POST, "/v1/uploads", Some(wanted)).await.1;
    begun["upload_id"].as_str().unwrap().to_owned()
}

/// In Unix milliseconds.
pub fn tomorrow(person: &Person) -> i64 {
    person.client.clock().now() + 86_400_000
}

async fn scheduled(person: &Person, conversation: ConversationId, text: &str) -> String {
    let message = person.message(conversation, text);
    person.client.schedule(&message, tomorrow(person)).await.unwrap();
    MessageId::try_from(&message.client_msg_id[..]).unwrap().to_string()
}

pub async fn own_category(person: &Person, name: &str) -> String {
    let known = person.client.friend_categories().await.unwrap().items;
    let category = match known.into_iter().find(|category| category.name == name) {
        Some(category) => category,
        None => person.client.create_friend_category(name).await.unwrap(),
    };
    FriendCategoryId::try_from(&category.category_id[..]).unwrap().to_string()
}
