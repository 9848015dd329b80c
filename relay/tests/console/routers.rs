//! Routers: added with a script that `router-script` would print, changed, revoked; by admins alone.

use relay::agents::registry::Entries;
use serde_json::{Value, json};

use crate::desk::Desk;

/// A script without what differs each time: the token and the password.
fn constant(script: &str) -> String {
    let is_secret = |line: &&str| line.contains("linelight_agent_") || line.contains("password");
    script.lines().filter(|line| !is_secret(line)).collect::<Vec<_>>().join("\n")
}

fn printed(desk: &Desk, arguments: &[&str]) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_linelight-relay"));
    command.env_clear().arg("--data").arg(desk.relay.directory.path()).args(["--public-url", crate::desk::PUBLIC]);
    let output = command.arg("router-script").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn names(list: &Value) -> Vec<&str> {
    list["routers"].as_array().unwrap().iter().map(|router| router["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_router_is_added_with_the_script_that_the_command_prints() {
    let desk = Desk::start().await;
    let mut admin = desk.signed_in("admin").await;
    let new = json!({"name": "tower", "patterns": ["*@karoo.example"], "options": {"architecture": "arm64", "storage": "memory"}});
    let answer = admin.post("routers", &new).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{}", answer.text());
    let made = answer.json();
    let script = made["script"].as_str().unwrap();
    assert_eq!(made["token_shown_once"], true);
    assert!(script.contains("linelight_agent_"), "the token is in the script");
    let command = printed(&desk, &["--agent", "tower", "--new-token", "--arch", "arm64", "--tmpfs"]);
    assert_eq!(constant(script), constant(&command));
    let list = admin.get("routers").await.json();
    let router = &list["routers"][0];
    assert_eq!((&router["name"], &router["patterns"]), (&json!("tower"), &json!(["*@karoo.example"])));
    let one = admin.get("routers/tower").await.json();
    assert_eq!(one["steps"], json!({"paste": false, "heard": false, "router": false, "sessions": false}));
    assert!(!one.to_string().contains("linelight_agent_"));
    let deed = desk.logged("router-added", "tower").await;
    assert_eq!(deed.who, "admin");
}

#[tokio::test]
async fn patterns_and_tokens_change_and_a_router_is_revoked() {
    let desk = Desk::start().await;
    let mut admin = desk.signed_in("admin").await;
    let entries = || Entries::load(&desk.relay.data().agents()).unwrap().agents;
    for name in ["tower", "hill"] {
        let new = json!({"name": name, "patterns": ["*"]});
        assert_eq!(admin.post("routers", &new).await.status, 200);
    }
    let before = entries()[0].token_sha256;
    assert_eq!(admin.post("routers/tower/token", &json!({})).await.status, 200);
    let renewed = entries().into_iter().find(|entry| entry.name == "tower").unwrap();
    assert_ne!(renewed.token_sha256, before);
    assert_eq!(admin.post("routers/tower/patterns", &json!({"patterns": ["444*", "bob"]})).await.status, 200);
    let changed = entries().into_iter().find(|entry| entry.name == "tower").unwrap();
    assert_eq!(changed.lines.iter().map(ToString::to_string).collect::<Vec<_>>(), ["444*", "bob"]);
    assert_eq!(changed.token_sha256, renewed.token_sha256);
    assert_eq!(admin.post("routers/hill/revoke", &json!({})).await.status, 200);
    assert_eq!(names(&admin.get("routers").await.json()), ["tower"]);
    admin.get("routers/hill").await.is_problem(404, "unknown");
    for (what, detail) in [("router-token", "tower"), ("router-changed", "tower 444* bob"), ("router-revoked", "hill")]
    {
        desk.logged(what, detail).await;
    }
}

#[tokio::test]
async fn what_is_no_router_is_refused_in_words_and_changes_nothing() {
    let desk = Desk::start().await;
    let mut admin = desk.signed_in("admin").await;
    assert_eq!(admin.post("routers", &json!({"name": "tower", "patterns": ["*"]})).await.status, 200);
    for wrong in [
        json!({"name": "tower", "patterns": ["*"]}),
        json!({"name": "", "patterns": ["*"]}),
        json!({"name": "a b\"; /user add", "patterns": ["*"]}),
        json!({"name": "hill", "patterns": []}),
        json!({"name": "hill", "patterns": ["a*b*c"]}),
        json!({"name": "hill", "patterns": ["*"], "options": {"architecture": "sparc"}}),
        json!({"name": "hill", "patterns": ["*"], "options": {"storage": "disk"}}),
        json!({"name": "hill", "patterns": ["*"], "options": {"disk": "usb1\"; /system reset"}}),
        json!({"name": "hill", "patterns": ["*"], "options": {"subnet": "10.0.0.0/8"}}),
        json!({"name": "hill", "patterns": ["*"], "options": {"relay_urls": ["ws://plain.example"]}}),
    ] {
        admin.post("routers", &wrong).await.is_problem(400, "bad-router");
    }
    admin.post("routers/nobody/revoke", &json!({})).await.is_problem(400, "bad-router");
    admin.post("routers/nobody/token", &json!({})).await.is_problem(400, "bad-router");
    admin.post("routers/tower/patterns", &json!({"patterns": []})).await.is_problem(400, "bad-router");
    assert_eq!(names(&admin.get("routers").await.json()), ["tower"]);
}

#[tokio::test]
async fn support_sees_routers_and_changes_none() {
    let desk = Desk::start().await;
    let mut support = desk.signed_in("support").await;
    assert_eq!(support.get("routers").await.json(), json!({"routers": []}));
    let changes = [
        ("routers", json!({"name": "tower", "patterns": ["*"]})),
        ("routers/tower/token", json!({})),
        ("routers/tower/patterns", json!({"patterns": ["*"]})),
        ("routers/tower/revoke", json!({})),
    ];
    for (path, body) in &changes {
        support.post(path, body).await.is_problem(403, "role");
        desk.browser().post(path, body).await.is_problem(401, "signed-out");
        let mut other = desk.signed_in("admin").await;
        other.origin = Some("https://evil.example".to_owned());
        other.post(path, body).await.is_problem(403, "other-origin");
    }
    desk.browser().get("routers").await.is_problem(401, "signed-out");
    assert_eq!(support.get("routers").await.json(), json!({"routers": []}));
}
