//! The support desk's figures: an import by the billing API, the console's search, signing in, the console's first load, and how
//! soon a revoked link's stream ends. All of it as a browser or a billing system has it, by HTTP.

use std::fmt::Write as _;
use std::hint::black_box;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::harness::{PATIENCE, Relay, RelaySetup, Viewer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::machine::Machine;

/// An import may be slow, and is measured all the same.
const IMPORT_PATIENCE: Duration = Duration::from_secs(120);
const OPERATOR: &str = "bench@karoo.example";
const PASSWORD: &str = "for this run only";
/// Answers of each kind of query.
const QUERIES: usize = 200;
/// Queries of the plain scan, of all kinds: each reads all that there is.
const SCANS: usize = 120;
const SIGN_INS: usize = 15;
const REVOCATIONS: usize = 20;

const FIRST: [&str; 8] = ["Thandi", "Ali", "Zoë", "Jürgen", "Siphiwe", "Łukasz", "Fatima", "José"];
const LAST: [&str; 10] = [
    "van der Merwe",
    "Dlamini",
    "Müller",
    "Naidoo",
    "Botha",
    "O'Brien",
    "Kowalski",
    "Pretorius",
    "Mokoena",
    "Protea Motors",
];
const STREETS: [&str; 6] = ["Long", "Church", "Voortrekker", "Main", "Nelson Mandela", "Loop"];
const PACKAGES: [&str; 4] = ["Fibre 50/10", "Fibre 100/50", "Wireless 20", "Business Fibre 200"];

/// What a run gave; times in milliseconds, rising where there are several.
pub(crate) struct Outcome {
    /// Milliseconds from the first byte of the table to the answer.
    pub(crate) import: f64,
    /// From a query to the whole of its answer.
    pub(crate) searches: Vec<f64>,
    /// The same words looked for in every row, without HTTP.
    pub(crate) scans: Vec<f64>,
    /// Bytes of the index beyond its text, for a subscriber.
    pub(crate) index: f64,
    pub(crate) sign_ins: Vec<f64>,
    /// Bytes of the console's page, styles and script, as gzip.
    pub(crate) first_load: f64,
    /// From the request that revokes a link to the end of the stream that lived by it.
    pub(crate) revocations: Vec<f64>,
}

/// Imports so many subscribers into a relay, and does the desk's work there.
///
/// # Errors
/// When the relay refuses something, or an answer is not what was asked for.
pub(crate) async fn of(subscribers: usize, machine: Machine) -> Result<Outcome> {
    let relay = machine.on_loopback().on_measured(Relay::start(RelaySetup::default())).await?;
    let rows = rows(subscribers);
    let import = import(&relay, &rows).await?;
    let desk = Desk::sign_up(&relay).await?;
    desk.has_indexed(&relay, subscribers).await?;
    let beyond =
        relay.metric("linelight_search_index_bytes").await? - relay.metric("linelight_search_text_bytes").await?;
    let queries = queries();
    let mut searches = Vec::with_capacity(queries.len());
    for query in &queries {
        searches.push(desk.search(query).await?);
    }
    let words: Vec<Vec<String>> = rows.iter().map(words).collect();
    Ok(Outcome {
        import,
        searches: rising(searches),
        scans: rising(queries.iter().step_by(queries.len().div_ceil(SCANS)).map(|query| scan(&words, query)).collect()),
        index: beyond / subscribers as f64,
        sign_ins: rising(desk.sign_ins().await?),
        first_load: first_load(desk.relay).await?,
        revocations: rising(desk.revocations(&rows).await?),
    })
}

/// The value that so many of a hundred do not exceed.
pub(crate) fn percentile(rising: &[f64], percent: usize) -> f64 {
    rising.get((rising.len() * percent / 100).min(rising.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

fn rising(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_unstable_by(f64::total_cmp);
    times
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Numbers that are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

/// Subscribers as a billing system has them.
fn rows(subscribers: usize) -> Vec<Value> {
    let mut chance = Chance(7);
    let mut row = |at: usize| {
        let phone = format!("0{}{:07}", 60 + chance.below(25), chance.below(10_000_000));
        json!({
            "username": format!("{at:06}@karoo.example"),
            "customer": format!("{} {}", chance.of(&FIRST), chance.of(&LAST)),
            "package": chance.of(&PACKAGES),
            "download": 50_000_000,
            "upload": "10M",
            "further": {
                "reference": format!("KW-{:06}", at * 7 % 1_000_000),
                "phone": phone,
                "address": format!("{} {} Street", chance.below(900), chance.of(&STREETS)),
            },
        })
    };
    (0..subscribers).map(&mut row).collect()
}

/// What people type: beginnings of names, a username, a phone number, a street.
fn queries() -> Vec<String> {
    let mut chance = Chance(11);
    let begin = |text: &str, letters: usize| text.chars().take(letters).collect::<String>();
    let mut queries = Vec::new();
    for _ in 0..QUERIES {
        let (first, last, letters) = (chance.of(&FIRST), chance.of(&LAST), 1 + chance.below(4));
        queries.push(begin(last, letters));
        queries.push(format!("{} {}", begin(last, letters), begin(first, 1 + letters)));
        queries.push(format!("{:04}", chance.below(10_000)));
        queries.push(format!("0{}{:03}", 60 + chance.below(25), chance.below(1_000)));
        queries.push(format!("{} {}", chance.below(900), begin(chance.of(&STREETS), letters)));
        queries.push(format!("f {letters} k"));
    }
    queries
}

/// The words of a row in small letters.
fn words(row: &Value) -> Vec<String> {
    let further = row["further"].as_object().into_iter().flat_map(|further| further.values());
    let texts = [&row["username"], &row["customer"], &row["package"]].into_iter().chain(further);
    let split = |text: &str| {
        text.to_lowercase().split(|letter: char| !letter.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>()
    };
    texts.filter_map(Value::as_str).flat_map(split).filter(|word| !word.is_empty()).collect()
}

/// Milliseconds of a search without an index: every word of the query begins a word of the row.
fn scan(rows: &[Vec<String>], query: &str) -> f64 {
    let began = Instant::now();
    let wanted: Vec<String> = query.to_lowercase().split(' ').map(str::to_owned).collect();
    let means = |row: &&Vec<String>| wanted.iter().all(|wanted| row.iter().any(|word| word.starts_with(wanted)));
    black_box(rows.iter().filter(means).count());
    milliseconds(began)
}

/// Milliseconds of an import into a store without a subscriber.
async fn import(relay: &Relay, rows: &[Value]) -> Result<f64> {
    let printed = relay.command(&["key", "add", "bench", "--scope", "subscribers"]).await?;
    let key = printed.split_whitespace().last().context("no key was printed")?;
    let authorization = format!("Authorization: Bearer {key}\r\n");
    let known = async {
        // The relay hears of a key within a second or so.
        while ask(relay.address, "GET", "/api/v1/subscribers?limit=1", &authorization, b"").await?.status != 200 {
            sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, known).await.context("the key does not come into force")??;
    let table = serde_json::to_vec(rows)?;
    let headers = format!("{authorization}Content-Type: application/json\r\n");
    let began = Instant::now();
    let answer = ask(relay.address, "PUT", "/api/v1/subscribers", &headers, &table).await?;
    let took = milliseconds(began);
    ensure!(answer.status == 200, "the import: {} {}", answer.status, answer.text());
    Ok(took)
}

/// Somebody of the desk, signed in.
struct Desk {
    relay: SocketAddr,
    cookie: String,
}

impl Desk {
    /// An account, and its first session.
    async fn sign_up(relay: &Relay) -> Result<Self> {
        let url = format!("--public-url=http://{}", relay.address);
        let printed = relay.command(&["operator", "add", OPERATOR, "--role", "admin", &url]).await?;
        let token = printed.split_whitespace().find_map(|word| Some(word.split_once('#')?.1));
        let token = token.with_context(|| format!("no address in {printed}"))?;
        let invitation = json!({"token": token, "password": PASSWORD});
        let invited = async {
            // As with a key.
            loop {
                let answer = post(relay.address, "/console/api/invitation", "", &invitation).await?;
                if answer.status == 200 {
                    return answer.cookie();
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        let cookie = timeout(PATIENCE, invited).await.context("the invitation does not come into force")??;
        Ok(Self { relay: relay.address, cookie })
    }

    /// Begins a search, and waits until all subscribers are in the index.
    async fn has_indexed(&self, relay: &Relay, subscribers: usize) -> Result<()> {
        let indexed = async {
            while relay.metric("linelight_searched_lines").await? < subscribers as f64 {
                self.search("a").await?;
                sleep(Duration::from_millis(100)).await;
            }
            Ok(())
        };
        timeout(PATIENCE, indexed).await.context("the subscribers are not all in the search")?
    }

    /// Milliseconds of a search.
    async fn search(&self, query: &str) -> Result<f64> {
        let path = format!("/console/api/lines?limit=50&q={}", query_text(query));
        let began = Instant::now();
        let answer = ask(self.relay, "GET", &path, &self.cookie, b"").await?;
        let took = milliseconds(began);
        ensure!(answer.status == 200, "the search: {} {}", answer.status, answer.text());
        Ok(took)
    }

    /// Milliseconds of signing in, many times.
    async fn sign_ins(&self) -> Result<Vec<f64>> {
        let mut times = Vec::new();
        for _ in 0..SIGN_INS {
            let began = Instant::now();
            let who = json!({"name": OPERATOR, "password": PASSWORD});
            let answer = post(self.relay, "/console/api/sign-in", "", &who).await?;
            times.push(milliseconds(began));
            ensure!(answer.json()?["step"] == "done", "signing in: {} {}", answer.status, answer.text());
        }
        Ok(times)
    }

    /// Milliseconds until a stream ends whose link is revoked, for links of some subscribers.
    async fn revocations(&self, rows: &[Value]) -> Result<Vec<f64>> {
        let mut times = Vec::new();
        for row in rows.iter().take(REVOCATIONS) {
            let line = format!("/console/api/lines/{}", row["username"].as_str().context("a username")?);
            let link = post(self.relay, &format!("{line}/links"), &self.cookie, &json!({"kind": "support"})).await?;
            let link = link.json()?;
            let part = |name: &str| link[name].as_str().with_context(|| format!("no link: {link}"));
            let token = part("url")?.split_once('#').context("the link has no token")?.1;
            let mut viewer = Viewer::with_token(self.relay, token).await?;
            viewer.until_snapshot().await?;
            let began = Instant::now();
            let path = format!("{line}/links/{}/revoke", part("id")?);
            let revoked = post(self.relay, &path, &self.cookie, &json!({})).await?;
            ensure!(revoked.status == 200, "revoking: {} {}", revoked.status, revoked.text());
            viewer.until_closed().await?;
            times.push(milliseconds(began));
        }
        Ok(times)
    }
}

/// Bytes of the console's page, and of the styles and scripts that it names, as a browser gets them.
async fn first_load(relay: SocketAddr) -> Result<f64> {
    let gzip = "Accept-Encoding: gzip\r\n";
    let page = ask(relay, "GET", "/console", "", b"").await?;
    let named = page.text();
    let mut paths: Vec<&str> = named
        .split('"')
        .filter(|text| text.contains("assets/") && (text.ends_with(".js") || text.ends_with(".css")))
        .collect();
    paths.dedup();
    ensure!(paths.len() >= 2, "the console's page names no script and style: {named}");
    let mut bytes = ask(relay, "GET", "/console", gzip, b"").await?.body.len();
    for path in paths {
        let answer = ask(relay, "GET", &format!("/{}", path.trim_start_matches(['.', '/'])), gzip, b"").await?;
        ensure!(answer.status == 200 && answer.has("content-encoding", "gzip"), "{path}: {}", answer.head);
        bytes += answer.body.len();
    }
    Ok(bytes as f64)
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("no JSON: {} {}", self.status, self.text()))
    }

    fn fields<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        fields.filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    fn has(&self, name: &str, value: &str) -> bool {
        self.fields(name).any(|other| other == value)
    }

    /// The session's cookie as a request's header.
    fn cookie(&self) -> Result<String> {
        let cookie = self.fields("set-cookie").find_map(|cookie| cookie.split(';').next());
        Ok(format!("Cookie: {}\r\n", cookie.with_context(|| format!("no session: {}", self.head))?))
    }
}

async fn post(relay: SocketAddr, path: &str, headers: &str, body: &Value) -> Result<Answer> {
    let headers = format!("{headers}Content-Type: application/json\r\nOrigin: http://{relay}\r\n");
    ask(relay, "POST", path, &headers, body.to_string().as_bytes()).await
}

/// One request on a connection of its own. The headers end with a line's end each.
async fn ask(relay: SocketAddr, method: &str, path: &str, headers: &str, body: &[u8]) -> Result<Answer> {
    let mut stream = TcpStream::connect(relay).await?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {relay}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    let mut bytes = Vec::new();
    let exchange = async {
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        stream.read_to_end(&mut bytes).await
    };
    timeout(IMPORT_PATIENCE, exchange).await.with_context(|| format!("{method} {path}: no answer in time"))??;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").context("the answer has no header")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("the answer has no status")?;
    Ok(Answer { status, head, body: bytes.split_off(end + 4) })
}

/// A text as part of a query.
fn query_text(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        // A string takes all that is written.
        let _ = write!(all, "%{byte:02X}");
        all
    })
}
