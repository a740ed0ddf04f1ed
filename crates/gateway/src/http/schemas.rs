//! Makes the derived schemas say what the JSON is.
//!
//! Messages come from protobuf, where everything has a default and a `oneof` is a field; derived schemas tell that
//! tale. In JSON a default is written out, an empty id or message is left out, and a `oneof` is the object itself.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

const REFERENCE: &str = "#/components/schemas/";

/// Corrects the schemas of a whole API document.
pub fn tidy(document: &mut Value) {
    let requests = named_by_requests(document);
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else { return };
    unfold_oneofs(schemas);
    for (name, schema) in schemas.iter_mut() {
        tell_presence(schema, !requests.contains(name));
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
