//! Files at the door: who may read what, ranges, archives, forms, and how bodies are handed on.

use http::{Method, StatusCode};
use serde_json::json;

use crate::{
    fakes::{ALICE, CONTENT},
    house::House,
};

/// Files of the fake store are told apart by their first byte.
fn id(first: u8) -> String {
    anser_types::FileId([first; 16]).to_string()
}

#[tokio::test]
async fn own_files_faces_and_what_messages_name_are_readable_and_nothing_else() {
    let house = House::start().await;
    for (first, status) in [(1, 200), (2, 200), (3, 200), (4, 404), (44, 404)] {
        for path in ["", "/content", "/thumbnail", "/small", ":sign"] {
            let method = if path == ":sign" { Method::POST } else { Method::GET };
            let answer = house.alice(method, &format!("/v1/files/{}{path}", id(first))).send().await;
            assert_eq!(answer.status.as_u16(), status, "{first} {path}");
        }
    }
    let asked = house.fake.calls("may_read_files");
    let own =
        asked.iter().any(|call| call.request.contains("file_ids: [[1,") || call.request.contains("file_ids: [[2,"));
    assert!(!asked.is_empty() && !own, "one's own and faces need no asking");
}

#[tokio::test]
async fn a_part_of_a_file_is_what_was_asked_for() {
    let house = House::start().await;
    let path = format!("/v1/files/{}/content", id(1));
    let answer = house.alice(Method::GET, &path).header("range", "bytes=2-4").send().await;
    assert_eq!((answer.status, answer.body.as_slice()), (StatusCode::PARTIAL_CONTENT, &CONTENT[2..5]));
    assert_eq!(answer.header("content-range"), "bytes 2-4/10");
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"r_sum_.txt\"; filename*=UTF-8''r%C3%A9sum%C3%A9.txt"
    );
    let shown = house.get(&format!("{path}?inline=true")).await;
    assert!(shown.header("content-disposition").starts_with("inline;"));
    let beyond = house.alice(Method::GET, &path).header("range", "bytes=10-").send().await;
    assert_eq!((beyond.status.as_u16(), beyond.header("content-range")), (416, "bytes */10"));
    assert_eq!(beyond.code(), "invalid_argument");
}

#[tokio::test]
async fn a_body_is_handed_on_in_pieces_and_given_up_when_something_fails() {
    let house = House::start().await;
    let body: Vec<u8> = (0..600_000u32).map(|number| number as u8).collect();
    let answer = house.alice(Method::POST, "/v1/files?name=a").body(body).send().await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let pieces = house.fake.calls("write_part");
    assert_eq!(pieces.len(), 3);
    assert!(pieces[2].request.contains("last: true") && !pieces[1].request.contains("last: true"));
    assert!(house.fake.last("create_upload").request.contains("size: 600000"));
    assert!(house.fake.calls("abort_upload").is_empty());

    let empty = house.alice(Method::PUT, &format!("/v1/uploads/{}/parts/1", id(1))).send().await;
    assert_eq!(empty.status, StatusCode::NO_CONTENT);
    assert_eq!(house.fake.calls("write_part").len(), 4, "an empty part is a part");
}

#[tokio::test]
async fn a_form_brings_several_files() {
    let house = House::start().await;
    let form = "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\none\r\n\
                --x\r\nContent-Disposition: form-data; name=\"g\"\r\n\r\ntwo\r\n--x--\r\n";
    let ask = |body: String| {
        let ask = house.alice(Method::POST, "/v1/files:batch");
        ask.header("content-type", "multipart/form-data; boundary=x").body(body)
    };
    let items = ask(form.to_owned()).send().await.json()["items"].clone();
    assert_eq!((items[0]["name"].as_str(), items[1]["name"].as_str()), (Some("a"), Some("g")));
    let endless = format!("--x\r\n{}", "X-Header: never ends\r\n".repeat(50_000));
    assert_eq!(ask(endless).send().await.code(), "invalid_argument");
    let many = "--x\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n1\r\n".repeat(21) + "--x--\r\n";
    assert_eq!(ask(many).send().await.code(), "invalid_argument");
}

#[tokio::test]
async fn an_archive_leaves_out_what_is_not_there() {
    let house = House::start().await;
    let answer = house.post("/v1/files:zip", json!({ "file_ids": [id(1), id(4), id(3), id(1)] })).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    let holds = |text: &[u8]| answer.body.windows(text.len()).filter(|window| *window == text).count();
    assert_eq!(holds(CONTENT), 2);
    assert_eq!(holds("résumé (2).txt".as_bytes()), 2, "before the file and in the directory");
    assert_eq!(holds(id(4).as_bytes()), 1, "in the list of what is missing");
    assert_eq!(house.post("/v1/files:zip", json!({ "file_ids": [] })).await.code(), "invalid_argument");
}

#[tokio::test]
async fn a_signed_address_acts_for_its_person_and_ends_with_their_session() {
    let house = House::start().await;
    let answer = house.anyone(Method::GET, "/v1/downloads/word").send().await;
    assert_eq!(answer.body, CONTENT);
    assert!(format!("{:?}", house.fake.last("read_file").context).contains(&ALICE.to_string()));
    house.gateway.identities.ended().insert(crate::fakes::SESSION);
    assert_eq!(house.anyone(Method::GET, "/v1/downloads/word").send().await.code(), "unauthenticated");
}

#[tokio::test]
async fn a_face_goes_into_the_profile_and_the_old_one_is_let_go_of() {
    let house = House::start().await;
    let answer = house.alice(Method::PUT, "/v1/users/me/avatar").json(json!({ "file_id": id(1) })).send().await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(house.fake.last("update_profile").request.contains(&format!("avatar: Some(\"{}\")", id(1))));
    assert!(house.fake.calls("hold_files").is_empty(), "there was none");
    let unnamed = house.alice(Method::POST, "/v1/avatars").json(json!({})).send().await;
    assert_eq!(unnamed.code(), "invalid_argument");
    let sent = house.alice(Method::POST, "/v1/avatars").header("content-type", "image/png").body("png").send().await;
    assert_eq!(sent.status, StatusCode::CREATED);
    assert_eq!(house.fake.calls("make_avatar").len(), 2);
}
