//! A relay with people, keys, links and agents, and the callers who show what it gave them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use relay::agents::registry::Entries;
use relay::net::peer::Forwarding;
use relay::operators::api::keys::{Scope, Scopes, book as keys_book};
use relay::operators::audit::Actor;
use relay::operators::company::Company;
use relay::operators::people::Role;
use relay::operators::people::book::AccountChange;
use relay::operators::sessions::{Step, Way};
use relay::store::data_directory::write_new;
use relay::viewers::links::book;
use relay::viewers::links::keys::Keys;
use relay::viewers::links::{self, Mode, fresh_id};
use relay::viewers::slow_reports::{self, NewReport};
use ring::hmac;
use serde_json::{Value, json};
use shared::Username;

use crate::callers::{Caller, Person};
use crate::common::eventually;
use crate::desk::{Browser, Desk, now};
use crate::doors::{Door, Kind};

pub use crate::desk::PUBLIC;

const HOUR: Duration = Duration::from_secs(3_600);
/// A line of which nothing was known when somebody said that it is slow.
const EMPTY: &str = include_str!("../../../shared/golden/viewer/snapshot-bare.json");
const PRIVATE_TOKEN: &str = "a-private-token-of-the-test";

pub struct Stage {
    pub desk: Desk,
    cookies: HashMap<Person, String>,
    asset: String,
    agent: String,
    revoked_agent: String,
    names: u32,
}

impl Stage {
    pub async fn start(access: Mode) -> Self {
        let secrets = tempfile::tempdir().unwrap();
        let token = secrets.path().join("private-token");
        write_new(&token, PRIVATE_TOKEN.as_bytes()).unwrap();
        let desk = Desk::start_with(|config| {
            config.access = access;
            config.limits.failed_attempts = u32::MAX;
            config.private_door.token_file = Some(token);
            // Not the address of these tests, so what they forward is forged.
            let proxies = vec![IpAddr::from([192, 0, 2, 1]).into()];
            config.forwarding = Some(Forwarding { proxies, header: "x-forwarded-for".parse().unwrap() });
            let header = "x-forwarded-user".parse().unwrap();
            config.operators.company = Some(Company { header, default_role: Some(Role::Admin) });
        })
        .await;
        let (agent, revoked_agent) = agents(&desk);
        let page = desk.relay.get("/").await.text();
        let asset = page.split("assets/").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
        let names = 0;
        let mut stage = Self { desk, cookies: HashMap::new(), asset, agent, revoked_agent, names };
        let ended = stage.cookie(Person::Admin).await;
        stage.admin().await.post("sign-out", &json!({"everywhere": true})).await;
        stage.desk.set_password("admin").await;
        // Nobody else changes what she has.
        stage.desk.add("thandi", Role::Admin).await;
        let half = stage.half_session().await;
        // The relay reads all changes for a new password.
        stage.desk.set_password("support").await;
        stage.cookies = HashMap::from([(Person::SignedOut, ended), (Person::Half, half)]);
        stage
    }

