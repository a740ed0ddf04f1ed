//! The calls: path, name, part, size, how often, verb.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    routing::{MethodRouter, post},
};

use super::{
    Room, accounts,
    call::{Answer, Call},
    conversations, door, files, friends, history, profile, send, socket, speech,
    wire::Asked,
    words::{Part, Refused},
};
use crate::rates::Rate;

/// What is known of a call before it comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct About {
    pub path: &'static str,
    /// What the older system called it; stands in some refusals.
    pub name: &'static str,
    pub part: Part,
    pub rate: Rate,
    /// Whether its body may hold media.
    pub large: bool,
    /// Whether it is a session's.
    pub signed_in: bool,
}

/// A call that anybody may make.
fn open(path: &'static str, name: &'static str, part: Part) -> About {
    // Who makes accounts and sessions how often is auth's to say.
    About { path, name, part, rate: Rate::Own, large: false, signed_in: false }
}

/// A call of a session.
fn signed(path: &'static str, name: &'static str, part: Part, rate: Rate) -> About {
    About { path, name, part, rate, large: false, signed_in: true }
}

/// The same with media in its body.
fn media(path: &'static str, name: &'static str, part: Part, rate: Rate) -> About {
    About { large: true, ..signed(path, name, part, rate) }
}

/// Every call, and WebSockets at any other path.
pub(super) fn router() -> Router<Arc<Room>> {
    use Part::*;
    let rows = [
        whole(open("/service/user/get_phone_verify_code", "获取短信验证码", User), accounts::get_phone_verify_code),
        whole(open("/service/user/username_register", "用户名注册", User), accounts::username_register),
        whole(open("/service/user/username_login", "用户名登录", User), accounts::username_login),
        whole(open("/service/user/phone_register", "手机号注册", User), accounts::phone_register),
        whole(open("/service/user/phone_login", "手机号登录", User), accounts::phone_login),
        whole(signed("/service/user/get_user_info", "获取用户信息", User, Rate::Read), profile::get_user_info),
        whole(media("/service/user/set_avatar", "设置用户头像", User, Rate::Write), profile::set_avatar),
        whole(signed("/service/user/set_nickname", "设置用户昵称", User, Rate::Write), profile::set_nickname),
        whole(signed("/service/user/set_description", "设置用户签名", User, Rate::Write), profile::set_description),
        whole(signed("/service/user/set_phone", "设置用户手机号", User, Rate::Write), profile::set_phone),
        whole(signed("/service/friend/get_friend_list", "获取好友列表", Friend, Rate::Read), friends::get_friend_list),
        whole(signed("/service/friend/add_friend_apply", "申请好友", Friend, Rate::Write), friends::add_friend_apply),
        whole(
            signed("/service/friend/add_friend_process", "好友申请处理", Friend, Rate::Write),
            friends::add_friend_process,
        ),
        whole(signed("/service/friend/remove_friend", "删除好友", Friend, Rate::Write), friends::remove_friend),
        whole(signed("/service/friend/search_friend", "用户搜索", Friend, Rate::Search), friends::search_friend),
        whole(
            signed("/service/friend/get_pending_friend_events", "获取待处理好友申请", Friend, Rate::Read),
            friends::get_pending_friend_events,
        ),
        whole(
            signed("/service/friend/get_chat_session_list", "获取聊天会话列表", Friend, Rate::Read),
            conversations::get_chat_session_list,
        ),
        whole(
            signed("/service/friend/create_chat_session", "创建聊天会话", Friend, Rate::Write),
            conversations::create_chat_session,
        ),
        whole(
            signed("/service/friend/get_chat_session_member", "获取聊天会话成员", Friend, Rate::Read),
            conversations::get_chat_session_member,
        ),
        whole(signed("/service/message_storage/get_recent", "获取最近消息", Storage, Rate::Read), history::get_recent),
        whole(
            signed("/service/message_storage/get_history", "获取历史消息", Storage, Rate::Read),
            history::get_history,
        ),
        whole(
            signed("/service/message_storage/search_history", "消息搜索", Storage, Rate::Search),
            history::search_history,
        ),
        // How often people send is messaging's to say.
        whole(media("/service/message_transmit/new_message", "新消息", Transmit, Rate::Own), send::new_message),
        streamed(signed("/service/file/get_single_file", "单文件下载", File, Rate::Read), files::get_single_file),
        streamed(signed("/service/file/get_multi_file", "批量文件下载", File, Rate::Read), files::get_multi_file),
        whole(media("/service/file/put_single_file", "单文件上传", File, Rate::Write), files::put_single_file),
        whole(media("/service/file/put_multi_file", "批量文件上传", File, Rate::Write), files::put_multi_file),
        whole(media("/service/speech/recognition", "语音识别", Speech, Rate::Speech), speech::recognition),
    ];
    let mut router = Router::new();
    for (path, row) in rows {
        router = router.route(path, row);
    }
    router.fallback(socket::upgrade)
}

type Row = (&'static str, MethodRouter<Arc<Room>>);

/// A call that is answered at once.
fn whole<Q, V, F>(about: About, verb: V) -> Row
where
    Q: Asked + Send + 'static,
    Q::Answer: Send,
    V: Fn(Call, Q) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Q::Answer, Refused>> + Send + 'static,
{
    streamed(about, move |call, asked| {
        let answering = verb(call, asked);
        async move { answering.await.map(Answer::Whole) }
    })
}

/// A call whose answer may be long.
fn streamed<Q, V, F>(about: About, verb: V) -> Row
where
    Q: Asked + Send + 'static,
    Q::Answer: Send,
    V: Fn(Call, Q) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Answer<Q::Answer>, Refused>> + Send + 'static,
{
    let handler = move |State(room): State<Arc<Room>>, request: Request| door::answer(room, about, request, verb);
    (about.path, post(handler).options(door::preflight))
}
