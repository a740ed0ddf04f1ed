//! People whom the caller may find, by anything of their names: the exact first, what merely sounds or looks like it last.

use std::collections::BTreeSet;

use anser_contract::{
    Actor, Context,
    v1::{
        FindByPhoneRequest, GetUsersRequest, ListFindableRequest, Phones, PublicProfile, SearchUsersReply,
        SearchUsersRequest,
    },
};
use anser_types::{Code, Error, Result, UserId};
use tantivy::{
    DocSet, Searcher, TERMINATED, Term,
    query::{BooleanQuery, EnableScoring, FuzzyTermQuery, Occur, PhraseQuery, Query, TermQuery},
    schema::IndexRecordOption,
};

use super::{PeopleFields, squeezed};
use crate::{SearchService, messages::ask::phrases, volume::broken};

/// Bytes of a question.
const QUESTION_BYTES: usize = 128;
/// People on a page.
const MOST: usize = 200;
/// People whom one way of looking finds at most; who has more namesakes says more of the name.
const A_TIER: usize = 500;
/// From so many letters on one of them may be wrong, or two.
const TYPO_FROM: usize = 4;
const TWO_TYPOS_FROM: usize = 8;

/// Somebody and how well they match: the smallest comes first.
type Candidate = (u8, UserId);

/// Answers a question about people.
pub async fn search_users(
    search: &SearchService,
    ctx: &Context,
    request: SearchUsersRequest,
) -> Result<SearchUsersReply> {
    let me = ctx.user()?;
    let question = request.query.trim();
    if question.len() > QUESTION_BYTES {
        return Err(Error::field("q", format!("at most {QUESTION_BYTES} bytes")));
    }
    if squeezed(question).is_empty() {
        return Err(Error::field("q", "say whom to look for"));
    }
    let list = format!("search users {question}");
    let after = match request.cursor.as_str() {
        "" => None,
        cursor => Some(candidate(&search.pages.open(me, &list, cursor)?)?),
    };
    let limit = (request.limit as usize).clamp(1, MOST);
    let service = Context { actor: Actor::Service, ..ctx.clone() };

    let mut candidates: Vec<Candidate> = exact(&service, question, &*search.peers.phones).await?;
    let (people, asked) = (search.people.clone(), question.to_owned());
    let by_name = search.on_a_thread(ctx, &search.people.volume, move |searcher| {
        find(&people.fields, searcher, &asked).map_err(|error| broken("people", &error))
    });
    candidates.extend(by_name.await?);
    candidates.sort_unstable();
    let mut seen = BTreeSet::new();
    candidates.retain(|&(_, user)| seen.insert(user));
    candidates.retain(|candidate| after.is_none_or(|after| *candidate > after));

    let mut reply = SearchUsersReply { degraded: !search.people.progress.is_current(), ..Default::default() };
    let mut rest = &candidates[..];
    while let Some(&last) = rest.last() {
        let (now, later) = rest.split_at(rest.len().min(MOST));
        let shown = profiles(search, ctx, now).await?;
        for &(tier, user) in now {
            let Some(profile) = shown.iter().find(|profile| profile.user_id == user.as_bytes()) else { continue };
            reply.items.push(profile.clone());
            if reply.items.len() == limit {
                if (tier, user) != last {
                    reply.next_cursor = search.pages.seal(me, &list, &cursor((tier, user)));
                }
                return Ok(reply);
            }
        }
        rest = later;
    }
    Ok(reply)
}