    /// Every caller, each with what it shows.
    pub async fn callers(&self) -> Vec<Caller> {
        let ali = Username::from_text("ali").unwrap();
        let (database, time) = (&self.desk.database, SystemTime::now());
        book::void(database, &ali, unix_seconds(time - HOUR)).await.unwrap();
        book::revoke(database, &ali, "revoked", unix_seconds(time + HOUR), unix_seconds(time)).await.unwrap();
        let link = |name: &str, id: &str, issued, expires| {
            links::mint(&self.keys(), &Username::from_text(name).unwrap(), id, issued, expires).unwrap()
        };
        let forged = |alg: &str, aud: &str, secret: Option<&[u8]>| self.signed(alg, aud, secret);
        let mut callers = vec![
            Caller::nobody("nobody", "nothing"),
            Caller::with_token("link", "a link of the line in force", link("ali", "1", time, time + HOUR)),
            Caller::with_token(
                "expired link",
                "one whose time is over",
                link("ali", "1", time - HOUR, time - HOUR / 2),
            ),
            Caller::with_token("revoked link", "one whose id is revoked", link("ali", "revoked", time, time + HOUR)),
            Caller::with_token(
                "void link",
                "one from before the line's links were made void",
                link("ali", "1", time - 2 * HOUR, time + HOUR),
            ),
            Caller::with_token(
                "another line's link",
                "a link in force of another line",
                link("bob", "1", time, time + HOUR),
            ),
            Caller::with_token(
                "wrong audience",
                "one that the relay's key signed for another `aud`",
                forged("HS256", "linelight:other", None),
            ),
            Caller::with_token(
                "`alg: none`",
                "one without a signature, whose header says so",
                forged("none", links::AUDIENCE, None),
            ),
            Caller::with_token(
                "another key's link",
                "one that another key signed",
                forged("HS256", links::AUDIENCE, Some(&[7; 32])),
            ),
            Caller::with_session("support", "the session of somebody with the role support", Person::Support),
            Caller::with_session("admin", "the session of an admin", Person::Admin),
            Caller::with_session("half signed in", "an admin's session before the second factor's code", Person::Half),
            Caller::with_session("signed out", "the cookie of a session that has ended", Person::SignedOut),
            Caller {
                origin: Some("https://evil.example"),
                ..Caller::with_session(
                    "other origin",
                    "an admin's session and a link, from a page of another origin",
                    Person::Admin,
                )
            },
            Caller {
                origin: None,
                ..Caller::with_session("no Origin", "an admin's session, without the header `Origin`", Person::Admin)
            },
            Caller {
                headers: "x-forwarded-for: 127.0.0.1\r\nforwarded: for=127.0.0.1\r\nx-real-ip: 127.0.0.1\r\n"
                    .to_owned(),
                ..Caller::nobody("forged address", "forwarded headers, from no trusted proxy")
            },
            Caller {
                headers: "x-forwarded-user: admin\r\n".to_owned(),
                ..Caller::nobody(
                    "forged name",
                    "the header of `--operators-header` with an admin's name, from no trusted proxy",
                )
            },
        ];
        let link = callers[1].token.clone();
        callers.iter_mut().find(|caller| caller.name == "other origin").unwrap().token = link;
        for (name, shows, scope) in [
            ("key: read", "an API key with the scope `read`", Scope::Read),
            ("key: links", "one with the scope `links`", Scope::Links),
            ("key: subscribers", "one with the scope `subscribers`", Scope::Subscribers),
        ] {
            callers.push(Caller::with_token(name, shows, self.key(scope.as_str(), scope).await));
        }
        let key = self.key("old", Scope::Read).await;
        keys_book::revoke(database, "old", &Actor::command(), now()).await.unwrap();
        callers.push(Caller::with_token("revoked key", "one that was revoked", key));
        callers.push(Caller::with_token("agent", "an agent's token", self.agent.clone()));
        callers.push(Caller::with_token("revoked agent", "one that was revoked", self.revoked_agent.clone()));
        let (ended, wall) = (self.wall().await, self.wall().await);
        callers.push(Caller::with_token("wallboard", "the token of the wallboard's address", wall));
        callers.push(Caller::with_token("ended wallboard", "the one before it", ended));
        let token = || PRIVATE_TOKEN.to_owned();
        callers.push(Caller::with_token("private token", "the token of `--private-token-file`", token()));
        let foreign = "host: evil.example\r\n".to_owned();
        let rebound =
            Caller::with_token("private token, other name", "the same, at a name that is not the relay's", token());
        callers.push(Caller { headers: foreign, ..rebound });
        self.all_in_force(&callers).await;
        callers
    }

    /// Awaits what was written behind the relay's back.
    async fn all_in_force(&self, callers: &[Caller]) {
        let of = |name: &str| callers.iter().find(|caller| caller.name == name).unwrap().token.clone().unwrap();
        for (name, path, status) in [
            ("key: subscribers", "/api/v1/subscribers", 200),
            ("revoked key", "/api/v1/subscribers", 401),
            ("revoked link", "/api/v1/lines/ali/live", 401),
            ("void link", "/api/v1/lines/ali/live", 401),
        ] {
            let headers = crate::common::bearer(&of(name));
            eventually(name, async || {
                let mut stream = tokio::net::TcpStream::connect(self.desk.relay.addresses.viewers).await.unwrap();
                crate::common::head(&mut stream, path, &headers).await.status == status
            })
            .await;
        }
    }

    async fn key(&self, name: &str, scope: Scope) -> String {
        keys_book::add(&self.desk.database, name, &Scopes::new(vec![scope]), &Actor::command(), now()).await.unwrap()
    }

    /// The token of a fresh address of the wallboard.
    async fn wall(&self) -> String {
        let answer = self.admin().await.post("wall/token", &json!({})).await.json();
        answer["url"].as_str().unwrap().rsplit('#').next().unwrap().to_owned()
    }

    fn keys(&self) -> Keys {
        Keys::load(&self.desk.relay.data().keys()).unwrap()
    }

