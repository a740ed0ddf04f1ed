//! What happens between people: invitations, removals, leaving and coming back, friendships that end and begin again.

use std::sync::{Arc, atomic::Ordering};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use super::{Dice, Group, Person, Phase, World, joining, world::lock};

/// Makes everybody friends with everybody.
pub async fn befriend_all(people: &[Arc<Person>]) -> Result<()> {
    for (index, one) in people.iter().enumerate() {
        for other in &people[index + 1..] {
            one.befriend(other).await?;
        }
    }
    Ok(())
}

/// Makes a group of `members` for `owner`, who is a friend of all of them.
pub async fn make_group(world: &World, owner: usize, members: &[usize], title: &str) -> Result<Arc<Group>> {
    let ids: Vec<&str> = members.iter().map(|&member| &*world.people[member].id).collect();
    let body = json!({"title": title, "member_ids": ids});
    let answer = world.people[owner].insist("POST", "/v1/conversations", body).await?;
    let id = answer.body.get("conversation_id").and_then(Value::as_str).context("a group without an id")?;
    let mut inside: std::collections::BTreeSet<usize> = members.iter().copied().collect();
    inside.insert(owner);
    let group = Arc::new(Group { id: id.to_owned(), owner, members: inside.into() });
    lock(&world.groups).push(group.clone());
    Ok(group)
}

/// Lets things happen until nobody begins anything new.
pub async fn run(world: Arc<World>, lane: u64) {
    let Some(pause) = world.habits.social_pause else { return };
    let mut dice = Dice::new(world.seed, 10_000 + lane);
    world.unsettled.fetch_add(1, Ordering::SeqCst);
    while world.phase() == Phase::Busy {
        sleep(Duration::from_micros((pause.as_micros() as usize / 2 + dice.below(pause.as_micros() as usize)) as u64))
            .await;
        match dice.weighted(&[24, 26, 15, 12, 8, 5, 18, 8, 12, 16]) {
            0 => remove(&world, &mut dice).await,
            1 => invite(&world, &mut dice).await,
            2 => leave(&world, &mut dice).await,
            3 => part_and_meet(&world, &mut dice).await,
            4 => change_role(&world, &mut dice).await,
            5 => found(&world, &mut dice).await,
            6 => joining::by_link(&world, &mut dice).await,
            7 => joining::rules(&world, &mut dice).await,
            8 => joining::mute(&world, &mut dice).await,
            _ => joining::block(&world, &mut dice).await,
        }
    }
    world.unsettled.fetch_sub(1, Ordering::SeqCst);
}

pub(super) fn some_group(world: &World, dice: &mut Dice) -> Option<Arc<Group>> {
    dice.pick(&world.groups()).cloned()
}

pub(super) fn some_member(group: &Group, dice: &mut Dice) -> Option<usize> {
    let inside: Vec<usize> = lock(&group.members).iter().copied().filter(|&member| member != group.owner).collect();
    dice.pick(&inside).copied()
}

async fn remove(world: &World, dice: &mut Dice) {
    let Some(group) = some_group(world, dice) else { return };
    let Some(member) = some_member(&group, dice) else { return };
    let path = format!("/v1/conversations/{}/members/{}", group.id, world.people[member].id);
    if !world.people[group.owner].call("DELETE", &path, Value::Null).await.unknown() {
        lock(&group.members).remove(&member);
    }
}

async fn leave(world: &World, dice: &mut Dice) {
    let Some(group) = some_group(world, dice) else { return };
    let Some(member) = some_member(&group, dice) else { return };
    let path = format!("/v1/conversations/{}:leave", group.id);
    if !world.people[member].call("POST", &path, Value::Null).await.unknown() {
        lock(&group.members).remove(&member);
    }
}

async fn invite(world: &World, dice: &mut Dice) {
    let Some(group) = some_group(world, dice) else { return };
    let outside: Vec<usize> = {
        let inside = lock(&group.members);
        (0..world.people.len()).filter(|index| !inside.contains(index)).collect()
    };
    let Some(&guest) = dice.pick(&outside) else { return };
    let host = if dice.chance(70) { group.owner } else { some_member(&group, dice).unwrap_or(group.owner) };
    let guest_id = &world.people[guest].id;
    let path = format!("/v1/conversations/{}/members", group.id);
    let answer = world.people[host].call("POST", &path, json!({"user_ids": [guest_id]})).await;
    let named = |list: &str| {
        let list = answer.body.get(list).and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|id| id.as_str() == Some(guest_id)))
    };
    if named("invited") && dice.chance(80) {
        let path = format!("/v1/invitations/{}:accept", group.id);
        if world.people[guest].call("POST", &path, Value::Null).await.good() {
            lock(&group.members).insert(guest);
        }
    } else if named("joined") || named("already") {
        lock(&group.members).insert(guest);
    }
}

/// Two friends part, and often meet again at once.
async fn part_and_meet(world: &World, dice: &mut Dice) {
    let (one, other) = (dice.below(world.people.len()), dice.below(world.people.len()));
    if one == other {
        return;
    }
    let (one, other) = (&world.people[one], &world.people[other]);
    one.call("DELETE", &format!("/v1/friends/{}", other.id), Value::Null).await;
    if dice.chance(50) {
        sleep(Duration::from_millis(dice.below(400) as u64)).await;
    }
    // Whether it works decides nothing here: they may be friends already.
    let _not_now = one.befriend(other).await;
}

async fn change_role(world: &World, dice: &mut Dice) {
    let Some(group) = some_group(world, dice) else { return };
    let Some(member) = some_member(&group, dice) else { return };
    let path = format!("/v1/conversations/{}/members/{}", group.id, world.people[member].id);
    let role = if dice.chance(50) { "admin" } else { "member" };
    world.people[group.owner].call("PATCH", &path, json!({"role": role})).await;
}

async fn found(world: &World, dice: &mut Dice) {
    if world.groups().len() >= 8 {
        return;
    }
    let owner = dice.below(world.people.len());
    let members: Vec<usize> = (0..world.people.len()).filter(|&member| member != owner && dice.chance(40)).collect();
    // A group that could not be made is no loss.
    let _not_now = make_group(world, owner, &members, "another group").await;
}
