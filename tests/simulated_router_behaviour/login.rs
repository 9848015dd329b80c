//! Login, old and new, and what comes before it.

use tests::simulated_router::{Login, Setup, SimulatedRouter, TagPlacement};

use crate::client::{client, router, stranger};

#[tokio::test]
async fn nothing_is_answered_before_login() {
    let router = router();
    let mut client = stranger(&router);
    client.send("/system/identity/print .tag=1").await;
    assert_eq!(client.text().await, "!fatal not logged in");
    assert_eq!(client.next().await, None);
}

#[tokio::test]
async fn the_new_login_refuses_and_then_lets_in() {
    let router = router();
    let mut client = stranger(&router);
    assert_eq!(
        client.ask_text("/login =name=linelight =password=wrong").await,
        ["!trap =message=invalid user name or password (6)", "!done"]
    );
    assert_eq!(client.ask_text("/login =name=linelight =password=simulated .tag=9").await, ["!done .tag=9"]);
    assert_eq!(client.rows("/system/identity/print").await[0].get("name"), "concentrator");
    drop(client);
    router.wait_until(|record| record.connections().len() == 0).await;
    assert_eq!(
        router.log(),
        [
            "login failure for user linelight from 127.0.0.1 via api",
            "user linelight logged in from 127.0.0.1 via api",
            "user linelight logged out from 127.0.0.1 via api",
        ]
    );
}

#[tokio::test]
async fn the_old_login_challenges() {
    let setup = Setup { login: Login::Old, password: "secret".to_owned(), ..Setup::default() };
    let router = SimulatedRouter::unconnected(setup);
    let mut client = stranger(&router);
    let plain = client.ask("/login =name=linelight =password=secret").await;
    assert_eq!(plain[0].get("ret").len(), 32, "a plain login is answered with a challenge");
    let second = client.ask("/login").await;
    assert_ne!(second[0].get("ret"), plain[0].get("ret"), "each challenge is new");
    let wrong = "/login =name=linelight =response=00aa";
    assert_eq!(client.ask_text(wrong).await, ["!trap =message=cannot log in", "!done"]);
    client.send("/system/identity/print").await;
    assert_eq!(client.text().await, "!fatal not logged in");
}

#[tokio::test]
async fn secrets_of_a_login_are_kept_nowhere() {
    let router = router();
    let mut client = client(&router).await;
    client.rows("/system/identity/print").await;
    let commands: Vec<String> = router.commands().iter().map(|command| command.sentence.to_text()).collect();
    assert_eq!(commands, ["/login =name=linelight =password=***", "/system/identity/print"]);
    assert!(!router.log().concat().contains("simulated"));
}

#[tokio::test]
async fn what_is_too_large_or_too_much_before_login_ends_the_connection() {
    let router = router();
    let mut large = stranger(&router);
    large.send(&format!("/login =name={}", "x".repeat(5000))).await;
    assert_eq!(large.next().await, None);
    let mut many = stranger(&router);
    for _ in 0..16 {
        many.ask("/login =name=x =password=y").await;
    }
    many.send("/login =name=linelight =password=simulated").await;
    assert_eq!(many.next().await, None);
}

#[tokio::test]
async fn quit_says_why_in_a_bare_word_and_closes() {
    let router = router();
    let mut client = client(&router).await;
    client.send("/interface/monitor-traffic =interface=ether1 .tag=1").await;
    assert_eq!(client.reply().await.word(), b"!re");
    client.send("/quit").await;
    let last = client.reply().await;
    assert_eq!(last.0, [&b"!fatal"[..], b"session terminated on request"]);
    assert_eq!(client.next().await, None);
}

#[tokio::test]
async fn the_tag_stands_right_behind_the_reply_word_or_last() {
    let router = router();
    let mut client = client(&router).await;
    let sentence = "/system/identity/print .tag=x";
    assert_eq!(client.ask_text(sentence).await, ["!re .tag=x =name=concentrator", "!done .tag=x"]);
    router.set_tags(TagPlacement::Last);
    assert_eq!(client.ask_text(sentence).await, ["!re =name=concentrator .tag=x", "!done .tag=x"]);
}
