//! Makes the derived schemas say what the JSON is.
//!
//! Messages come from protobuf, where everything has a default and a `oneof` is a field; derived schemas tell that
//! tale. In JSON a default is written out, an empty id or message is left out, and a `oneof` is the object itself. What is
//! an id there is text: its name says that it is one.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

const REFERENCE: &str = "#/components/schemas/";

/// Sixteen bytes in base32, as the server takes them: upper case and look-alikes too.
const ID: &str = "^[0-9A-TV-Za-tv-z]{25}[048CGMORWcgmorw]$";
/// Texts of other makers that are named like ids.
const NO_IDS: &[&str] = &["device_id"];
/// Schemas in which nothing is an id: a request's id may be the client's own text.
const WITHOUT_IDS: &[&str] = &["Problem", "ProblemDocument"];

/// Corrects the schemas of a whole API document.
pub fn tidy(document: &mut Value) {
    tell_ids(document);
    tell_bounds(document);
    let requests = named_by_requests(document);
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else { return };
    unfold_oneofs(schemas);
    for (name, schema) in schemas.iter_mut() {
        tell_presence(schema, !requests.contains(name));
    }
}

/// Says what an id looks like, in bodies, paths and query strings.
fn tell_ids(document: &mut Value) {
    for (name, schema) in
        document.pointer_mut("/components/schemas").and_then(Value::as_object_mut).into_iter().flatten()
    {
        if !WITHOUT_IDS.contains(&name.as_str()) {
            tell_ids_in(schema);
        }
    }
    let items = document["paths"].as_object_mut().into_iter().flatten();
    for operation in
        items.flat_map(|(_, item)| item.as_object_mut().into_iter().flatten().map(|(_, operation)| operation))
    {
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap_or_default().to_owned();
            tell_id(&name, &mut parameter["schema"]);
        }
    }
}

fn tell_ids_in(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(tell_ids_in),
        Value::Object(fields) => {
            for (name, property) in fields.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
                tell_id(name, property);
            }
            fields.values_mut().for_each(tell_ids_in);
        }
        _ => {}
    }
}

fn tell_id(name: &str, schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    if name.ends_with("_ids") {
        if let Some(items) = fields.get_mut("items") {
            tell_id("_id", items);
        }
    } else if name.ends_with("_id") && !NO_IDS.contains(&name) {
        fields.entry("pattern").or_insert(json!(ID));
    }
}

/// What has no sign goes twice as far as its 32 bits with one.
fn tell_bounds(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(tell_bounds),
        Value::Object(fields) => {
            if fields.get("format").is_some_and(|format| format == "int32") && fields.get("minimum") == Some(&json!(0))
            {
                fields.insert("format".into(), json!("uint32"));
                fields.insert("maximum".into(), json!(u32::MAX));
            }
            fields.values_mut().for_each(tell_bounds);
        }
        _ => {}
    }
}

/// A message that is one `oneof` becomes the choice itself.
fn unfold_oneofs(schemas: &mut Map<String, Value>) {
    let mut unfolded = Vec::new();
    for (name, schema) in schemas.iter() {
        let choice = schema.pointer("/allOf/0/oneOf/0/$ref").and_then(Value::as_str);
        let alone = schema.get("allOf").and_then(Value::as_array).is_some_and(|all| all.len() == 1);
        if let Some(choice) = choice.and_then(|text| text.strip_prefix(REFERENCE)).filter(|_| alone) {
            unfolded.push((name.clone(), choice.to_owned()));
        }
    }
    for (name, choice) in unfolded {
        let Some(variants) = schemas.remove(&choice).and_then(|mut choice| choice.get_mut("oneOf").map(Value::take))
        else {
            continue;
        };
        if let Some(schema) = schemas.get_mut(&name).and_then(Value::as_object_mut) {
            schema.remove("allOf");
            schema.insert("oneOf".into(), variants);
        }
    }
}

