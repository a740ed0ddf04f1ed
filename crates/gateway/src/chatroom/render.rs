//! Messages of the log as these clients know them: text, picture, file, sound. What they cannot show arrives as text that
//! can be read; what happened in a conversation without anybody saying it does not arrive.

use anser_contract::{
    EntryKind,
    chatroom::{
        FileMessageInfo, ImageMessageInfo, MessageContent, MessageInfo, MessageType, SpeechMessageInfo,
        StringMessageInfo, UserInfo, message_content::MsgContent,
    },
    fallback_text,
    v1::{Content, Entry, Voice, content::Kind},
};

use super::{
    files::{sound_name, sounds_right},
    people::id_text,
};

/// The entry as somebody's message; `None`: it is none.
pub(super) fn message(entry: &Entry, sender: UserInfo) -> Option<MessageInfo> {
    let content = entry.content.as_ref()?;
    if !is_message(entry) {
        return None;
    }
    Some(MessageInfo {
        message_id: message_id(&entry.conversation_id, entry.seq),
        chat_session_id: id_text(&entry.conversation_id),
        timestamp: entry.server_ts.div_euclid(1_000),
        sender: Some(sender),
        message: Some(shown(entry, content)),
        client_message_id: String::new(),
    })
}

/// Whether somebody said it. What this version does not know is taken for something that was said.
pub(super) fn is_message(entry: &Entry) -> bool {
    let kind = entry.content.as_ref().map(|content| content.entry_kind().unwrap_or(EntryKind::Message));
    kind == Some(EntryKind::Message)
}

/// A message's name.
pub(super) fn message_id(conversation_id: &[u8], seq: i64) -> String {
    format!("{}-{seq}", id_text(conversation_id))
}

fn shown(entry: &Entry, content: &Content) -> MessageContent {
    let (message_type, said) = match &content.kind {
        Some(Kind::Image(image)) => {
            let image = ImageMessageInfo { file_id: Some(id_text(&image.file_id)), image_content: None };
            (MessageType::Image, MsgContent::ImageMessage(image))
        }
        Some(Kind::File(file)) => file_message(&file.file_id, &file.name, file.size),
        Some(Kind::Voice(voice)) if is_pcm(voice) => {
            let sound = SpeechMessageInfo { file_id: Some(sound_name(&voice.file_id)), file_contents: None };
            (MessageType::Speech, MsgContent::SpeechMessage(sound))
        }
        // They play nothing but bare samples; what they cannot play they can at least keep.
        Some(Kind::Voice(voice)) => file_message(&voice.file_id, &voice.name, voice.size),
        _ => {
            let said =
                if entry.fallback_text.is_empty() { fallback_text(content) } else { entry.fallback_text.clone() };
            (MessageType::String, MsgContent::StringMessage(StringMessageInfo { content: said }))
        }
    };
    MessageContent { message_type: message_type.into(), msg_content: Some(said) }
}

fn file_message(file_id: &[u8], name: &str, size: i64) -> (MessageType, MsgContent) {
    let file = FileMessageInfo {
        file_id: Some(id_text(file_id)),
        file_size: size,
        file_name: name.to_owned(),
        file_contents: None,
    };
    (MessageType::File, MsgContent::FileMessage(file))
}

/// Whether these clients can play it: samples, bare or in a WAV, at the pace at which they play them.
fn is_pcm(voice: &Voice) -> bool {
    match voice.media_type.as_str() {
        "" | "application/octet-stream" | "audio/pcm" | "audio/l16" => true,
        other => other.contains("wav") && sounds_right(voice.size, voice.duration_ms),
    }
}

#[cfg(test)]
mod tests {
    use anser_contract::v1::{Attachment, Card, Image, Joined, Recalled, Text, Withdrawn};

    use super::*;

    fn said(kind: Kind) -> Option<(MessageType, MsgContent)> {
        let entry = Entry { conversation_id: vec![7; 16], seq: 3, content: Some(kind.into()), ..Entry::default() };
        let message = message(&entry, UserInfo::default())?.message?;
        Some((message.message_type(), message.msg_content?))
    }

    fn words(kind: Kind) -> String {
        match said(kind) {
            Some((MessageType::String, MsgContent::StringMessage(said))) => said.content,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_these_clients_know_keeps_its_kind_and_names_its_file() {
        assert_eq!(words(Kind::Text(Text { text: "hi".into() })), "hi");
        let id = id_text(&[5; 16]);
        match said(Kind::Image(Box::new(Image { file_id: vec![5; 16], ..Image::default() }))) {
            Some((MessageType::Image, MsgContent::ImageMessage(image))) => {
                assert_eq!((image.file_id, image.image_content), (Some(id.clone()), None));
            }
            other => panic!("{other:?}"),
        }
        let file = Attachment { file_id: vec![5; 16], name: "a.txt".into(), size: 3, ..Attachment::default() };
        match said(Kind::File(Box::new(file))) {
            Some((MessageType::File, MsgContent::FileMessage(file))) => {
                assert_eq!((file.file_id, file.file_size, file.file_name.as_str()), (Some(id), 3, "a.txt"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn sound_that_they_cannot_play_is_a_file() {
        let voice = |media_type: &str, duration_ms: i64| {
            let media_type = media_type.into();
            Kind::Voice(Box::new(Voice {
                file_id: vec![5; 16],
                media_type,
                size: 32_044,
                duration_ms,
                ..Voice::default()
            }))
        };
        assert_eq!(said(voice("audio/wav", 1_000)).unwrap().0, MessageType::Speech);
        assert_eq!(said(voice("audio/wav", 363)).unwrap().0, MessageType::File, "at another pace");
        assert_eq!(said(voice("", 0)).unwrap().0, MessageType::Speech);
        assert_eq!(said(voice("audio/ogg", 1_000)).unwrap().0, MessageType::File);
    }

    #[test]
    fn the_rest_is_text_and_what_nobody_said_is_nothing() {
        let card = Card { title: "a goose".into(), ..Card::default() };
        assert_eq!(words(Kind::Card(Box::new(card))), "[card] a goose");
        assert_eq!(words(Kind::Withdrawn(Withdrawn::default())), "This message was recalled");
        assert_eq!(said(Kind::Joined(Joined::default())), None);
        assert_eq!(said(Kind::Recalled(Recalled::default())), None);
        let unknown = Entry { content: Some(Content::default()), ..Entry::default() };
        assert!(is_message(&unknown), "a later version's");
    }

    #[test]
    fn names_and_seconds() {
        let content = Some(Kind::Text(Text { text: "hi".into() }).into());
        let entry =
            Entry { conversation_id: vec![7; 16], seq: 3, server_ts: 1_700_000_000_999, content, ..Entry::default() };
        let message = message(&entry, UserInfo::default()).unwrap();
        assert_eq!(message.message_id, format!("{}-3", message.chat_session_id));
        assert_eq!((message.chat_session_id.len(), message.timestamp), (26, 1_700_000_000));
    }
}
