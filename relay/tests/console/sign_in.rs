//! Signing in by password and single-use address, and what is refused.

use std::net::IpAddr;

use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use relay::net::peer::Forwarding;
use relay::operators::people::Role;
use relay::operators::tickets::Kind;
use relay::store::database::Topic;
use serde_json::{Value, json};

use crate::desk::{Desk, PASSWORD};

fn credentials(name: &str, password: &str) -> Value {
    json!({ "name": name, "password": password })
}

/// A desk behind a proxy that names the browsers' addresses.
async fn behind_a_proxy() -> Desk {
    Desk::start_with(|config| {
        let proxies = vec![IpAddr::from([127, 0, 0, 1]).into()];
        config.forwarding = Some(Forwarding { proxies, header: "x-forwarded-for".parse().unwrap() });
    })
    .await
}

fn from(address: &str) -> String {
    format!("x-forwarded-for: {address}\r\n")
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_are_answered_alike() {
    let desk = Desk::start().await;
    desk.set_password("support").await;
    let mut answers = Vec::new();
    // Somebody with a password, somebody without, nobody, and what is no name.
    for name in ["support", "admin", "nobody", "<b>"] {
        let answer = desk.browser().post("sign-in", &credentials(name, "wrong horse")).await;
        answer.is_problem(401, "wrong");
        assert!(answer.header("set-cookie").is_none());
        answers.push(answer.body);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    let detail = "the name or the password is wrong";
    assert!(["support", "(unknown)"].contains(&desk.logged("sign-in-refused", detail).await.who.as_str()));
}

#[tokio::test]
async fn a_right_password_signs_in_however_the_name_is_written() {
    let desk = Desk::start().await;
    desk.set_password("support").await;
    let mut browser = desk.browser();
    let answer = browser.post("sign-in", &credentials(" Support ", PASSWORD)).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "step": "done" })));
    assert_eq!(browser.get("me").await.json()["name"], "support");
    assert_eq!(desk.logged("signed-in", "password").await.address.as_deref(), Some("127.0.0.1"));
}

#[tokio::test]
async fn a_flood_from_one_address_ends_and_another_address_signs_in() {
    let desk = behind_a_proxy().await;
    desk.set_password("support").await;
    let mut flooder = desk.browser();
    flooder.headers = from("203.0.113.7");
    for _ in 0..10 {
        flooder.post("sign-in", &credentials("support", "wrong horse")).await.is_problem(401, "wrong");
    }
    let limited = flooder.post("sign-in", &credentials("support", PASSWORD)).await;
    limited.is_problem(429, "wait");
    let seconds: u64 = limited.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds) && limited.json()["retry_after"] == seconds);
    let mut other = desk.browser();
    other.headers = from("203.0.113.8");
    assert_eq!(other.post("sign-in", &credentials("support", PASSWORD)).await.status, 200);
}

#[tokio::test]
async fn a_name_that_many_addresses_guess_still_opens_to_its_owner() {
    let desk = behind_a_proxy().await;
    desk.set_password("support").await;
    for address in 1..=12 {
        let mut guesser = desk.browser();
        guesser.headers = from(&format!("2001:db8:{address}::1"));
        for _ in 0..3 {
            guesser.post("sign-in", &credentials("support", "wrong horse")).await.is_problem(401, "wrong");
        }
    }
    let mut guesser = desk.browser();
    guesser.headers = from("2001:db8:1::2");
    guesser.post("sign-in", &credentials("support", "wrong horse")).await.is_problem(429, "wait");
    let mut owner = desk.browser();
    owner.headers = from("198.51.100.1");
    owner.post("sign-in", &credentials("support", "mistyped horse")).await.is_problem(401, "wrong");
    assert_eq!(owner.post("sign-in", &credentials("support", PASSWORD)).await.status, 200);
}

#[tokio::test]
async fn an_invitation_is_for_one_password_and_one_use() {
    let desk = Desk::start().await;
    let token = desk.ticket("support", Kind::Invitation).await;
    let mut before = desk.signed_in("support").await;
    let mut browser = desk.browser();
    let looked = browser.post("invitation/look", &json!({ "token": token })).await;
    assert_eq!(looked.json(), json!({ "name": "support", "role": "support" }));
    for weak in ["short", "support-2026", "aaaaaaaaaaaaaa"] {
        let answer = browser.post("invitation", &json!({ "token": token, "password": weak })).await;
        answer.is_problem(422, "password");
    }
    let chosen = json!({ "token": token, "password": PASSWORD });
    assert_eq!(browser.post("invitation", &chosen).await.json(), json!({ "step": "done" }));
    assert_eq!(browser.get("me").await.json()["name"], "support");
    before.get("me").await.is_problem(401, "signed-out");
    desk.browser().post("invitation", &chosen).await.is_problem(410, "used");
    desk.browser().post("invitation/look", &json!({ "token": token })).await.is_problem(410, "used");
    assert_eq!(desk.logged("invitation-refused", "used before, or ended").await.who, "support");
    assert_eq!(desk.browser().post("sign-in", &credentials("support", PASSWORD)).await.status, 200);
}

