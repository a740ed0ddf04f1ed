//! The golden vectors of the protocol, to the byte.

use anser_contract::chatroom::{message_content::MsgContent, notify_message::NotifyRemarks, *};
use bytes::Bytes;
use prost::Message;

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    hex.as_bytes().chunks(2).map(digits).collect()
}

/// `message` is written as `hex` and read from it.
fn is<M: Message + Default + PartialEq + std::fmt::Debug>(message: &M, hex: &str) {
    assert_eq!(message.encode_to_vec(), bytes(hex), "{message:?}");
    assert_eq!(&M::decode(&bytes(hex)[..]).unwrap(), message);
}

fn bob() -> Option<UserInfo> {
    Some(UserInfo { user_id: "u".into(), nickname: "bob".into(), ..UserInfo::default() })
}

fn sent(message: MessageContent) -> NewMessageReq {
    NewMessageReq {
        request_id: "R1".into(),
        session_id: Some("s".into()),
        chat_session_id: "c".into(),
        message: Some(message),
        ..NewMessageReq::default()
    }
}

fn said(message_type: MessageType, content: MsgContent) -> MessageContent {
    MessageContent { message_type: message_type.into(), msg_content: Some(content) }
}

#[test]
fn logging_in() {
    let request = UserLoginReq {
        request_id: "R5c75eed5068f".into(),
        nickname: "alice1".into(),
        password: "Passw123".into(),
        ..UserLoginReq::default()
    };
    is(&request, "0a0d523563373565656435303638661206616c696365311a085061737377313233");
    let token = UserLoginRsp { login_session_id: "5e55-10abcdef-0001".into(), ..UserLoginRsp::default() };
    is(&token.clone().seal("R1".into(), None), "0a02523110012212356535352d31306162636465662d30303031");
    let refused = token.seal("R1".into(), Some("用户名或密码错误!"));
    is(&refused, "0a0252311a19e794a8e688b7e5908de68896e5af86e7a081e99499e8afaf21");
}

#[test]
fn the_first_frame() {
    let hex = "0a0d523337343930346433663266311212356535352d31306e61626364652d30303031";
    let frame = ClientAuthenticationReq { request_id: "R374904d3f2f1".into(), session_id: "5e55-10nabcde-0001".into() };
    is(&frame, hex);
    assert_eq!(read_frame(&bytes(hex)), Some(Frame::Authentication("5e55-10nabcde-0001".into())));
    assert_eq!(read_frame(&[]), Some(Frame::Authentication(String::new())), "which no session has");
    assert_eq!(read_frame(&bytes("1033")), Some(Frame::Life));
    assert_eq!(read_frame(&bytes("1032")), Some(Frame::Life));
    assert_eq!(read_frame(&bytes("1003")), None, "that one is ours to say");
    assert_eq!(read_frame(&bytes("ff")), None);
    assert_eq!(read_frame(&bytes("1202fffe")), None, "no text");
}

#[test]
fn new_messages() {
    let hello = StringMessageInfo { content: "hello world".into() };
    let text = NewMessageReq {
        request_id: "R96fb480e4cf9".into(),
        session_id: Some("5e55-10nabcde-0001".into()),
        chat_session_id: "cs-0001".into(),
        message: Some(said(MessageType::String, MsgContent::StringMessage(hello))),
        ..NewMessageReq::default()
    };
    let captured = concat!(
        "0a0d523936666234383065346366391a12356535352d31306e61626364652d30303031",
        "220763732d303030312a0f120d0a0b68656c6c6f20776f726c64"
    );
    assert_eq!(bytes(captured).len(), 61);
    is(&text, captured);

    let image = ImageMessageInfo {
        file_id: Some(String::new()),
        image_content: Some(Bytes::from_static(&[0x89, 0x50, 0x4e, 0x47])),
    };
    let image = sent(said(MessageType::Image, MsgContent::ImageMessage(image)));
    is(&image, "0a0252311a01732201632a0c08012a080a00120489504e47");
    let file = FileMessageInfo {
        file_id: Some(String::new()),
        file_size: 3,
        file_name: "a.txt".into(),
        file_contents: Some(Bytes::from_static(b"abc")),
    };
    let file = sent(said(MessageType::File, MsgContent::FileMessage(file)));
    is(&file, "0a0252311a01732201632a1408021a100a0010031a05612e7478742203616263");
    let speech = SpeechMessageInfo { file_id: Some(String::new()), file_contents: Some(Bytes::from_static(&[0, 1])) };
    let speech = sent(said(MessageType::Speech, MsgContent::SpeechMessage(speech)));
    is(&speech, "0a0252311a01732201632a0a080322060a0012020001");
}

