//! What of a message can be searched: what people wrote or said, and what their files are called.

use anser_contract::v1::{Content, content::Kind};

/// The text of a content; `None` where it has no words: recalled, expired, a notice, a change.
pub fn of(content: &Content) -> Option<String> {
    let mut parts = Vec::new();
    collect(content, &mut parts);
    parts.retain(|part| !part.trim().is_empty());
    (!parts.is_empty()).then(|| parts.join("\n"))
}

fn collect<'a>(content: &'a Content, parts: &mut Vec<&'a str>) {
    match &content.kind {
        Some(Kind::Text(text)) => parts.push(&text.text),
        Some(Kind::Custom(custom)) => parts.push(&custom.fallback_text),
        Some(Kind::Image(image)) => parts.extend([image.caption.as_str(), &image.name]),
        Some(Kind::File(file)) => parts.extend([file.name.as_str(), &file.caption]),
        Some(Kind::Voice(voice)) => parts.push(&voice.transcript),
        Some(Kind::Location(location)) => parts.extend([location.title.as_str(), &location.address]),
        Some(Kind::Card(card)) => parts.extend([card.title.as_str(), &card.text]),
        Some(Kind::Bundle(bundle)) => {
            parts.push(&bundle.title);
            for item in bundle.items.iter().filter_map(|item| item.content.as_ref()) {
                collect(item, parts);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use anser_contract::v1::{Attachment, Bundle, BundleItem, Custom, Image, Text, Voice, Withdrawn};

    use super::*;

    #[test]
    fn names_captions_and_transcripts_are_text() {
        let content = |kind: Kind| Content::from(kind);
        let image = Image { name: "a.png".into(), caption: "海".into(), ..Image::default() };
        let file = Attachment { name: "年报.pdf".into(), ..Attachment::default() };
        let voice = Voice { name: "x.wav".into(), transcript: "hello".into(), ..Voice::default() };
        let custom = Custom { r#type: "poll".into(), payload: "{}".into(), fallback_text: "A poll".into() };
        let word =
            BundleItem { content: Some(content(Kind::Text(Text { text: "said".into() }))), ..BundleItem::default() };
        let bundle = Bundle { title: "Chat".into(), items: vec![word] };
        assert_eq!(of(&content(Kind::Image(Box::new(image)))).as_deref(), Some("海\na.png"));
        assert_eq!(of(&content(Kind::File(Box::new(file)))).as_deref(), Some("年报.pdf"));
        assert_eq!(of(&content(Kind::Voice(Box::new(voice)))).as_deref(), Some("hello"));
        assert_eq!(of(&content(Kind::Custom(custom))).as_deref(), Some("A poll"));
        assert_eq!(of(&content(Kind::Bundle(bundle))).as_deref(), Some("Chat\nsaid"));
        assert_eq!(of(&content(Kind::Withdrawn(Withdrawn::default()))), None);
    }
}
