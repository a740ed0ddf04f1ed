//! The table `matrix.txt`: how it is read, and which operations have to stand in it.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

/// Who asks. The order is that of the table's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    Owner,
    Admin,
    Member,
    Muted,
    Former,
    Blocked,
    Friend,
    Stranger,
    Anonymous,
    Revoked,
    Service,
}

impl Principal {
    pub const ALL: [Principal; 11] = [
        Principal::Owner,
        Principal::Admin,
        Principal::Member,
        Principal::Muted,
        Principal::Former,
        Principal::Blocked,
        Principal::Friend,
        Principal::Stranger,
        Principal::Anonymous,
        Principal::Revoked,
        Principal::Service,
    ];
}

/// A request. In the table its text has `{things}` in it; what is sent has none left.
#[derive(Clone, Debug)]
pub enum Request {
    Http { method: Method, path: String, body: Option<String> },
    Socket { op: String, body: String },
}

impl Request {
    fn parse(line: &str) -> Self {
        let mut words = line.splitn(3, ' ');
        let (door, target) = (words.next().unwrap(), words.next().unwrap().to_owned());
        let body = words.next().map(str::to_owned);
        match door {
            "WS" => Request::Socket { op: target, body: body.unwrap() },
            method => Request::Http { method: method.parse().unwrap(), path: target, body },
        }
    }

    /// The operation that it is of, with `{}` in the place of each parameter of the path.
    pub fn operation(&self) -> String {
        match self {
            Request::Http { method, path, .. } => {
                format!("{method} {}", without_names(path.split('?').next().unwrap()))
            }
            Request::Socket { op, .. } => format!("WS {op}"),
        }
    }

    /// Each place that a thing stands at, in order.
    pub fn places(&self) -> Vec<String> {
        let text = match self {
            Request::Http { path, body, .. } => format!("{path} {}", body.as_deref().unwrap_or_default()),
            Request::Socket { body, .. } => body.clone(),
        };
        let names = text.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
        names.map(|(name, _)| name.to_owned()).filter(|name| is_name(name)).collect()
    }

    /// The request with `things` at its places.
    pub fn filled(&self, things: &[String]) -> Request {
        let mut things = things.iter();
        let mut fill = |text: &str| fill(text, &mut things);
        match self {
            Request::Http { method, path, body } => {
                Request::Http { method: method.clone(), path: fill(path), body: body.as_deref().map(fill) }
            }
            Request::Socket { op, body } => Request::Socket { op: op.clone(), body: fill(body) },
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn fill<'a>(text: &str, things: &mut impl Iterator<Item = &'a String>) -> String {
    let mut out = String::new();
    for (index, part) in text.split('{').enumerate() {
        match part.split_once('}') {
            Some((name, rest)) if index > 0 && is_name(name) => {
                out.push_str(things.next().unwrap());
                out.push_str(rest);
            }
            _ if index > 0 => {
                out.push('{');
                out.push_str(part);
            }
            _ => out.push_str(part),
        }
    }
    out
}

/// One row of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its line in the file.
    pub line: usize,
    pub request: Request,
    /// What each principal is answered: `ok`, or a code.
    pub outcomes: [String; 11],
    /// Whether a success costs people more than a group.
    pub costly: bool,
}

/// The whole table.
pub fn table() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut asked: Option<(usize, &str)> = None;
    let lines = include_str!("matrix.txt").lines().enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        if !line.starts_with(' ') {
            assert!(asked.is_none(), "matrix.txt:{index}: a request without outcomes");
            asked = Some((index + 1, line));
            continue;
        }
        let (line_number, request) = asked.take().expect("outcomes stand below their request");
        let outcomes: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let outcomes = outcomes.try_into().unwrap_or_else(|_| panic!("matrix.txt:{}: not eleven outcomes", index + 1));
        let costly = request.starts_with("! ");
        let request = Request::parse(request.trim_start_matches("! "));
        rows.push(Row { line: line_number, request, outcomes, costly });
    }
    rows
}

/// `/a/{b}:c` as `/a/{}:c`.
fn without_names(path: &str) -> String {
    let mut parts = path.split('{');
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        out.push_str("{}");
        out.push_str(part.split_once('}').unwrap().1);
    }
    out
}

/// What the server says of itself: the operations of its API document, and those of the WebSocket's protocol.
pub fn operations(document: &Value) -> BTreeSet<String> {
    let mut operations = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            operations.insert(format!("{} {}", method.to_uppercase(), without_names(path)));
        }
    }
    let protocol = include_str!("../../../proto/anser/v1/gateway.proto");
    let request = protocol.split("message Request {").nth(1).unwrap();
    let ops = request.split("oneof op {").nth(1).unwrap().split('}').next().unwrap();
    for op in ops.lines().filter_map(|line| line.split('=').next()?.split_whitespace().nth(1)) {
        operations.insert(format!("WS {op}"));
    }
    operations
}

/// The answers that the API document promises for an operation over HTTP.
pub fn documented(document: &Value, operation: &str) -> BTreeSet<String> {
    let (method, wanted) = operation.split_once(' ').unwrap();
    let paths = document["paths"].as_object().unwrap();
    let (_, item) = paths.iter().find(|(path, _)| without_names(path) == wanted).unwrap();
    item[method.to_lowercase()]["responses"].as_object().unwrap().keys().cloned().collect()
}
