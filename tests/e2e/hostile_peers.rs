//! Hostile and broken peers. The relay's memory stays within a bound, and a viewer beside them gets every sample.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::SinkExt;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::json;
use shared::frame::{self, Header};
use shared::sample::MAX_RATE;
use shared::{Epoch, LineHandle, MAX_UPLINK_FRAME, Sample, UPLINK_SUBPROTOCOL};
use tests::harness::{Certificate, Network, Outpost, PATIENCE, Proxy, Relay, RelaySetup, Site, Viewer};
use tests::simulated_router::Setup;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::every_sample_arrives::{mark, until_whole};

/// The relay's memory may grow by so much under any of these: 32 hostile agents with a largest frame each, received and decoded,
/// are 24 MiB; 600 half-open connections less.
const BOUND: f64 = 32.0 * 1024.0 * 1024.0;

/// The relay closes every hostile connection within this time. The longest of its timeouts is 35 s, for a vanished viewer.
const CLOSED_WITHIN: Duration = Duration::from_secs(90);

/// Does something hostile beside a viewer of alice's line. The viewer gets every sample and no change of state.
async fn unnoticed(
    relay: &Relay,
    outpost: &Outpost,
    mut witness: Viewer,
    attack: impl Future<Output = Result<()>>,
) -> Result<()> {
    let before = relay.metric("process_resident_memory_bytes").await?;
    let body = async {
        witness.until_sample().await?;
        // Until then the line was on its way: its agent knows the relay before its router.
        let before_the_attack = witness.frames().count();
        let watching = async {
            loop {
                witness.next(Instant::now() + PATIENCE).await?;
            }
        };
        tokio::select! {
            outcome = attack => outcome?,
            outcome = watching => return outcome,
        }
        let over = Instant::now();
        until_whole(&mut witness, outpost, b"alice", over).await?;
        let states: Vec<_> =
            witness.frames().skip(before_the_attack).filter_map(|frame| frame["state"].as_str()).collect();
        ensure!(states.iter().all(|state| *state == "running"), "the witness was told {states:?}");
        let grown = relay.metric("process_resident_memory_bytes").await? - before;
        ensure!(grown <= BOUND, "the relay grew by {grown} bytes");
        Ok(())
    };
    tokio::select! {
        outcome = body => outcome,
        never = mark(outpost, b"alice") => never,
    }
}

/// Opens an uplink's WebSocket under a token.
async fn uplink(relay: SocketAddr, token: &str) -> Result<tokio_tungstenite::WebSocketStream<TcpStream>> {
    let mut request = format!("ws://{relay}/agent/v1").into_client_request()?;
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse()?);
    request.headers_mut().insert("sec-websocket-protocol", UPLINK_SUBPROTOCOL.parse()?);
    Ok(client_async(request, TcpStream::connect(relay).await?).await?.0)
}

/// Reads and ignores everything until the relay closes.
async fn until_closed(stream: &mut TcpStream) -> Result<()> {
    let mut bytes = [0; 4_096];
    let closed = async { while stream.read(&mut bytes).await.is_ok_and(|count| count > 0) {} };
    timeout(CLOSED_WITHIN, closed).await.context("the relay does not close")
}

/// A hostile agent's behaviour.
#[derive(Debug, Clone, Copy)]
enum Harm {
    /// Bytes that are no frames.
    Garbage,
    /// Frames whose text is no JSON.
    Words,
    /// Half of the largest frame, and then nothing.
    HalfAFrame,
    /// The largest legal frames, as fast as possible.
    LargestFrames,
}

async fn harm(relay: SocketAddr, token: String, harm: Harm) -> Result<()> {
    let mut socket = uplink(relay, &token).await?;
    match harm {
        Harm::Garbage => socket.get_mut().write_all(&[0xFF; 100_000]).await.unwrap_or_default(),
        Harm::Words => socket.send(Message::text("\u{0}{]")).await.unwrap_or_default(),
        Harm::HalfAFrame => {
            let length = u64::try_from(MAX_UPLINK_FRAME)?.to_be_bytes();
            let head = [&[0x82, 0xFF][..], &length, &[1, 2, 3, 4]].concat();
            socket.get_mut().write_all(&[head, vec![7; MAX_UPLINK_FRAME / 2]].concat()).await?;
        }
        Harm::LargestFrames => {
            say_hello(&mut socket).await?;
            let largest = largest_frame();
            // Until the relay closes the uplink.
            while socket.send(Message::binary(largest.clone())).await.is_ok() {}
        }
    }
    until_closed(socket.get_mut()).await
}

