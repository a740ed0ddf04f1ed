//! The API explains itself.

use anser_gateway::http::{openapi_document, table};
use anser_types::Code;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::house::House;

#[tokio::test]
async fn the_document_is_served() {
    let house = House::start().await;
    let document = house.anyone(Method::GET, "/openapi.json").send().await.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["components"]["securitySchemes"]["access_token"]["scheme"], "bearer");
}

#[tokio::test]
async fn it_can_be_browsed_without_the_internet() {
    let house = House::start().await;
    let entrance = house.anyone(Method::GET, "/docs").send().await;
    assert_eq!((entrance.status, entrance.header("location")), (StatusCode::SEE_OTHER, "/docs/"));
    let page = house.anyone(Method::GET, "/docs/").send().await;
    assert!(page.header("content-type").starts_with("text/html"), "{:?}", page.headers);
    assert!(!page.text().contains("https://") && !page.text().contains("src=\"//"), "{}", page.text());
    for reference in page.text().split(['"', '\'']).filter(|part| part.ends_with(".js") || part.ends_with(".css")) {
        let name = reference.trim_start_matches("./");
        let file = house.anyone(Method::GET, &format!("/docs/{name}")).send().await;
        assert_eq!(file.status, StatusCode::OK, "{name}");
        assert!(!file.body.is_empty(), "{name}");
    }
    let start = house.anyone(Method::GET, "/docs/swagger-initializer.js").send().await;
    assert!(start.text().contains("/openapi.json") && !start.text().contains("://"), "{}", start.text());
    assert!(page.header("content-security-policy").starts_with("default-src 'self'"));
    assert_eq!(house.anyone(Method::GET, "/docs/nothing.js").send().await.code(), "not_found");
    assert_eq!(house.anyone(Method::GET, "/docs/..%2f..%2fetc%2fpasswd").send().await.code(), "not_found");
}

#[tokio::test]
async fn every_code_is_explained() {
    let house = House::start().await;
    let page = house.anyone(Method::GET, "/docs/errors").send().await.text();
    for code in Code::ALL {
        assert!(page.contains(&format!("id=\"{code}\"")), "{code}");
    }
}

#[test]
fn every_row_is_described() {
    let document: Value = serde_json::from_str(&openapi_document(&table())).unwrap();
    let mut operations = 0;
    for row in table() {
        let operation = &document["paths"][row.path()][row.method().as_str().to_lowercase()];
        assert!(operation["summary"].is_string(), "{} {}", row.method(), row.path());
        assert!(operation["responses"].as_object().is_some_and(|all| all.keys().any(|status| status.as_str() < "4")));
        operations += 1;
    }
    let described: usize =
        document["paths"].as_object().unwrap().values().map(|item| item.as_object().unwrap().len()).sum();
    assert_eq!(described, operations);
}

#[test]
fn every_reference_leads_somewhere_and_no_default_is_a_lie() {
    fn walk(value: &Value, document: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| walk(item, document)),
            Value::Object(fields) => {
                if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                    assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
                }
                fields.values().for_each(|field| walk(field, document));
            }
            _ => {}
        }
    }
    let document: Value = serde_json::from_str(&openapi_document(&table())).unwrap();
    walk(&document, &document);
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["Role"]["enum"], serde_json::json!(["unspecified", "member", "admin", "owner"]));
    assert_eq!(schemas["Entry"]["properties"]["sender_id"]["type"], "string");
    let kinds: Vec<&String> = schemas["Content_kind"]["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|kind| kind["properties"].as_object().unwrap().keys())
        .collect();
    assert!(kinds.contains(&&"text".to_owned()) && kinds.contains(&&"role_changed".to_owned()), "{kinds:?}");
}
