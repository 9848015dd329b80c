//! The subscribers file for operators: a relay's start without the file, and the command for checking.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::{TestRelay, eventually, get};
use relay::subscribers::SubscribersFile;

fn check(file: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linelight-relay"));
    let Output { status, stdout, stderr } =
        command.env_clear().arg("check-subscribers").arg(file).args(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[tokio::test]
async fn a_relay_starts_without_its_subscribers_file_and_takes_it_when_it_comes() {
    const UNUSABLE: &str = "ready, degraded: the subscribers file cannot be used, see the log\n";
    for content in [None, Some(&b""[..]), Some(b"ali,Ali\n"), Some(b"username,login\n")] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("subscribers.csv");
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let file = SubscribersFile { path: path.clone(), encoding: None };
        let relay = TestRelay::start(|config| config.subscribers = Some(file));
        let readiness = async || get(relay.addresses.private, "/readyz", "").await;
        let answer = readiness().await;
        assert_eq!((answer.status, answer.text().as_str()), (200, UNUSABLE));

        std::fs::write(&path, "username,customer\nali,Ali\nbob,Bob\n").unwrap();
        eventually("the file is taken", async || relay.metric("linelight_subscribers").await == 2).await;
        assert_eq!(readiness().await.text(), "ready\n");

        std::fs::remove_file(&path).unwrap();
        eventually("the loss is told", async || readiness().await.text() == UNUSABLE).await;
        assert_eq!(relay.metric("linelight_subscribers").await, 2, "its last good content stays in use");
    }
}

#[test]
fn every_rows_reading_is_printed_and_what_is_refused_fails() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("subscribers.csv");
    let rows: String = (0..30).map(|at| format!("u{at};Unit {at};5{at}\r\n")).collect();
    let content =
        format!("sep=;\r\nLogin;Name;Download;Notes\r\nali;Ali \x1b[2J;50M;x\r\n4446.0;Bob;\r\n;No;\r\n{rows}");
    std::fs::write(&file, content).unwrap();
    let (code, out, error) = check(&file, &[]);
    assert_eq!(code, Some(1));
    for told in [
        "encoding UTF-8, separator ;\n",
        "column \"Login\": username\n",
        "column \"Notes\": further, for support\n",
        "line 3: username \"ali\", customer \"Ali  [2J\", package -, download 50 Mbps, upload -, Notes \"x\"\n",
        "line 4: username \"4446.0\" (also \"4446\"), customer \"Bob\"",
        "line 5: refused: its username is empty\n",
        "line 35: username \"u29\", customer \"Unit 29\"",
        "line 35: note: its download has no unit and can be 529 kbps or 529 Mbps",
        "rows used: 32, rows refused: 1, limits refused: 30, other notes: 1\n",
    ] {
        assert!(out.contains(told), "{told:?} is not in: {out}");
    }
    assert!(error.contains("refused: rows 1, limits 30"), "{error}");
    assert_eq!(out.matches("note: its download").count(), 30, "all, not the first twenty");
}

#[test]
fn an_orderly_file_succeeds_in_its_encoding() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("subscribers.csv");
    std::fs::write(&file, b"username,customer,download\nali,\xC0\xEB\xE8,50M\n").unwrap();
    let (code, out, _) = check(&file, &["--encoding", "windows-1251"]);
    assert!(code == Some(0) && out.contains("customer \"Али\""), "{out}");
    let (code, _, error) = check(&file, &["--encoding", "ebcdic"]);
    assert!(code == Some(2) && error.contains("not an encoding"), "{error}");
    let (code, _, error) = check(&folder.path().join("none.csv"), &[]);
    assert!(code == Some(1) && error.contains("cannot read"), "{error}");
}