/// Replaces `default` by what it stands for: in an answer, a field with a default of its own is always there.
fn tell_presence(schema: &mut Value, answer: bool) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| tell_presence(item, answer)),
        Value::Object(fields) => {
            fields.remove("default");
            if let Some(properties) = fields.get("properties").and_then(Value::as_object) {
                let always = properties.iter().filter(|(_, property)| is_written_always(property));
                let mut required: BTreeSet<String> = always.map(|(name, _)| name.clone()).collect();
                if let Some(known) = fields.get("required").and_then(Value::as_array) {
                    required.extend(known.iter().filter_map(Value::as_str).map(str::to_owned));
                }
                if answer && !required.is_empty() {
                    fields.insert("required".into(), json!(required));
                }
            }
            if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
                properties.values_mut().for_each(|property| tell_presence(property, answer));
            }
            for (name, value) in fields.iter_mut().filter(|(name, _)| *name != "properties") {
                if matches!(name.as_str(), "allOf" | "oneOf" | "anyOf" | "items") {
                    tell_presence(value, answer);
                }
            }
        }
        _ => {}
    }
}

/// Ids are bytes, so their default is a list; they and absent messages are left out when empty.
fn is_written_always(property: &Value) -> bool {
    let id = property.get("type").is_some_and(|kind| kind == "string");
    match property.get("default") {
        None | Some(Value::Null) => false,
        Some(Value::Array(_)) => !id,
        Some(_) => true,
    }
}

/// The schemas that request bodies are made of: there, what has a default may be left out.
fn named_by_requests(document: &Value) -> BTreeSet<String> {
    let mut open = Vec::new();
    for item in document["paths"].as_object().into_iter().flat_map(Map::values) {
        for operation in item.as_object().into_iter().flat_map(Map::values) {
            references(&operation["requestBody"], &mut open);
        }
    }
    let mut found = BTreeSet::new();
    while let Some(name) = open.pop() {
        references(&document["components"]["schemas"][&name], &mut open);
        if !found.insert(name) {
            open.retain(|name| !found.contains(name));
        }
    }
    found
}

fn references(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, into)),
        Value::Object(fields) => {
            if let Some(name) = fields.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix(REFERENCE))
            {
                into.push(name.to_owned());
            }
            fields.values().for_each(|field| references(field, into));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_by_their_names() {
        let id = json!({"type": "string", "pattern": ID});
        let mut document = json!({
            "paths": {"/a/{user_id}": {"get": {"parameters": [{"name": "user_id", "schema": {"type": "string"}}]}}},
            "components": {"schemas": {
                "A": {"properties": {
                    "user_ids": {"type": "array", "items": {"type": "string"}},
                    "device_id": {"type": "string"},
                    "own_id": {"type": "string", "pattern": "^$"},
                }},
                "Problem": {"properties": {"request_id": {"type": "string"}}},
            }},
        });
        tidy(&mut document);
        assert_eq!(document.pointer("/paths/~1a~1{user_id}/get/parameters/0/schema"), Some(&id));
        assert_eq!(document.pointer("/components/schemas/A/properties/user_ids/items"), Some(&id));
        let untouched = json!({"A": {"device_id": {"type": "string"}, "own_id": {"type": "string", "pattern": "^$"}}});
        for name in ["device_id", "own_id"] {
            let found = document.pointer(&format!("/components/schemas/A/properties/{name}"));
            assert_eq!(found, untouched.pointer(&format!("/A/{name}")));
        }
        let problem = document.pointer("/components/schemas/Problem/properties/request_id");
        assert_eq!(problem, Some(&json!({"type": "string"})));
    }

    #[test]
    fn a_oneof_becomes_the_choice_and_defaults_become_presence() {
        let mut document = json!({
            "paths": {"/a": {"post": {"requestBody": {"x": {"$ref": "#/components/schemas/Asked"}}}}},
            "components": {"schemas": {
                "Asked": {"properties": {"seq": {"type": "integer", "default": 0}}},
                "Told": {"properties": {
                    "seq": {"type": "integer", "default": 0},
                    "id": {"type": "string", "default": []},
                    "entry": {"oneOf": [{"$ref": "#/components/schemas/Content"}, {"type": "null"}], "default": null},
                }},
                "Content": {"allOf": [{"oneOf": [{"$ref": "#/components/schemas/Kind"}, {"type": "null"}], "default": null}]},
                "Kind": {"oneOf": [{"type": "object"}]},
            }},
        });
        tidy(&mut document);
        assert_eq!(
            document["components"]["schemas"],
            json!({
                "Asked": {"properties": {"seq": {"type": "integer"}}},
                "Told": {"required": ["seq"], "properties": {
                    "seq": {"type": "integer"},
                    "id": {"type": "string"},
                    "entry": {"oneOf": [{"$ref": "#/components/schemas/Content"}, {"type": "null"}]},
                }},
                "Content": {"oneOf": [{"type": "object"}]},
            })
        );
    }
}
