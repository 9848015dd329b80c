//! The second factor: codes once each, recovery codes once each.

use data_encoding::BASE32_NOPAD;
use relay::store::database::Topic;
use ring::hmac;
use serde_json::{Value, json};

use crate::desk::{Browser, Desk, PASSWORD, now};

/// Returns the code of a secret, so many steps from now, as an app does.
fn code(secret: &str, steps: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &BASE32_NOPAD.decode(secret.as_bytes()).unwrap());
    let step = now().as_millis() / 30_000 + steps;
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let number = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// A person with a password and a second factor: the secret, the code that was used, and the recovery codes.
struct Enrolled {
    secret: String,
    first: String,
    codes: Vec<String>,
}

async fn enrolled(desk: &Desk) -> Enrolled {
    desk.set_password("support").await;
    let mut browser = desk.signed_in("support").await;
    let begun = browser.post("totp/begin", &json!({})).await.json();
    let secret = begun["secret"].as_str().unwrap().to_owned();
    let first = code(&secret, 0);
    let confirmed = browser.post("totp/confirm", &json!({ "code": first })).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text());
    let codes = confirmed.json()["recovery_codes"].as_array().unwrap().clone();
    Enrolled { secret, first, codes: codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect() }
}

/// A browser behind the right password.
async fn half(desk: &Desk) -> Browser<'_> {
    let mut browser = desk.browser();
    let answer = browser.post("sign-in", &json!({ "name": "support", "password": PASSWORD })).await;
    assert_eq!(answer.json(), json!({ "step": "code" }));
    browser
}

#[tokio::test]
async fn a_second_factor_is_set_up_by_its_first_code() {
    let desk = Desk::start_with(|config| config.provider.brand = Some("Karoo & Co".to_owned())).await;
    let (mut here, mut there) = (desk.signed_in("support").await, desk.signed_in("support").await);
    here.post("totp/confirm", &json!({ "code": "000000" })).await.is_problem(409, "not-begun");
    let begun = here.post("totp/begin", &json!({})).await.json();
    let secret = begun["secret"].as_str().unwrap();
    let uri = begun["uri"].as_str().unwrap();
    assert!(uri.starts_with(&format!("otpauth://totp/Karoo%20%26%20Co:support?secret={secret}&")), "{uri}");
    assert!(begun["qr_svg"].as_str().unwrap().starts_with("<svg"));
    assert_eq!(here.get("me").await.json()["totp"], false, "not before its first code");
    there.post("totp/confirm", &json!({ "code": code(secret, 0) })).await.is_problem(409, "not-begun");
    here.post("totp/confirm", &json!({ "code": code(secret, 40) })).await.is_problem(422, "wrong");
    let confirmed = here.post("totp/confirm", &json!({ "code": code(secret, 0) })).await.json();
    assert_eq!((confirmed["step"].as_str(), confirmed["recovery_codes"].as_array().unwrap().len()), (Some("done"), 10));
    assert_eq!(here.get("me").await.json()["totp"], true);
    there.get("me").await.is_problem(401, "signed-out");
    here.post("totp/begin", &json!({})).await.is_problem(409, "taken");
    assert_eq!(desk.logged("totp-on", "").await.who, "support");
}

#[tokio::test]
async fn a_password_alone_opens_nothing_then_and_no_code_opens_twice() {
    let desk = Desk::start().await;
    let Enrolled { secret, first, .. } = enrolled(&desk).await;
    let mut browser = half(&desk).await;
    for path in ["me", "audit"] {
        browser.get(path).await.is_problem(401, "signed-out");
    }
    browser.post("totp/begin", &json!({})).await.is_problem(401, "signed-out");
    browser.post("sign-in/code", &json!({ "code": first })).await.is_problem(401, "wrong");
    let next = json!({ "code": code(&secret, 1) });
    assert_eq!(browser.post("sign-in/code", &next).await.json(), json!({ "step": "done" }));
    assert_eq!(browser.get("me").await.status, 200);
    browser.post("sign-in/code", &next).await.is_problem(401, "signed-out");
    half(&desk).await.post("sign-in/code", &next).await.is_problem(401, "wrong");
    desk.execute(Topic::People, "UPDATE people SET totp_step = 0").await;
    assert_eq!(half(&desk).await.post("sign-in/code", &json!({ "code": code(&secret, -1) })).await.status, 200);
    assert_eq!(desk.logged("second-factor-asked", "").await.who, "support");
    assert_eq!(desk.logged("signed-in", "password and code").await.who, "support");
}

