//! Protobuf bytes ⇄ JSON value, by a [`Shape`](super::shape::Shape).

use serde_json::{Map, Value};

use super::{
    base32::{id_bytes, id_text},
    shape::{Field, Kind, Shape},
};

/// Reads a message. Unknown fields are skipped; `None` for bytes that are not protobuf at all.
pub fn decode(shape: Shape, mut bytes: &[u8]) -> Option<Value> {
    let mut out = Map::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let (number, wire_type) = ((tag >> 3) as u32, tag & 7);
        let (whole, chunk) = match wire_type {
            0 => (varint(&mut bytes)?, &[][..]),
            1 => (0, take(&mut bytes, 8)?),
            2 => {
                let length = varint(&mut bytes)? as usize;
                (0, take(&mut bytes, length)?)
            }
            5 => (0, take(&mut bytes, 4)?),
            _ => return None,
        };
        let Some(field) = shape.iter().find(|field| field.number == number) else { continue };
        let value = match field.kind {
            Kind::Id => Value::from(id_text(chunk)),
            Kind::Text => Value::from(std::str::from_utf8(chunk).ok()?),
            Kind::Number => Value::from(whole as i64),
            Kind::Flag => Value::from(whole != 0),
            Kind::Word(words) => Value::from(*words.get(whole as usize).unwrap_or(&words[0])),
            Kind::Message(inner) => decode(inner, chunk)?,
        };
        if field.many {
            if let Value::Array(list) = out.entry(field.name).or_insert_with(|| Value::Array(Vec::new())) {
                list.push(value);
            }
        } else {
            out.insert(field.name.to_owned(), value);
        }
    }
    Some(Value::Object(out))
}

/// Writes a message. Fields that the shape does not know are left out.
pub fn encode(shape: Shape, value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    for field in shape {
        match value.get(field.name) {
            None | Some(Value::Null) => {}
            Some(Value::Array(list)) if field.many => list.iter().for_each(|item| put(field, item, &mut out)),
            Some(item) => put(field, item, &mut out),
        }
    }
    out
}

fn put(field: &Field, value: &Value, out: &mut Vec<u8>) {
    let text = || value.as_str().unwrap_or_default();
    let chunk = match field.kind {
        Kind::Number => return put_number(field, value.as_i64().unwrap_or_default() as u64, out),
        Kind::Flag => return put_number(field, u64::from(value.as_bool().unwrap_or_default()), out),
        Kind::Word(words) => {
            let index = words.iter().position(|word| *word == text()).unwrap_or_default();
            return put_number(field, index as u64, out);
        }
        Kind::Id => id_bytes(text()).unwrap_or_default(),
        Kind::Text => text().as_bytes().to_vec(),
        Kind::Message(inner) => encode(inner, value),
    };
    put_varint(u64::from(field.number) << 3 | 2, out);
    put_varint(chunk.len() as u64, out);
    out.extend_from_slice(&chunk);
}

fn put_number(field: &Field, number: u64, out: &mut Vec<u8>) {
    put_varint(u64::from(field.number) << 3, out);
    put_varint(number, out);
}

fn put_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (chunk, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(chunk)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::{new_id, shape};

    #[test]
    fn frames_round_trip() {
        let id = new_id(1_700_000_000_000, 77);
        let frame = json!({"request": {"id": 7, "send": {
            "conversation_id": id, "client_msg_id": id, "content": {"text": {"text": "hé"}}}}});
        assert_eq!(decode(shape::CLIENT_FRAME, &encode(shape::CLIENT_FRAME, &frame)), Some(frame));
        let push = json!({"push": {"push_no": 300, "resume": "r", "events": [
            {"entry": {"conversation_id": id, "seq": 3, "countable": true, "content": {"role_changed": {"role": "admin"}}}},
            {"read": {"read_seq": -1}}]}});
        assert_eq!(decode(shape::SERVER_FRAME, &encode(shape::SERVER_FRAME, &push)), Some(push));
    }

    #[test]
    fn unknown_fields_are_skipped_and_nonsense_is_refused() {
        assert_eq!(decode(shape::CLIENT_FRAME, &[0xf8, 0x07, 1]), Some(json!({})));
        assert_eq!(decode(shape::CLIENT_FRAME, &[0x0a, 0x7f]), None);
    }
}
