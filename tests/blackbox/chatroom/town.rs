//! A server that speaks the protocol, and its people.

use std::{
    net::{SocketAddr, TcpListener},
    sync::atomic::{AtomicU32, Ordering},
};

use anser_client::{Client, http::LoginDevice};
use anser_tests::{Person, TestApp};

use super::client::{Fields, Pushes, call, field, number};

/// Everybody's password: 6 to 15 characters in this protocol.
pub const PASSWORD: &str = "Passw123";

/// A call of a session: its path, and the number at which its request has the token.
pub type Signed = (&'static str, u64);

pub const GET_USER_INFO: Signed = ("/service/user/get_user_info", 3);
pub const SET_AVATAR: Signed = ("/service/user/set_avatar", 3);
pub const SET_NICKNAME: Signed = ("/service/user/set_nickname", 3);
pub const SET_DESCRIPTION: Signed = ("/service/user/set_description", 3);
pub const SET_PHONE: Signed = ("/service/user/set_phone", 3);
pub const GET_FRIENDS: Signed = ("/service/friend/get_friend_list", 3);
pub const APPLY: Signed = ("/service/friend/add_friend_apply", 2);
pub const PROCESS: Signed = ("/service/friend/add_friend_process", 5);
pub const REMOVE: Signed = ("/service/friend/remove_friend", 3);
pub const SEARCH_FRIEND: Signed = ("/service/friend/search_friend", 3);
pub const GET_PENDING: Signed = ("/service/friend/get_pending_friend_events", 2);
pub const GET_CONVERSATIONS: Signed = ("/service/friend/get_chat_session_list", 2);
pub const CREATE_GROUP: Signed = ("/service/friend/create_chat_session", 2);
pub const GET_MEMBERS: Signed = ("/service/friend/get_chat_session_member", 2);
pub const GET_RECENT: Signed = ("/service/message_storage/get_recent", 6);
pub const GET_HISTORY: Signed = ("/service/message_storage/get_history", 6);
pub const SEARCH_HISTORY: Signed = ("/service/message_storage/search_history", 3);
pub const NEW_MESSAGE: Signed = ("/service/message_transmit/new_message", 3);
pub const GET_FILE: Signed = ("/service/file/get_single_file", 4);
pub const GET_FILES: Signed = ("/service/file/get_multi_file", 3);
pub const PUT_FILE: Signed = ("/service/file/put_single_file", 3);
pub const PUT_FILES: Signed = ("/service/file/put_multi_file", 3);
pub const RECOGNIZE: Signed = ("/service/speech/recognition", 4);

/// Every call of a session.
pub const SIGNED: [Signed; 23] = [
    GET_USER_INFO,
    SET_AVATAR,
    SET_NICKNAME,
    SET_DESCRIPTION,
    SET_PHONE,
    GET_FRIENDS,
    APPLY,
    PROCESS,
    REMOVE,
    SEARCH_FRIEND,
    GET_PENDING,
    GET_CONVERSATIONS,
    CREATE_GROUP,
    GET_MEMBERS,
    GET_RECENT,
    GET_HISTORY,
    SEARCH_HISTORY,
    NEW_MESSAGE,
    GET_FILE,
    GET_FILES,
    PUT_FILE,
    PUT_FILES,
    RECOGNIZE,
];

pub const GET_CODE: &str = "/service/user/get_phone_verify_code";
pub const REGISTER: &str = "/service/user/username_register";
pub const LOG_IN: &str = "/service/user/username_login";
pub const PHONE_REGISTER: &str = "/service/user/phone_register";
pub const PHONE_LOG_IN: &str = "/service/user/phone_login";

/// Every call that anybody may make.
pub const OPEN: [&str; 5] = [GET_CODE, REGISTER, LOG_IN, PHONE_REGISTER, PHONE_LOG_IN];

pub const UNKNOWN_SESSION: &str = "获取登录会话关联用户信息失败！";
pub const NOT_A_MEMBER: &str = "您不是该会话的成员!";
pub const NO_SUCH_USER: &str = "未找到用户信息!";
pub const FILE_NOT_READ: &str = "读取文件数据失败！";
pub const TOO_OFTEN: &str = "操作过于频繁！";

/// A server, and where it takes calls and WebSockets of the protocol.
pub struct Town {
    pub app: TestApp,
    pub http: SocketAddr,
    pub ws: SocketAddr,
}

impl Town {
    /// `None`, with a word about it, where the suite may start no server.
    pub async fn start() -> Option<Self> {
        Self::start_with(&[]).await
    }

    /// The same with these settings on top.
    pub async fn start_with(settings: &[&str]) -> Option<Self> {
        let (listen, http, ws) = addresses();
        let settings: Vec<&str> = listen.iter().map(String::as_str).chain(settings.iter().copied()).collect();
        Some(Self { app: TestApp::start_with(&settings).await?, http, ws })
    }

    /// A server whose store is a process of its own, whatever the mode.
    pub async fn start_split() -> Option<Self> {
        let (listen, http, ws) = addresses();
        let settings: Vec<&str> = listen.iter().map(String::as_str).collect();
        Some(Self { app: TestApp::start_split(&settings).await?, http, ws })
    }

    /// A call without a session.
    pub async fn asks(&self, path: &str, fields: &[Vec<u8>]) -> Fields {
        call(self.http, path, fields).await
    }

    /// Registers somebody and logs them in.
    pub async fn person(&self, name: &str) -> Old {
        assert_eq!(self.asks(REGISTER, &[field(2, name), field(3, PASSWORD)]).await.errmsg(), "", "{name}");
        self.log_in(name).await
    }

    /// One more session of somebody.
    pub async fn log_in(&self, name: &str) -> Old {
        let answered = self.asks(LOG_IN, &[field(2, name), field(3, PASSWORD)]).await;
        assert_eq!(answered.errmsg(), "", "{name}");
        self.with_token(answered.text(4)).await
    }

    /// Whose session it is.
    pub async fn with_token(&self, token: String) -> Old {
        let me = call(self.http, GET_USER_INFO.0, &[field(GET_USER_INFO.1, &token)]).await;
        assert_eq!(me.errmsg(), "");
        let me = me.sub(4);
        Old { id: me.text(1), name: me.text(2), token, http: self.http, ws: self.ws }
    }

    /// Two friends, and their conversation.
    pub async fn friends(&self, one: &str, other: &str) -> (Old, Old, String) {
        let (one, other) = (self.person(one).await, self.person(other).await);
        let room = one.befriends(&other).await;
        (one, other, room)
    }

    /// The same person over our own API.
    pub async fn over_our_api(&self, old: &Old) -> Person {
        let client: Client = self.app.anonymous();
        client.login(&old.name, PASSWORD, &LoginDevice::default()).await.unwrap();
        Person { id: client.me().unwrap(), username: old.name.clone(), client }
    }

    /// A number that nobody had before, as these clients write it.
    pub fn phone(&self) -> String {
        self.app.phone()["+86".len()..].to_owned()
    }

    /// Has a code sent to a number and reads it there: its id, and its digits.
    pub async fn code(&self, phone: &str) -> (String, String) {
        let sent = self.asks(GET_CODE, &[field(2, phone)]).await;
        assert_eq!(sent.errmsg(), "", "{phone}");
        let (_, digits) = self.app.codes_sent_to(&format!("+86{phone}")).pop().expect("a code was sent");
        (sent.text(4), digits)
    }
}

/// Two addresses, and the settings that name them.
fn addresses() -> ([String; 3], SocketAddr, SocketAddr) {
    let (http, ws) = (free_address(), free_address());
    let settings =
        ["chatroom.enabled=true".into(), format!("chatroom.http_listen={http}"), format!("chatroom.ws_listen={ws}")];
    (settings, http, ws)
}

/// An address that nobody listens at, below the ports that systems give to outgoing connections: those would take it away
/// before the server is there.
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id().wrapping_mul(61).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let address = SocketAddr::from(([127, 0, 0, 1], 20_000 + (number % 12_000) as u16));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// Somebody with a client of the protocol, in one session.
#[derive(Clone)]
pub struct Old {
    pub id: String,
    pub name: String,
    pub token: String,
    http: SocketAddr,
    ws: SocketAddr,
}

impl Old {
    /// A call, however it ends.
    pub async fn asks(&self, (path, token_at): Signed, fields: &[Vec<u8>]) -> Fields {
        call(self.http, path, &[&[field(token_at, &self.token)], fields].concat()).await
    }

    /// A call that goes well.
    pub async fn does(&self, what: Signed, fields: &[Vec<u8>]) -> Fields {
        let answered = self.asks(what, fields).await;
        assert_eq!(answered.errmsg(), "", "{}", what.0);
        answered
    }

    /// What a call is refused with; nothing where it goes well.
    pub async fn refused(&self, what: Signed, fields: &[Vec<u8>]) -> String {
        self.asks(what, fields).await.errmsg()
    }

    /// Opens a WebSocket.
    pub async fn online(&self) -> Pushes {
        Pushes::open(self.ws, &self.token).await
    }

    pub async fn applies_to(&self, id: &str) -> Fields {
        self.asks(APPLY, &[field(4, id)]).await
    }

    /// Answers an application; how it ends.
    pub async fn answers(&self, agree: bool, applicant: &str) -> Fields {
        // A client leaves out what is the default.
        let agree = if agree { number(3, 1) } else { Vec::new() };
        self.asks(PROCESS, &[agree, field(4, applicant)]).await
    }

    /// Becomes friends with somebody; answers their conversation.
    pub async fn befriends(&self, other: &Old) -> String {
        assert_eq!(self.applies_to(&other.id).await.errmsg(), "");
        let answered = other.answers(true, &self.id).await;
        assert_eq!(answered.errmsg(), "");
        answered.text(4)
    }

    /// Sends a text, however it ends.
    pub async fn tries_to_say(&self, room: &str, text: &str) -> Fields {
        self.asks(NEW_MESSAGE, &[field(4, room), field(5, field(2, field(1, text)))]).await
    }

    /// Says something; answers the message's id.
    pub async fn says(&self, room: &str, text: &str) -> String {
        let sent = self.tries_to_say(room, text).await;
        assert_eq!(sent.errmsg(), "", "{text}");
        sent.text(4)
    }

    /// Sends a picture (1), a file (2) or sound (3), whose content stands at `arm`; answers the message's id.
    pub async fn sends(&self, room: &str, kind: u64, arm: u64, content: &[Vec<u8>]) -> String {
        let message = field(5, [number(1, kind), field(arm, content.concat())].concat());
        self.does(NEW_MESSAGE, &[field(4, room), message]).await.text(4)
    }

    /// The newest messages, oldest first.
    pub async fn recent(&self, room: &str) -> Vec<Fields> {
        self.does(GET_RECENT, &[field(2, room), number(3, 50)]).await.subs(4)
    }

    /// The same as texts.
    pub async fn reads(&self, room: &str) -> Vec<String> {
        self.recent(room).await.iter().map(words).collect()
    }

    /// One's conversations.
    pub async fn conversations(&self) -> Vec<Fields> {
        self.does(GET_CONVERSATIONS, &[]).await.subs(4)
    }

    /// The bytes of a file, if they may have it.
    pub async fn fetches(&self, file_id: &str) -> Option<Vec<u8>> {
        let got = self.asks(GET_FILE, &[field(2, file_id)]).await;
        match got.errmsg().as_str() {
            "" => {
                assert_eq!(got.sub(4).text(1), file_id);
                Some(got.sub(4).bytes(2))
            }
            refused => {
                assert_eq!((refused, got.has(4)), (FILE_NOT_READ, false));
                None
            }
        }
    }
}

/// The words of a message that is a text.
pub fn words(message: &Fields) -> String {
    assert_eq!(message.sub(5).number(1), 0, "{message:?}");
    message.sub(5).sub(2).text(1)
}

/// The names of people.
pub fn names(people: &[Fields]) -> Vec<String> {
    people.iter().map(|person| person.text(2)).collect()
}
