//! Accounts: by name and password, and by phone and code.

use super::{
    client::field,
    town::{GET_CODE, GET_USER_INFO, LOG_IN, Old, PASSWORD, PHONE_LOG_IN, PHONE_REGISTER, REGISTER, SET_PHONE, Town},
};

const WRONG_CODE: &str = "验证码错误!";
const PHONE_FORM: &str = "手机号码格式错误!";

#[tokio::test]
async fn somebody_registers_by_name_and_logs_in() {
    let Some(town) = Town::start().await else { return };
    let register =
        async |name: &str, password: &str| town.asks(REGISTER, &[field(2, name), field(3, password)]).await.errmsg();
    assert_eq!(register("alice", PASSWORD).await, "");
    assert_eq!(register("alice", PASSWORD).await, "用户名被占用!");
    assert_eq!(register("Alice", PASSWORD).await, "用户名被占用!", "as over our own API");
    assert_eq!(register("小明 🐧 at home", "azAZ09").await, "", "letters that were refused by mistake once");
    assert_eq!(register(&"a".repeat(21), PASSWORD).await, "");
    for name in ["", &"a".repeat(22), "小明小明小明小明", "two\nlines"] {
        assert_eq!(register(name, PASSWORD).await, "用户名长度不合法！", "{name:?}");
    }
    for password in ["", "short", "sixteen-letters-", "p@ssword", "密码密码"] {
        assert_eq!(register("bob", password).await, "密码格式不合法！", "{password:?}");
    }

    // What the captcha's fields hold is all the same.
    let login = async |name: &str, password: &str| {
        town.asks(LOG_IN, &[field(2, name), field(3, password), field(4, "id"), field(5, "1234")]).await
    };
    for (name, password) in [("alice", "wrong-one"), ("nobody", PASSWORD), ("", ""), ("alice", "")] {
        let refused = login(name, password).await;
        assert_eq!((refused.errmsg().as_str(), refused.has(4)), ("用户名或密码错误!", false), "{name}");
    }
    let (first, second) = (login("alice", PASSWORD).await, login("alice", PASSWORD).await);
    assert_eq!((first.errmsg(), second.errmsg()), (String::new(), String::new()), "both are good");
    assert_ne!(first.text(4), second.text(4));
    assert_eq!(first.text(4).len(), 52, "32 bytes in base32");
    let alice = town.with_token(first.text(4)).await;
    assert_eq!(alice.name, "alice");
    // One account, whichever way she comes.
    let new = town.over_our_api(&alice).await;
    assert_eq!(new.id.to_string(), alice.id);
    let me = new.client.profile().await.unwrap();
    assert_eq!((me.username.as_str(), me.nickname.as_str()), ("alice", "alice"));
}

async fn shows(town: &Town, path: &str, phone: &str, (code_id, digits): &(String, String)) -> String {
    town.asks(path, &[field(2, phone), field(3, code_id), field(4, digits)]).await.errmsg()
}

fn wrong((code_id, digits): &(String, String)) -> (String, String) {
    (code_id.clone(), format!("{:06}", (digits.parse::<u32>().unwrap() + 1) % 1_000_000))
}

async fn logs_in(town: &Town, phone: &str) -> Old {
    let (code_id, digits) = town.code(phone).await;
    let answered = town.asks(PHONE_LOG_IN, &[field(2, phone), field(3, code_id), field(4, digits)]).await;
    assert_eq!(answered.errmsg(), "");
    town.with_token(answered.text(4)).await
}