#[tokio::test]
async fn a_used_invitation_does_not_fill_the_log() {
    let limit = 5;
    let desk = Desk::start_with(|config| config.limits.failed_attempts = limit).await;
    let token = desk.ticket("support", Kind::Invitation).await;
    let chosen = json!({ "token": token, "password": PASSWORD });
    assert_eq!(desk.browser().post("invitation", &chosen).await.status, 200);
    for _ in 0..40 {
        desk.browser().post("invitation/look", &json!({ "token": token })).await.is_problem(410, "used");
    }
    // Entries are written in their order.
    desk.browser().post("sign-in", &credentials("support", "wrong horse")).await.is_problem(401, "wrong");
    desk.logged("sign-in-refused", "the name or the password is wrong").await;
    assert_eq!(desk.count_logged("invitation-refused").await, limit as usize);
}

#[tokio::test]
async fn a_password_of_an_older_release_gets_a_hash_of_today() {
    let desk = Desk::start().await;
    // The same password by the crate's usual parameters: 19 MiB, 2 passes.
    let old = Argon2::default().hash_password_with_salt(PASSWORD.as_bytes(), b"0123456789abcdef").unwrap().to_string();
    desk.set_hash("support", &old).await;
    let mut browser = desk.browser();
    browser.post("sign-in", &credentials("support", "wrong horse")).await.is_problem(401, "wrong");
    assert_eq!(desk.hash("support").await, old);
    assert_eq!(browser.post("sign-in", &credentials("support", PASSWORD)).await.status, 200);
    let renewed = desk.hash("support").await;
    assert!(renewed.starts_with("$argon2id$v=19$m=32768,t=3,p=1$"), "{renewed}");
    assert_eq!(browser.get("me").await.status, 200);
    assert_eq!(desk.browser().post("sign-in", &credentials("support", PASSWORD)).await.status, 200);
    assert_eq!(desk.hash("support").await, renewed, "once");
}

#[tokio::test]
async fn a_newer_invitation_and_the_end_of_its_day_void_an_older_one() {
    let desk = Desk::start().await;
    let older = desk.ticket("support", Kind::Invitation).await;
    let newer = desk.ticket("support", Kind::Invitation).await;
    desk.browser().post("invitation/look", &json!({ "token": older })).await.is_problem(410, "used");
    assert_eq!(desk.browser().post("invitation/look", &json!({ "token": newer })).await.status, 200);
    desk.execute(Topic::People, "UPDATE tickets SET expires = expires - 86400000").await;
    desk.browser().post("invitation/look", &json!({ "token": newer })).await.is_problem(410, "used");
    let chosen = json!({ "token": newer, "password": PASSWORD });
    desk.browser().post("invitation", &chosen).await.is_problem(410, "used");
}

#[tokio::test]
async fn a_new_password_wants_the_old_one_and_ends_all_other_sessions() {
    let desk = Desk::start().await;
    desk.set_password("support").await;
    let (mut here, mut there) = (desk.signed_in("support").await, desk.signed_in("support").await);
    let change = |old: &str, new: &str| json!({ "old": old, "new": new });
    here.post("password", &change("wrong horse", "another battery")).await.is_problem(401, "wrong");
    here.post("password", &change(PASSWORD, "short")).await.is_problem(422, "password");
    assert_eq!(there.get("me").await.status, 200);
    assert_eq!(here.post("password", &change(PASSWORD, "another battery")).await.status, 200);
    there.get("me").await.is_problem(401, "signed-out");
    assert_eq!(here.get("me").await.status, 200, "this browser has a new session");
    desk.browser().post("sign-in", &credentials("support", PASSWORD)).await.is_problem(401, "wrong");
    assert_eq!(desk.browser().post("sign-in", &credentials("support", "another battery")).await.status, 200);
}

#[tokio::test]
async fn a_session_ends_after_twelve_idle_hours_and_after_seven_days() {
    let desk = Desk::start().await;
    for older in ["UPDATE sessions SET last_used = last_used - 43200001", "UPDATE sessions SET made = made - 604800001"]
    {
        let mut browser = desk.signed_in("support").await;
        // Another relay of the store, which has not seen the session before.
        desk.execute(Topic::Sessions, older).await;
        let other = desk.another_relay();
        browser.at = other.addresses.viewers;
        browser.get("me").await.is_problem(401, "signed-out");
    }
}

#[tokio::test]
async fn a_store_that_takes_no_change_refuses_a_right_password_in_words() {
    let desk = Desk::start().await;
    desk.set_password("support").await;
    let held = desk.database.begin().await.unwrap();
    desk.browser().post("sign-in", &credentials("support", PASSWORD)).await.is_problem(503, "store");
    desk.browser().post("sign-in", &credentials("support", "wrong horse")).await.is_problem(401, "wrong");
    drop(held);
    assert_eq!(desk.browser().post("sign-in", &credentials("support", PASSWORD)).await.status, 200);
}

#[tokio::test]
async fn who_was_removed_does_not_come_back_by_an_old_password() {
    let desk = Desk::start().await;
    desk.set_password("support").await;
    let mut admin = desk.signed_in("admin").await;
    assert_eq!(admin.post("people/support/remove", &json!({})).await.status, 200);
    desk.browser().post("sign-in", &credentials("support", PASSWORD)).await.is_problem(401, "wrong");
    desk.add("support", Role::Support).await;
    desk.browser().post("sign-in", &credentials("support", PASSWORD)).await.is_problem(401, "wrong");
}