/// Who has exactly this id or this number.
async fn exact(service: &Context, question: &str, phones: &dyn Phones) -> Result<Vec<Candidate>> {
    let mut found = Vec::new();
    if let Ok(user) = question.parse::<UserId>() {
        found.push((0, user));
    }
    let digits = question.bytes().filter(u8::is_ascii_digit).count();
    let is_number = digits >= 7 && question.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b' '));
    if is_number {
        match phones.find_by_phone(service, FindByPhoneRequest { phone: question.to_owned() }).await {
            Ok(reply) => found.push((0, UserId::try_from(&reply.user_id[..])?)),
            Err(error) if matches!(error.code, Code::NotFound | Code::InvalidArgument) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Who of them may be found, as everybody sees them.
async fn profiles(search: &SearchService, ctx: &Context, candidates: &[Candidate]) -> Result<Vec<PublicProfile>> {
    let user_ids = candidates.iter().map(|(_, user)| user.to_vec()).collect();
    let findable = search.peers.contacts.list_findable(ctx, ListFindableRequest { user_ids }).await?;
    let request = GetUsersRequest { user_ids: findable.user_ids };
    let mut users = search.peers.users.get_users(ctx, request).await?.users;
    users.retain(|profile| !profile.closed);
    Ok(users)
}

/// Looks by one way after the other.
fn find(fields: &PeopleFields, searcher: &Searcher, question: &str) -> tantivy::Result<Vec<Candidate>> {
    let name = squeezed(question);
    let is = |field, text: &str| {
        Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::Basic)) as Box<dyn Query>
    };
    let chunks: Vec<String> = question.split_whitespace().map(squeezed).collect();
    let each = |field| {
        let clauses = chunks.iter().map(|chunk| (Occur::Must, is(field, chunk)));
        Box::new(BooleanQuery::new(clauses.collect())) as Box<dyn Query>
    };
    let mut ways: Vec<(u8, Box<dyn Query>)> = vec![
        (1, is(fields.whole, &name)),
        (2, is(fields.beginning, &name)),
        (3, each(fields.beginning)),
        (4, is(fields.sound, &name)),
    ];
    if let Ok(phrases) = phrases(question) {
        let clauses = phrases.iter().map(|phrase| {
            let terms = phrase.iter().map(|word| (word.position, Term::from_field_text(fields.part, &word.text)));
            let terms: Vec<_> = terms.collect();
            let clause: Box<dyn Query> = match &terms[..] {
                [(_, term)] => Box::new(TermQuery::new(term.clone(), IndexRecordOption::Basic)),
                _ => Box::new(PhraseQuery::new_with_offset(terms)),
            };
            (Occur::Must, clause)
        });
        ways.push((5, Box::new(BooleanQuery::new(clauses.collect()))));
    }
    let letters = name.chars().count();
    if letters >= TYPO_FROM {
        let typos = if letters >= TWO_TYPOS_FROM { 2 } else { 1 };
        ways.push((6, Box::new(FuzzyTermQuery::new(Term::from_field_text(fields.word, &name), typos, true))));
    }
    let mut found = Vec::new();
    for (tier, way) in ways {
        found.extend(people(searcher, &*way)?.into_iter().map(|user| (tier, user)));
    }
    Ok(found)
}

/// Whom a query finds, some of them where there are many.
fn people(searcher: &Searcher, query: &dyn Query) -> tantivy::Result<Vec<UserId>> {
    let weight = query.weight(EnableScoring::disabled_from_searcher(searcher))?;
    let mut found = Vec::new();
    for segment in searcher.segment_readers() {
        let (high, low) = (segment.fast_fields().u64("high")?, segment.fast_fields().u64("low")?);
        let mut matching = weight.scorer(segment, 1.0)?;
        let mut doc = matching.doc();
        while doc != TERMINATED && found.len() < A_TIER {
            if segment.alive_bitset().is_none_or(|alive| alive.is_alive(doc)) {
                let (high, low) = (high.values.get_val(doc), low.values.get_val(doc));
                found.push(UserId(((u128::from(high) << 64) | u128::from(low)).to_be_bytes()));
            }
            doc = matching.advance();
        }
    }
    Ok(found)
}

fn cursor((tier, user): Candidate) -> Vec<u8> {
    [&[tier], user.as_bytes()].concat()
}

fn candidate(cursor: &[u8]) -> Result<Candidate> {
    let (&tier, user) = cursor.split_first().ok_or_else(|| Error::field("cursor", "not a cursor of this list"))?;
    Ok((tier, UserId::try_from(user)?))
}