    /// Signs a link for `ali` by ring, which knows no rule of links.
    fn signed(&self, alg: &str, aud: &str, secret: Option<&[u8]>) -> String {
        let file: Value = serde_json::from_slice(&std::fs::read(self.desk.relay.data().keys()).unwrap()).unwrap();
        let key = &file["keys"][0];
        let own = BASE64URL_NOPAD.decode(key["k"].as_str().unwrap().as_bytes()).unwrap();
        let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let claims = json!({"aud": aud, "sub": "ali", "exp": unix_seconds(SystemTime::now() + HOUR)});
        let signed = format!("{}.{}", part(&json!({"alg": alg, "kid": key["kid"]})), part(&claims));
        if alg == "none" {
            return format!("{signed}.");
        }
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.unwrap_or(&own)), signed.as_bytes());
        format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }

    /// The cookie of a session whose second factor is missing.
    async fn half_session(&self) -> String {
        let actor = Actor::command();
        let mut account = AccountChange::begin(&self.desk.database, &actor, now()).await.unwrap();
        let secret = account.begin_session("thandi", (Way::Password, Step::Code)).await.unwrap();
        account.commit_quietly().await.unwrap();
        format!("__Host-linelight={}", secret.as_str())
    }

    async fn admin(&self) -> Browser<'_> {
        self.desk.signed_in("admin").await
    }

    /// The cookie of a person's session; a fresh one where the last request may have ended it.
    pub async fn cookie(&mut self, person: Person) -> String {
        if let Some(cookie) = self.cookies.get(&person) {
            return cookie.clone();
        }
        let name = if person == Person::Admin { "admin" } else { "support" };
        let header = self.desk.signed_in(name).await.cookie;
        let cookie = header.trim_start_matches("cookie: ").trim_end().to_owned();
        self.cookies.insert(person, cookie.clone());
        cookie
    }

    /// Forgets the sessions that a change may have ended.
    pub fn changed(&mut self) {
        self.cookies.retain(|person, _| matches!(person, Person::SignedOut | Person::Half));
    }

    /// A name that nobody and no router has.
    pub fn fresh_name(&mut self) -> String {
        self.names += 1;
        format!("fresh-{}", self.names)
    }

    /// The path of a door with what the relay knows in the places of its variables.
    pub async fn known(&mut self, door: &Door, caller: &Caller) -> String {
        let name = match door.path() {
            "/assets/{name}" => self.asset.clone(),
            path if path.starts_with("/console/api/routers/") => "tower".to_owned(),
            path if path.contains("/people/{name}") && caller.is_admin() => {
                let name = self.fresh_name();
                let person = json!({"name": name, "role": "support"});
                assert_eq!(self.admin().await.post("people", &person).await.status, 200);
                name
            }
            _ => "support".to_owned(),
        };
        let id = match door.path() {
            path if path.contains("{id}") => self.link().await,
            path if path.contains("/slow") => self.slow_report(path.contains("{number}")).await,
            _ => String::new(),
        };
        let username = if door.path().ends_with("/void") { "carol" } else { "ali" };
        assert!(door.kind != Kind::Lines || username == "ali");
        door.path_of(username, &name, &id)
    }

    /// The number of the line's one slow report, where one is wanted: each caller finds the same.
    async fn slow_report(&self, is_wanted: bool) -> String {
        let (mut change, number) = slow_reports::begin(&self.desk.database).await.unwrap();
        change.execute("DELETE FROM slow_reports").await.unwrap();
        if is_wanted {
            let username = Username::from_text("ali").unwrap();
            let report = NewReport { username: &username, maker: None, words: "", snapshot: EMPTY };
            slow_reports::enter(&mut change, number, &report, now()).await.unwrap().unwrap();
        }
        change.commit().await.unwrap();
        number.to_string()
    }

    /// The id of a link that the relay made.
    async fn link(&self) -> String {
        let (id, time) = (fresh_id().unwrap(), unix_seconds(SystemTime::now()));
        let username = Username::from_text("ali").unwrap();
        book::enter(&self.desk.database, &username, &id, time, time + 3_600).await.unwrap();
        id
    }
}

/// Adds agents to the registry, and returns the tokens of one in force and of one revoked.
fn agents(desk: &Desk) -> (String, String) {
    let path = desk.relay.data().agents();
    let mut entries = Entries::load(&path).unwrap();
    let mut add = |name: &str| entries.add(name, vec!["*".parse().unwrap()], false, 0).unwrap();
    let (agent, revoked) = (add("north"), add("gone"));
    add("tower");
    entries.revoke("gone").unwrap();
    entries.save(&path).unwrap();
    (agent, revoked)
}

fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_secs()
}