#[test]
fn notifications() {
    let message_info = MessageInfo {
        message_id: "m1".into(),
        chat_session_id: "c".into(),
        timestamp: 1_700_000_000,
        sender: bob(),
        message: Some(said(MessageType::String, MsgContent::StringMessage(StringMessageInfo { content: "hi".into() }))),
        ..MessageInfo::default()
    };
    let message = NotifyRemarks::NewMessageInfo(NotifyNewMessage { message_info: Some(message_info) });
    assert_eq!(
        notification(NotifyType::ChatMessageNotify, message),
        bytes("100332210a1f0a026d311201631880e2cfaa0622080a01751203626f622a0612040a026869")
    );
    let applied = NotifyRemarks::FriendAddApply(NotifyFriendAddApply { user_info: bob() });
    let applied = notification(NotifyType::FriendAddApplyNotify, applied);
    assert_eq!(applied, bytes("10001a0a0a080a01751203626f62"), "the type is written though it is 0");
    assert_eq!(NotifyMessage::decode(&applied[2..]).unwrap(), NotifyMessage::decode(&applied[..]).unwrap());
    let result = NotifyFriendAddProcess { agree: true, user_info: bob() };
    assert_eq!(
        notification(NotifyType::FriendAddProcessNotify, NotifyRemarks::FriendProcessResult(result)),
        bytes("1001220c080112080a01751203626f62")
    );
    let info = ChatSessionInfo {
        single_chat_friend_id: Some("u".into()),
        chat_session_id: "c".into(),
        chat_session_name: "bob".into(),
        ..ChatSessionInfo::default()
    };
    let made = NotifyRemarks::NewChatSessionInfo(NotifyNewChatSession { chat_session_info: Some(info) });
    assert_eq!(notification(NotifyType::ChatSessionCreateNotify, made), bytes("10022a0d0a0b0a01751201631a03626f62"));
    let removed = NotifyRemarks::FriendRemove(NotifyFriendRemove { user_id: "u".into() });
    assert_eq!(notification(NotifyType::FriendRemoveNotify, removed), bytes("10043a030a0175"));
}

#[test]
fn answers_to_applications() {
    let accept = FriendAddProcessReq {
        request_id: "R1".into(),
        agree: true,
        apply_user_id: "u".into(),
        session_id: Some("s".into()),
        ..FriendAddProcessReq::default()
    };
    is(&accept, "0a02523118012201752a0173");
    is(&FriendAddProcessReq { agree: false, ..accept }, "0a0252312201752a0173");
}

#[test]
fn reading_messages_and_files() {
    let recent = GetRecentMsgReq {
        request_id: "R1".into(),
        chat_session_id: "c".into(),
        msg_count: 50,
        session_id: Some("s".into()),
        ..GetRecentMsgReq::default()
    };
    is(&recent, "0a0252311201631832320173");
    let data = FileDownloadData { file_id: "f1".into(), file_content: Bytes::from_static(b"abc") };
    let files = GetMultiFileRsp { file_data: [("f1".into(), data)].into(), ..GetMultiFileRsp::default() };
    is(&files.seal("R1".into(), None), "0a0252311001220f0a02663112090a0266311203616263");
}

#[test]
fn a_session_stands_at_another_number_in_each_request() {
    fn token<Q: Asked>(number: u8) -> String {
        Q::decode(&[number << 3 | 2, 1, b's'][..]).unwrap().token().to_owned()
    }
    assert_eq!(token::<FriendAddReq>(2), "s");
    assert_eq!(token::<GetPendingFriendEventListReq>(2), "s");
    assert_eq!(token::<GetChatSessionListReq>(2), "s");
    assert_eq!(token::<ChatSessionCreateReq>(2), "s");
    assert_eq!(token::<GetChatSessionMemberReq>(2), "s");
    assert_eq!(token::<GetUserInfoReq>(3), "s");
    assert_eq!(token::<SetUserAvatarReq>(3), "s");
    assert_eq!(token::<SetUserNicknameReq>(3), "s");
    assert_eq!(token::<SetUserDescriptionReq>(3), "s");
    assert_eq!(token::<SetUserPhoneNumberReq>(3), "s");
    assert_eq!(token::<GetFriendListReq>(3), "s");
    assert_eq!(token::<FriendRemoveReq>(3), "s");
    assert_eq!(token::<FriendSearchReq>(3), "s");
    assert_eq!(token::<MsgSearchReq>(3), "s");
    assert_eq!(token::<NewMessageReq>(3), "s");
    assert_eq!(token::<GetMultiFileReq>(3), "s");
    assert_eq!(token::<PutSingleFileReq>(3), "s");
    assert_eq!(token::<PutMultiFileReq>(3), "s");
    assert_eq!(token::<GetSingleFileReq>(4), "s");
    assert_eq!(token::<SpeechRecognitionReq>(4), "s");
    assert_eq!(token::<FriendAddProcessReq>(5), "s");
    assert_eq!(token::<GetHistoryMsgReq>(6), "s");
    assert_eq!(token::<GetRecentMsgReq>(6), "s");
}