#[tokio::test]
async fn guesses_of_codes_end_soon_and_a_recovery_code_opens_once_all_the_same() {
    let desk = Desk::start().await;
    let Enrolled { secret, codes, .. } = enrolled(&desk).await;
    let mut browser = half(&desk).await;
    for _ in 0..5 {
        browser.post("sign-in/code", &json!({ "code": code(&secret, 40) })).await.is_problem(401, "wrong");
    }
    browser.post("sign-in/code", &json!({ "code": code(&secret, 1) })).await.is_problem(429, "wait");
    browser.post("sign-in/code", &json!({ "code": "ABCD-EFGH-JKLM-NPQR" })).await.is_problem(401, "wrong");
    let recovery = json!({ "code": codes[3].to_lowercase() });
    assert_eq!(browser.post("sign-in/code", &recovery).await.json(), json!({ "step": "done" }));
    half(&desk).await.post("sign-in/code", &recovery).await.is_problem(401, "wrong");
    assert_eq!(half(&desk).await.post("sign-in/code", &json!({ "code": codes[4] })).await.status, 200);
    assert_eq!(desk.logged("signed-in", "password and recovery code").await.who, "support");
}

#[tokio::test]
async fn five_minutes_lie_between_password_and_code() {
    let desk = Desk::start().await;
    let Enrolled { secret, .. } = enrolled(&desk).await;
    let mut browser = half(&desk).await;
    desk.execute(Topic::Sessions, "UPDATE sessions SET made = made - 300001 WHERE step = 'code'").await;
    let other = desk.another_relay();
    browser.at = other.addresses.viewers;
    browser.post("sign-in/code", &json!({ "code": code(&secret, 1) })).await.is_problem(401, "signed-out");
}

#[tokio::test]
async fn where_a_second_factor_is_wanted_it_comes_before_all_else() {
    let desk = Desk::start_with(|config| config.operators.require_totp = true).await;
    let mut admin = desk.signed_in("admin").await;
    let me = admin.get("me").await.json();
    assert_eq!((&me["totp"], &me["totp_required"]), (&Value::Bool(false), &Value::Bool(true)));
    admin.get("people").await.is_problem(403, "enrol");
    admin.post("people", &json!({ "name": "eve", "role": "admin" })).await.is_problem(403, "enrol");
    let begun = admin.post("totp/begin", &json!({})).await.json();
    let first = code(begun["secret"].as_str().unwrap(), 0);
    assert_eq!(admin.post("totp/confirm", &json!({ "code": first })).await.status, 200);
    assert_eq!(admin.get("people").await.status, 200);
}

#[tokio::test]
async fn a_second_factor_is_removed_by_the_password_or_by_an_admin() {
    let desk = Desk::start().await;
    let Enrolled { secret, codes, .. } = enrolled(&desk).await;
    let mut browser = half(&desk).await;
    browser.post("sign-in/code", &json!({ "code": code(&secret, 1) })).await;
    browser.post("totp/remove", &json!({ "password": "wrong horse" })).await.is_problem(401, "wrong");
    browser.post("people/admin/totp/remove", &json!({})).await.is_problem(403, "role");
    assert_eq!(browser.get("me").await.json()["totp"], true);
    assert_eq!(browser.post("totp/remove", &json!({ "password": PASSWORD })).await.status, 200);
    assert_eq!(browser.get("me").await.json()["totp"], false);
    let mut again = desk.browser();
    let signed_in = again.post("sign-in", &json!({ "name": "support", "password": PASSWORD })).await;
    assert_eq!(signed_in.json(), json!({ "step": "done" }));
    again.post("sign-in/code", &json!({ "code": codes[0] })).await.is_problem(401, "signed-out");

    enrolled(&desk).await;
    let mut admin = desk.signed_in("admin").await;
    assert_eq!(admin.post("people/support/totp/remove", &json!({})).await.status, 200);
    assert_eq!(desk.logged("totp-off", "support").await.who, "admin");
    admin.post("people/admin/totp/remove", &json!({})).await.is_problem(403, "own");
    admin.post("people/admin/invite", &json!({})).await.is_problem(403, "own");
}

#[tokio::test]
async fn an_invitation_does_not_go_around_a_second_factor() {
    let desk = Desk::start().await;
    let Enrolled { secret, .. } = enrolled(&desk).await;
    let token = desk.ticket("support", relay::operators::tickets::Kind::Invitation).await;
    let mut browser = desk.browser();
    let chosen = json!({ "token": token, "password": "another battery" });
    assert_eq!(browser.post("invitation", &chosen).await.json(), json!({ "step": "code" }));
    browser.get("me").await.is_problem(401, "signed-out");
    assert_eq!(browser.post("sign-in/code", &json!({ "code": code(&secret, 1) })).await.status, 200);
}