#[tokio::test]
async fn somebody_registers_by_phone_and_logs_in() {
    let Some(town) = Town::start().await else { return };
    let (phone, other) = (town.phone(), town.phone());
    for number in ["", "12345", "12800138000", "+8613800138000", "1380013800x", "138001380000"] {
        assert_eq!(town.asks(GET_CODE, &[field(2, number)]).await.errmsg(), PHONE_FORM, "{number}");
        for path in [PHONE_REGISTER, PHONE_LOG_IN] {
            assert_eq!(shows(&town, path, number, &town.code(&other).await).await, PHONE_FORM, "{number}");
        }
    }
    for path in [PHONE_REGISTER, PHONE_LOG_IN] {
        let (good, foreign) = (town.code(&phone).await, town.code(&other).await);
        let made_up = ("0".repeat(26), good.1.clone());
        let mixed = (foreign.0.clone(), good.1.clone());
        for code in [wrong(&good), foreign, mixed, made_up, ("?".into(), good.1.clone()), (String::new(), "".into())] {
            assert_eq!(shows(&town, path, &phone, &code).await, WRONG_CODE, "{path} {code:?}");
        }
    }
    let code = town.code(&phone).await;
    assert_eq!(shows(&town, PHONE_LOG_IN, &phone, &wrong(&code)).await, WRONG_CODE, "not even who has none");
    assert_eq!(shows(&town, PHONE_LOG_IN, &phone, &code).await, "该手机号未注册用户!");
    let code = town.code(&phone).await;
    assert_eq!(shows(&town, PHONE_REGISTER, &phone, &code).await, "");
    assert_eq!(shows(&town, PHONE_REGISTER, &phone, &code).await, WRONG_CODE, "good once");
    assert_eq!(shows(&town, PHONE_REGISTER, &phone, &town.code(&phone).await).await, "该手机号已注册过用户!");

    let somebody = logs_in(&town, &phone).await;
    let me = somebody.does(GET_USER_INFO, &[]).await.sub(4);
    assert_eq!((me.text(1), me.text(2), me.text(4)), (somebody.id.clone(), somebody.id.clone(), phone.clone()));
    // The same number over our own API is the same person.
    let anybody = town.app.anonymous();
    let shown = town.app.code(&anybody, &format!("+86{phone}"), "account").await.unwrap();
    let tokens = anybody.post::<anser_client::v1::TokenReply>("/v1/sessions:by-phone", shown).await.unwrap();
    anybody.set_tokens(Some(tokens));
    assert_eq!(anybody.me().unwrap().to_string(), somebody.id);
}

#[tokio::test]
async fn a_phone_is_changed_with_a_code_that_it_got() {
    let Some(town) = Town::start().await else { return };
    let (phone, newer, bobs) = (town.phone(), town.phone(), town.phone());
    let alice = town.person("alice").await;
    let bob = town.person("bob").await;
    let changes = async |who: &Old, phone: &str, (code_id, digits): &(String, String)| {
        who.refused(SET_PHONE, &[field(4, phone), field(5, code_id), field(6, digits)]).await
    };
    assert_eq!(changes(&bob, &bobs, &town.code(&bobs).await).await, "");
    let code = town.code(&phone).await;
    assert_eq!(changes(&alice, "12", &code).await, PHONE_FORM);
    assert_eq!(changes(&alice, &phone, &wrong(&code)).await, WRONG_CODE);
    assert_eq!(changes(&alice, &newer, &code).await, WRONG_CODE, "another phone's");
    assert_eq!(changes(&alice, &phone, &("?".into(), code.1.clone())).await, WRONG_CODE);
    assert_eq!(changes(&alice, &phone, &code).await, "");
    assert_eq!(changes(&alice, &phone, &code).await, WRONG_CODE, "good once");
    assert_eq!(changes(&alice, &bobs, &town.code(&bobs).await).await, "更新数据库用户手机号失败!");
    let phone_of = async |who: &Old| who.does(GET_USER_INFO, &[]).await.sub(4).text(4);
    assert_eq!(phone_of(&alice).await, phone);

    // With the phone she can log in; with the one that she gave up nobody can.
    assert_eq!(logs_in(&town, &phone).await.id, alice.id);
    assert_eq!(changes(&alice, &newer, &town.code(&newer).await).await, "");
    assert_eq!(phone_of(&alice).await, newer);
    assert_eq!(shows(&town, PHONE_LOG_IN, &phone, &town.code(&phone).await).await, "该手机号未注册用户!");
    assert_eq!(logs_in(&town, &newer).await.id, alice.id);
    assert_eq!(logs_in(&town, &bobs).await.id, bob.id);
}
