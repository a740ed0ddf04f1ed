//! What refusals are called. These clients have no codes: they show the text, or log it.

use std::borrow::Cow;

/// Why a call is refused, in the words that its client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused(pub Cow<'static, str>);

impl From<&'static str> for Refused {
    fn from(words: &'static str) -> Self {
        Self(words.into())
    }
}

impl From<String> for Refused {
    fn from(words: String) -> Self {
        Self(words.into())
    }
}

/// Which part of the older system a call belonged to; its name stands in the words for what failed there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    User,
    Friend,
    Storage,
    Transmit,
    File,
    Speech,
}

impl Part {
    /// Something went wrong that has no words of its own.
    pub fn failed(self) -> Refused {
        match self {
            Part::User => "用户子服务调用失败！",
            Part::Friend => "好友子服务调用失败！",
            Part::Storage => "消息存储子服务调用失败！",
            Part::Transmit => "消息转发子服务调用失败！",
            Part::File => "文件子服务调用失败！",
            Part::Speech => "语音识别子服务调用失败！",
        }
        .into()
    }
}

/// Follows the call's own name.
pub(super) const UNREADABLE: &str = "请求正文反序列化失败！";
pub(super) const TOO_LARGE: &str = "请求正文过大！";
pub(super) const TOO_SLOW: &str = "请求正文接收超时！";
pub(super) const UNKNOWN_SESSION: &str = "获取登录会话关联用户信息失败！";
pub(super) const NO_NODE: &str = "未找到可提供业务处理的用户子服务节点！";
pub(super) const TOO_OFTEN: &str = "操作过于频繁！";

pub(super) const NAME_LENGTH: &str = "用户名长度不合法！";
pub(super) const PASSWORD_FORM: &str = "密码格式不合法！";
pub(super) const NAME_TAKEN: &str = "用户名被占用!";
pub(super) const NOT_STORED: &str = "Mysql数据库新增数据失败!";
pub(super) const WRONG_PASSWORD: &str = "用户名或密码错误!";
pub(super) const PHONE_FORM: &str = "手机号码格式错误!";
pub(super) const CODE_NOT_SENT: &str = "短信验证码发送失败!";
pub(super) const WRONG_CODE: &str = "验证码错误!";
pub(super) const PHONE_TAKEN: &str = "该手机号已注册过用户!";
pub(super) const PHONE_UNKNOWN: &str = "该手机号未注册用户!";

pub(super) const NO_SUCH_USER: &str = "未找到用户信息!";
pub(super) const AVATAR_NOT_CHANGED: &str = "更新数据库用户头像ID失败!";
pub(super) const NICKNAME_NOT_CHANGED: &str = "更新数据库用户昵称失败!";
pub(super) const DESCRIPTION_NOT_CHANGED: &str = "更新数据库用户签名失败!";
pub(super) const PHONE_NOT_CHANGED: &str = "更新数据库用户手机号失败!";
pub(super) const USERS_NOT_READ: &str = "批量获取用户信息失败!";

pub(super) const FRIENDS_ALREADY: &str = "两者已经是好友关系!";
pub(super) const ASKED_ALREADY: &str = "已经申请过对方好友!";
pub(super) const ASKED_ONESELF: &str = "不能申请添加自己为好友!";
pub(super) const MAY_NOT_ASK: &str = "无法申请添加对方为好友!";
pub(super) const NO_SUCH_APPLICATION: &str = "没有找到对应的好友申请事件!";
pub(super) const NOT_FRIENDS: &str = "两者不是好友关系!";

pub(super) const NOT_A_MEMBER: &str = "您不是该会话的成员!";
pub(super) const GROUP_NAME: &str = "群聊名称不合法!";

pub(super) const NO_NODE_TO_SEND: &str = "没有可供访问的用户子服务节点！";
pub(super) const NOT_SENT: &str = "持久化消息发布失败：!";
pub(super) const MAY_NOT_SEND: &str = "您不能在该会话中发送消息!";
pub(super) const EMPTY_MESSAGE: &str = "消息内容不能为空!";
pub(super) const LONG_MESSAGE: &str = "消息内容过长!";
pub(super) const UNKNOWN_MESSAGE_TYPE: &str = "消息类型不支持!";

pub(super) const FILE_NOT_READ: &str = "读取文件数据失败！";
pub(super) const FILE_NOT_STORED: &str = "文件数据存储失败！";
pub(super) const TOO_MANY_FILES: &str = "文件数量过多！";
/// Followed by why.
pub(super) const NOT_RECOGNISED: &str = "语音识别失败:";

/// Why a WebSocket is closed.
pub(super) const FRAME_UNREADABLE: &str = "正文反序列化失败!";
pub(super) const FRAME_UNKNOWN_SESSION: &str = "未找到会话信息!";

/// A group's name where its maker gives none.
pub(super) const NEW_GROUP: &str = "新的群聊";
/// Somebody whose account is closed.
pub(super) const CLOSED_ACCOUNT: &str = "已注销用户";
