//! More of what happens between people: links into groups, consent, rules, mutes, blocks.

use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use super::{
    Dice, Group, Person, World,
    social::{some_group, some_member},
    world::lock,
};

/// Somebody comes in by a link of the owner's, or waits for consent and gets it or not.
pub async fn by_link(world: &World, dice: &mut Dice) {
    let Some(group) = some_group(world, dice) else { return };
    let owner = &world.people[group.owner];
    let body = json!({"most_uses": dice.below(3), "valid_ms": 0});
    let link = owner.call("POST", &at(&group, "/links"), body).await;
    let guest = dice.below(world.people.len());
    for code in [link.text("code")].into_iter().filter(|code| !code.is_empty()) {
        let answer = world.people[guest].call("POST", "/v1/join-links:join", json!({"code": code})).await;
        let waiting = answer.body.get("waiting").and_then(Value::as_bool);
        let came_in = match waiting {
            Some(true) => consent(world, dice, &group, &world.people[guest]).await,
            waiting => waiting.is_some(),
        };
        if came_in {
            lock(&group.members).insert(guest);
        }
    }
    if dice.chance(60) && !link.text("link_id").is_empty() {
        owner.call("DELETE", &at(&group, &format!("/links/{}", link.text("link_id"))), Value::Null).await;
    }
}

/// The owner answers somebody who waits. Answers whether they are in.
async fn consent(world: &World, dice: &mut Dice, group: &Group, guest: &Person) -> bool {
    let accepts = dice.chance(80);
    let verb = if accepts { "accept" } else { "reject" };
    let path = at(group, &format!("/join-requests/{}:{verb}", guest.id));
    world.people[group.owner].call("POST", &path, Value::Null).await.good() && accepts
}

/// Whether consent is needed, and what newcomers see, changes.
pub async fn rules(world: &World, dice: &mut Dice) {
    let Some(group) = some_group(world, dice) else { return };
    let history = if dice.chance(40) { "all" } else { "joining" };
    let body = json!({"approval": dice.chance(40), "history": history});
    world.people[group.owner].call("PATCH", &at(&group, ""), body).await;
}

/// Somebody, or everybody but owner and admins, may not send for a while.
pub async fn mute(world: &World, dice: &mut Dice) {
    let Some(group) = some_group(world, dice) else { return };
    let Some(member) = some_member(&group, dice) else { return };
    let whom = if dice.chance(70) { format!("/members/{}:mute", world.people[member].id) } else { ":mute".into() };
    let body = json!({"for_ms": if dice.chance(20) { 0 } else { 200 + dice.below(900) }});
    world.people[group.owner].call("POST", &at(&group, &whom), body).await;
}

/// Somebody blocks somebody, for a moment or for good.
pub async fn block(world: &World, dice: &mut Dice) {
    let (one, other) = (dice.below(world.people.len()), dice.below(world.people.len()));
    if one == other {
        return;
    }
    let path = format!("/v1/blocks/{}", world.people[other].id);
    world.people[one].call("PUT", &path, Value::Null).await;
    sleep(Duration::from_millis(200 + dice.below(800) as u64)).await;
    if dice.chance(90) {
        world.people[one].call("DELETE", &path, Value::Null).await;
    }
}

fn at(group: &Group, rest: &str) -> String {
    format!("/v1/conversations/{}{rest}", group.id)
}
