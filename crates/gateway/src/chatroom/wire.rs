//! What all requests have in common, and all answers: whose they are, and whether they went well.

use anser_contract::chatroom::*;
use prost::Message;

/// A request.
pub(crate) trait Asked: Message + Default {
    /// What is answered to it.
    type Answer: Answered;

    /// Takes the client's name for the request.
    fn take_request_id(&mut self) -> String;

    /// The token of the session that asks. It stands at another number in each request.
    fn token(&self) -> &str;
}

/// An answer.
pub(crate) trait Answered: Message + Default {
    /// The answer to the request of this name: a success, or `errmsg` and nothing else.
    fn seal(self, request_id: String, errmsg: Option<&str>) -> Self;
}

macro_rules! answers {
    ($($asked:ident => $answered:ident)*) => {$(
        impl Answered for $answered {
            fn seal(self, request_id: String, errmsg: Option<&str>) -> Self {
                match errmsg {
                    None => Self { request_id, success: true, ..self },
                    Some(errmsg) => Self { request_id, errmsg: errmsg.to_owned(), ..Self::default() },
                }
            }
        }
    )*};
}

macro_rules! of_anybody {
    ($($asked:ident => $answered:ident)*) => {
        $(impl Asked for $asked {
            type Answer = $answered;

            fn take_request_id(&mut self) -> String {
                std::mem::take(&mut self.request_id)
            }

            fn token(&self) -> &str {
                ""
            }
        })*
        answers! { $($asked => $answered)* }
    };
}

macro_rules! of_sessions {
    ($($asked:ident => $answered:ident)*) => {
        $(impl Asked for $asked {
            type Answer = $answered;

            fn take_request_id(&mut self) -> String {
                std::mem::take(&mut self.request_id)
            }

            fn token(&self) -> &str {
                self.session_id.as_deref().unwrap_or_default()
            }
        })*
        answers! { $($asked => $answered)* }
    };
}

/// The bytes as each request that they are, written again.
#[cfg(feature = "fuzzing")]
pub(crate) fn said(bytes: &[u8]) -> Vec<Vec<u8>> {
    type Read = fn(&[u8]) -> Option<Vec<u8>>;
    fn one<M: Message + Default>(bytes: &[u8]) -> Option<Vec<u8>> {
        M::decode(bytes).ok().map(|message| message.encode_to_vec())
    }
    let _never_panics = read_frame(bytes);
    let read: [Read; 9] = [
        one::<ClientAuthenticationReq>,
        one::<UserLoginReq>,
        one::<PhoneLoginReq>,
        one::<NewMessageReq>,
        one::<FriendAddProcessReq>,
        one::<GetHistoryMsgReq>,
        one::<ChatSessionCreateReq>,
        one::<PutMultiFileReq>,
        one::<SpeechRecognitionReq>,
    ];
    read.iter().filter_map(|read| read(bytes)).collect()
}

of_anybody! {
    PhoneVerifyCodeReq => PhoneVerifyCodeRsp
    UserRegisterReq => UserRegisterRsp
    UserLoginReq => UserLoginRsp
    PhoneRegisterReq => PhoneRegisterRsp
    PhoneLoginReq => PhoneLoginRsp
}

of_sessions! {
    GetUserInfoReq => GetUserInfoRsp
    SetUserAvatarReq => SetUserAvatarRsp
    SetUserNicknameReq => SetUserNicknameRsp
    SetUserDescriptionReq => SetUserDescriptionRsp
    SetUserPhoneNumberReq => SetUserPhoneNumberRsp
    GetFriendListReq => GetFriendListRsp
    FriendAddReq => FriendAddRsp
    FriendAddProcessReq => FriendAddProcessRsp
    FriendRemoveReq => FriendRemoveRsp
    FriendSearchReq => FriendSearchRsp
    GetPendingFriendEventListReq => GetPendingFriendEventListRsp
    GetChatSessionListReq => GetChatSessionListRsp
    ChatSessionCreateReq => ChatSessionCreateRsp
    GetChatSessionMemberReq => GetChatSessionMemberRsp
    GetRecentMsgReq => GetRecentMsgRsp
    GetHistoryMsgReq => GetHistoryMsgRsp
    MsgSearchReq => MsgSearchRsp
    NewMessageReq => NewMessageRsp
    GetSingleFileReq => GetSingleFileRsp
    GetMultiFileReq => GetMultiFileRsp
    PutSingleFileReq => PutSingleFileRsp
    PutMultiFileReq => PutMultiFileRsp
    SpeechRecognitionReq => SpeechRecognitionRsp
}

/// A notification as its frame says it. Its type stands there even where it is 0: some clients look for it.
pub(crate) fn notification(kind: NotifyType, remarks: notify_message::NotifyRemarks) -> Vec<u8> {
    const NOTIFY_TYPE_TAG: u8 = 2 << 3;
    let message = NotifyMessage { notify_remarks: Some(remarks), ..NotifyMessage::default() };
    let mut out = Vec::with_capacity(2 + message.encoded_len());
    out.extend([NOTIFY_TYPE_TAG, kind as u8]);
    message.encode(&mut out).expect("a vector takes everything");
    out
}

/// What a client's frame says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// Who is there: the token of a session.
    Authentication(String),
    /// A sign of life or a receipt, of clients that send such.
    Life,
}

/// Reads a client's frame; `None`: it is none.
pub(crate) fn read_frame(payload: &[u8]) -> Option<Frame> {
    // The two forms never read as each other: the second field is a text in one and a number in the other.
    if let Ok(request) = ClientAuthenticationReq::decode(payload) {
        return Some(Frame::Authentication(request.session_id));
    }
    let notice = NotifyMessage::decode(payload).ok()?;
    matches!(notice.notify_type(), NotifyType::PushAckNotify | NotifyType::HeartbeatNotify).then_some(Frame::Life)
}

#[cfg(test)]
mod tests;
