//! `/v1/search`: messages and people by words.

use std::sync::Arc;

use anser_contract::v1::{
    MessageType, SearchMessagesReply, SearchMessagesRequest, SearchOrder, SearchUsersReply, SearchUsersRequest,
};
use anser_types::{Code, ConversationId, Error, Result, UserId};
use axum::extract::State;
use http::Method;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    http::{
        extract::{Call, Query},
        paging::limit,
    },
    problem::Answer,
    rates::Rate,
    routes::{Class, Route, route},
    state::Gateway,
};

/// The rows of this resource.
pub fn routes() -> Vec<Route> {
    let rows = [
        route(Method::GET, "/v1/search/messages", "search_messages", messages)
            .about("Find messages by their words")
            .details(
                "All words must be in the message: what people wrote, names of files, captions, words of voice messages. Chinese, \
                 Japanese, Korean and Thai text is found by any part of it, other text by whole words; case and width do not \
                 count. Only what you may read at this moment is found. `highlights` are places in `snippet`, in characters. \
                 With `degraded: true` the index is behind, and there may be more.",
            )
            .query::<MessageQuestion>()
            .answers::<SearchMessagesReply>(200, "What was found")
            .refuses(&[Code::NotFound, Code::Unavailable]),
        route(Method::GET, "/v1/search/users", "search_users", users)
            .about("Find people by their names")
            .details(
                "By the beginning of a name or of a word in it, by any part of a Chinese name, by its pinyin or the initials of that, \
                 with a typo or two in longer names; and by an exact id or telephone number. Who lets nobody find them is found \
                 by friends only, and who blocks you is not found. The closest names come first.",
            )
            .query::<PersonQuestion>()
            .answers::<SearchUsersReply>(200, "Who was found")
            .refuses(&[Code::Unavailable]),
    ];
    rows.into_iter().map(|row| row.class(Class::User).rate(Rate::Search).tag("search")).collect()
}

/// Which messages.
#[derive(Deserialize, IntoParams)]
struct MessageQuestion {
    /// The words, with spaces between them: at most 256 bytes.
    q: String,
    /// Only in this conversation; otherwise in all of yours.
    #[serde(default)]
    conversation_id: String,
    /// Only of this person.
    #[serde(default)]
    sender_id: String,
    /// Only of this kind: `text`, `image`, `file`, `voice` or `other`.
    #[serde(default)]
    r#type: String,
    /// Only from this time on, in Unix milliseconds.
    #[serde(default)]
    from_at: i64,
    /// Only before this time, in Unix milliseconds.
    #[serde(default)]
    until_at: i64,
    /// `newest` first, as where it is missing, or `best` first.
    #[serde(default)]
    order: String,
    /// How many items, 50 where it is missing or 0; more than 200 means 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before; missing or empty for the first page.
    #[serde(default)]
    cursor: String,
}

async fn messages(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Query(question): Query<MessageQuestion>,
) -> Answer<axum::Json<SearchMessagesReply>> {
    let MessageQuestion { q, conversation_id, sender_id, r#type, from_at, until_at, order, limit: most, cursor } =
        question;
    let request = SearchMessagesRequest {
        query: q,
        conversation_id: id("conversation_id", &conversation_id, ConversationId::to_vec)?,
        sender_id: id("sender_id", &sender_id, UserId::to_vec)?,
        r#type: message_type(&r#type)?.into(),
        from_at,
        until_at,
        order: search_order(&order)?.into(),
        limit: limit(most),
        cursor,
    };
    Ok(axum::Json(gateway.services.search.search_messages(&ctx, request).await?))
}

fn id<T: std::str::FromStr>(field: &str, text: &str, bytes: fn(T) -> Vec<u8>) -> Result<Vec<u8>> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.parse().map(bytes).map_err(|_| Error::field(field, "not an id"))
}

fn message_type(word: &str) -> Result<MessageType> {
    Ok(match word {
        "" => MessageType::Unspecified,
        "text" => MessageType::Text,
        "image" => MessageType::Image,
        "file" => MessageType::File,
        "voice" => MessageType::Voice,
        "other" => MessageType::Other,
        _ => return Err(Error::field("type", "text, image, file, voice or other")),
    })
}

fn search_order(word: &str) -> Result<SearchOrder> {
    Ok(match word {
        "" | "newest" => SearchOrder::Newest,
        "best" => SearchOrder::Best,
        _ => return Err(Error::field("order", "newest or best")),
    })
}

/// Which people.
#[derive(Deserialize, IntoParams)]
struct PersonQuestion {
    /// A name or a part of one, an id, or a telephone number: at most 128 bytes.
    q: String,
    /// How many items, 50 where it is missing or 0; more than 200 means 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before; missing or empty for the first page.
    #[serde(default)]
    cursor: String,
}

async fn users(
    State(gateway): State<Arc<Gateway>>,
    Call(ctx): Call,
    Query(PersonQuestion { q, limit: most, cursor }): Query<PersonQuestion>,
) -> Answer<axum::Json<SearchUsersReply>> {
    let request = SearchUsersRequest { query: q, limit: limit(most), cursor };
    Ok(axum::Json(gateway.services.search.search_users(&ctx, request).await?))
}
