//! The company's sign-in: a header that counts from a trusted proxy alone.

use std::net::IpAddr;

use relay::config::Config;
use relay::net::peer::Forwarding;
use relay::operators::company::Company;
use relay::operators::people::Role;
use serde_json::json;

use crate::desk::{Browser, Desk};

fn company(config: &mut Config, default_role: Option<Role>, proxy: [u8; 4]) {
    let proxies = vec![IpAddr::from(proxy).into()];
    config.forwarding = Some(Forwarding { proxies, header: "x-forwarded-for".parse().unwrap() });
    config.operators.company = Some(Company { header: "x-forwarded-user".parse().unwrap(), default_role });
}

const PROXY: [u8; 4] = [127, 0, 0, 1];

fn named<'a>(desk: &'a Desk, name: &str) -> Browser<'a> {
    let mut browser = desk.browser();
    browser.headers = format!("x-forwarded-for: 203.0.113.7\r\nx-forwarded-user: {name}\r\n");
    browser
}

#[tokio::test]
async fn whom_the_proxy_names_signs_in_with_the_default_role() {
    let desk = Desk::start_with(|config| company(config, Some(Role::Support), PROXY)).await;
    let mut anna = named(&desk, "Anna@Karoo.example");
    let out = anna.get("me").await;
    out.is_problem(401, "signed-out");
    assert_eq!(out.json()["company_sign_in"], true);
    assert_eq!(anna.post("sign-in/company", &json!({})).await.json(), json!({ "step": "done" }));
    let me = anna.get("me").await.json();
    assert_eq!(
        (me["name"].as_str(), me["role"].as_str(), me["by"].as_str()),
        (Some("anna@karoo.example"), Some("support"), Some("company"))
    );
    anna.get("people").await.is_problem(403, "role");
    assert_eq!(desk.logged("signed-in", "company").await.address.as_deref(), Some("203.0.113.7"));

    let added = desk.logged("person-added", "anna@karoo.example, support, by the company's sign-in").await;
    assert_eq!(added.who, "anna@karoo.example");
    assert_eq!(anna.post("sign-in/company", &json!({})).await.status, 200);

    let mut admin = named(&desk, "admin");
    assert_eq!(admin.post("sign-in/company", &json!({})).await.status, 200);
    assert_eq!(admin.get("people").await.status, 200, "a person of that name has the person's role");
    assert_eq!(desk.count_logged("person-added").await, 3, "each person once");
}

#[tokio::test]
async fn a_company_session_lasts_while_the_proxy_names_the_same_person() {
    let desk = Desk::start_with(|config| company(config, Some(Role::Support), PROXY)).await;
    let mut anna = named(&desk, "anna");
    assert_eq!(anna.post("sign-in/company", &json!({})).await.status, 200);
    let good = std::mem::take(&mut anna.headers);
    anna.get("me").await.is_problem(401, "signed-out");
    for other in ["admin", "anna\r\nx-forwarded-user: admin", "anna, admin", ""] {
        anna.headers = format!("x-forwarded-user: {other}\r\n");
        anna.get("me").await.is_problem(401, "signed-out");
    }
    anna.headers = good;
    assert_eq!(anna.get("me").await.status, 200);
}

#[tokio::test]
async fn a_forged_header_is_ignored_and_counted() {
    let desk = Desk::start_with(|config| company(config, Some(Role::Admin), [192, 0, 2, 1])).await;
    let mut forger = named(&desk, "admin");
    let out = forger.get("me").await;
    out.is_problem(401, "signed-out");
    assert_eq!(out.json()["company_sign_in"], false);
    let answer = forger.post("sign-in/company", &json!({})).await;
    answer.is_problem(401, "signed-out");
    assert!(answer.header("set-cookie").is_none());
    assert_eq!(desk.relay.metric("linelight_operator_headers_ignored_total").await, 2);
}

#[tokio::test]
async fn without_the_setting_the_header_is_a_header() {
    let desk = Desk::start().await;
    let mut forger = named(&desk, "admin");
    assert_eq!(forger.get("me").await.json()["company_sign_in"], false);
    forger.post("sign-in/company", &json!({})).await.is_problem(401, "signed-out");
}

#[tokio::test]
async fn without_a_default_role_only_people_with_an_account_come_in() {
    let desk = Desk::start_with(|config| company(config, None, PROXY)).await;
    named(&desk, "anna").post("sign-in/company", &json!({})).await.is_problem(403, "no-account");
    assert_eq!(desk.logged("sign-in-refused", "company sign-in without an account").await.who, "anna");
    assert_eq!(named(&desk, "support").post("sign-in/company", &json!({})).await.status, 200);
}