async fn say_hello(socket: &mut tokio_tungstenite::WebSocketStream<TcpStream>) -> Result<()> {
    let hello = json!({"type": "hello", "version": "hostile", "epoch": "0000000000000007", "oldest": 1, "next": 1, "uptime_ms": 1, "lost": 0});
    for text in [hello, json!({"type": "lines", "uptime_ms": 1, "more": false, "lines": []})] {
        socket.send(Message::text(text.to_string())).await?;
    }
    Ok(())
}

/// A batch of the largest size.
fn largest_frame() -> Vec<u8> {
    let header = Header { epoch: Epoch(7), sequence: 1, uptime_ms: 1, replayed: false };
    let rate = MAX_RATE;
    let samples: Vec<_> =
        (0..20_000).map(|line| Sample { line: LineHandle(line), download: rate, upload: rate }).collect();
    let mut bytes = Vec::new();
    frame::encode(&header, &samples, &mut bytes);
    assert!(bytes.len() <= MAX_UPLINK_FRAME && bytes.len() > MAX_UPLINK_FRAME * 3 / 4, "{}", bytes.len());
    bytes
}

async fn hostile_agents(kind: Harm, agents: usize) -> Result<()> {
    let Site { relay, outpost } = Site::start(Setup::concentrator(3)).await?;
    let mut tokens = Vec::new();
    for nth in 0..agents {
        tokens.push(relay.add_agent(&format!("hostile-{nth}"), &["*"]).await?);
    }
    let witness = Viewer::with_token(relay.address, &relay.token("alice").await?).await?;
    let attack = async {
        let mut all = JoinSet::new();
        for token in tokens {
            all.spawn(harm(relay.address, token, kind));
        }
        while let Some(done) = all.join_next().await {
            done??;
        }
        Ok(())
    };
    unnoticed(&relay, &outpost, witness, attack).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_that_send_bytes_that_are_no_frames() -> Result<()> {
    hostile_agents(Harm::Garbage, 4).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_that_send_words_that_are_no_messages() -> Result<()> {
    hostile_agents(Harm::Words, 4).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_that_send_half_a_frame_and_then_nothing() -> Result<()> {
    hostile_agents(Harm::HalfAFrame, 16).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_that_send_the_largest_frames_as_fast_as_they_can() -> Result<()> {
    hostile_agents(Harm::LargestFrames, 2).await
}

/// Viewers of alice's line beside the witness.
const OTHERS: usize = 15;

/// Opens alice's page on a socket with the smallest receive buffer, and does not read.
async fn barely_reading(relay: SocketAddr, from: Ipv4Addr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.set_recv_buffer_size(1)?;
    let stream = socket.connect(relay).await?;
    let (mut socket, _) = client_async(format!("ws://{relay}/api/v1/live"), stream).await?;
    socket.send(Message::text(json!({"type": "watch", "username": "alice"}).to_string())).await?;
    Ok(socket.into_inner())
}

async fn open_site() -> Result<Site> {
    let open = RelaySetup { flags: vec!["--access=open".to_owned()], ..RelaySetup::default() };
    Site::start_with(Setup::concentrator(3), open, &[]).await
}

/// Waits until the relay has only the witness as a viewer.
async fn until_viewers(relay: &Relay, wanted: f64) -> Result<()> {
    let deadline = Instant::now() + CLOSED_WITHIN;
    while relay.metric("linelight_viewers").await? != wanted {
        ensure!(Instant::now() < deadline, "there are not {wanted} viewers");
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_that_read_a_byte_a_second() -> Result<()> {
    let Site { relay, outpost } = open_site().await?;
    let witness = Viewer::with_username(relay.address, "alice").await?;
    let attack = async {
        let mut readers = JoinSet::new();
        // No address has more than its share of the line's seats.
        for from in [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)].into_iter().cycle().take(OTHERS) {
            let mut stream = barely_reading(relay.address, from).await?;
            readers.spawn(async move {
                while stream.read_u8().await.is_ok() {
                    sleep(Duration::from_secs(1)).await;
                }
            });
        }
        until_viewers(&relay, 1.0 + OTHERS as f64).await?;
        until_viewers(&relay, 1.0).await?;
        let silent = relay.metric("linelight_viewer_closes_total{reason=\"viewer_silent\"}").await?;
        ensure!(silent == OTHERS as f64, "{silent} were closed as silent");
        Ok(())
    };
    unnoticed(&relay, &outpost, witness, attack).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_vanishes_and_wakes_sees_now() -> Result<()> {
    let Site { relay, outpost } = open_site().await?;
    let witness = Viewer::with_username(relay.address, "alice").await?;
    let link = Proxy::start(relay.address).await?;
    let attack = async {
        let mut sleeper = Viewer::with_username(link.address(), "alice").await?;
        sleeper.until_sample().await?;
        link.set(Network::Silent);
        until_viewers(&relay, 1.0).await?;
        link.set(Network::Up);
        // The socket's buffers arrive at once, followed by the end.
        let woke = Instant::now();
        while sleeper.next(woke + PATIENCE).await.is_ok() {}
        ensure!(sleeper.chart().len() < 60, "a minute was replayed: {:?}", sleeper.chart());
        let mut page = Viewer::with_username(link.address(), "alice").await?;
        until_whole(&mut page, &outpost, b"alice", woke).await?;
        Ok(())
    };
    unnoticed(&relay, &outpost, witness, attack).await
}

/// Connections of each kind.
const LORISES: usize = 100;

/// Sends endless bytes, one at a time, until the relay closes.
async fn drip<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, bytes: &[u8]) -> Result<()> {
    let dripping = async {
        for byte in bytes.iter().cycle() {
            let written = async { stream.write_all(&[*byte]).await.and(stream.flush().await) };
            if written.await.is_err() {
                return;
            }
            // A readable connection has an answer or its end. The answer comes first.
            if timeout(Duration::from_millis(500), stream.read_u8()).await.is_ok_and(|read| read.is_err()) {
                return;
            }
        }
    };
    timeout(CLOSED_WITHIN, dripping).await.context("the relay waits for ever")
}

async fn drip_to(address: SocketAddr, bytes: &[u8]) -> Result<()> {
    drip(TcpStream::connect(address).await?, bytes).await
}

/// The handshake in one go, then a header without end.
async fn drip_within_tls(address: SocketAddr, trust: Arc<ClientConfig>) -> Result<()> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::IpAddress(address.ip().into());
    drip(TlsConnector::from(trust).connect(name, stream).await?, HEADER).await
}

/// The first bytes of a TLS record that announces 16 KiB of ClientHello.
const CLIENT_HELLO: &[u8] = &[0x16, 0x03, 0x01, 0x40, 0x00, 0x01, 0x00, 0x3F, 0xFC, 0x03, 0x03];
const HEADER: &[u8] = b"GET / HTTP/1.1\r\nhost: relay\r\nx-never: ending ending ending ending ending ending ending\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_loris_on_every_listener() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let certificate = Certificate::make(folder.path())?;
    let mut flags = certificate.flags.to_vec();
    flags.push("--agents-listen=127.0.0.1:0".to_owned());
    let relay = Relay::start(RelaySetup { flags, ..RelaySetup::default() }).await?;
    let token = relay.add_agent("core-1", &["*"]).await?;
    let uplink = [format!("--relay=wss://{}", relay.agents), format!("--relay-ca={}", certificate.file.display())];
    let uplink = uplink.each_ref().map(String::as_str);
    let outpost = Outpost::with_token(relay.agents, token, Setup::concentrator(3), &uplink).await?;
    let link = relay.token("alice").await?;
    let witness = Viewer::over_tls(relay.address, &certificate.client, &link).await?;
    let attack = async {
        let mut all = JoinSet::new();
        for (address, bytes) in [(relay.address, CLIENT_HELLO), (relay.agents, CLIENT_HELLO), (relay.private, HEADER)] {
            for _ in 0..LORISES {
                all.spawn(drip_to(address, bytes));
            }
        }
        for _ in 0..LORISES {
            all.spawn(drip_within_tls(relay.address, Arc::clone(&certificate.client)));
        }
        // Meanwhile everybody is served.
        ensure!(relay.get("/readyz").await? == "ready\n");
        Viewer::over_tls(relay.address, &certificate.client, &link).await?.until_snapshot().await?;
        while let Some(done) = all.join_next().await {
            done??;
        }
        Ok(())
    };
    unnoticed(&relay, &outpost, witness, attack).await
}
