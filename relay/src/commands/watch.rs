//! `linelight-relay watch`: a line's live figures in the terminal, by the same viewer API as the page.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use futures_util::{SinkExt, StreamExt};
use http::Uri;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use self::readout::{Readout, Told};
use self::screen::Screen;
use super::link;
use crate::config;
use crate::config::typed::PrivateArguments;
use crate::net::folder::Folder;
use crate::net::outward;
use crate::store::data_directory::{self, DataDirectory};
use crate::wire::viewer_frame::FromViewer;

mod draw;
mod meant;
mod readout;
mod screen;
mod verdict;

/// The life of a token minted for watching: a working day.
const TOKEN_LIFE: Duration = Duration::from_secs(12 * 3600);
/// Time to reach the relay.
const CONNECT: Duration = Duration::from_secs(10);
/// After this silence, the relay counts as lost: a living relay repeats the line's state every 10 s.
const SILENCE: Duration = Duration::from_secs(25);
/// The longest link in a file, in bytes.
const MAX_LINK: u64 = 8 * 1024;

#[derive(Debug, Args)]
pub(super) struct WatchArguments {
    /// The PPPoE username, or a part of the customer's name; a token is minted by the data directory's keys
    #[arg(required_unless_present = "link_file", conflicts_with = "link_file")]
    username: Option<OsString>,

    /// A file that holds a link, to watch as its holder does
    #[arg(long, value_name = "FILE")]
    link_file: Option<PathBuf>,

    /// The relay's address [default: the link's, else --public-url, else http://127.0.0.1:8080]
    #[arg(long, value_name = "URL", value_parser = config::public_url)]
    url: Option<Uri>,

    /// A PEM file with the certificates to trust, if the relay's is not from a public authority
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    #[command(flatten)]
    private: PrivateArguments,
}

pub(super) fn run(
    arguments: &WatchArguments,
    data: &DataDirectory,
    public_url: Option<&Uri>,
    out: &mut impl Write,
) -> Result<()> {
    let (linked, token) = match (&arguments.link_file, &arguments.username) {
        (Some(path), _) => link_of(path).map(|(url, token)| (Some(url), token))?,
        (None, Some(typed)) => {
            let username = meant::username(&link::username(typed)?, &arguments.private)?;
            (None, link::token(data, &username, TOKEN_LIFE)?)
        }
        (None, None) => bail!("a username or --link-file is needed"),
    };
    let url = arguments.url.clone().or(linked).or_else(|| public_url.cloned());
    let url = url.unwrap_or_else(|| Uri::from_static("http://127.0.0.1:8080/"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(watch(&url, arguments.ca.as_deref(), token, out))
}

/// Returns the relay's address and the token of the link in a file.
fn link_of(path: &Path) -> Result<(Uri, String)> {
    let content = data_directory::read(path, MAX_LINK)?;
    let text = std::str::from_utf8(&content).unwrap_or_default().trim();
    let no_link = || format!("{} holds no link, such as https://monitor.example/#TOKEN", path.display());
    let (url, token) = text.split_once('#').with_context(no_link)?;
    Ok((config::public_url(url).with_context(no_link)?, token.to_owned()))
}

async fn watch(url: &Uri, ca: Option<&Path>, token: String, out: &mut impl Write) -> Result<()> {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let tls = url.scheme_str() == Some("https");
    let port = url.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let unreachable = || format!("cannot reach the relay at {url}; --url names another address");
    let stream = timeout(CONNECT, TcpStream::connect((host, port))).await.with_context(unreachable)?;
    let stream = stream.with_context(unreachable)?;
    if !tls {
        return follow(url, stream, token, out).await;
    }
    let name = ServerName::try_from(host.to_owned()).with_context(|| format!("{host} is no name of a certificate"))?;
    let handshake = TlsConnector::from(outward::trusting(ca)?).connect(name, stream);
    let stream = timeout(CONNECT, handshake)
        .await
        .with_context(unreachable)?
        .with_context(|| format!("no TLS with {url}; if its certificate is not from a public authority, give --ca"))?;
    follow(url, stream, token, out).await
}

async fn follow<S>(url: &Uri, stream: S, token: String, out: &mut impl Write) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let authority = url.authority().context("an address without a host")?;
    let handshake = client_async(format!("ws://{authority}{}/api/v1/live", Folder::of(url).as_str()), stream);
    let (mut socket, _) = timeout(CONNECT, handshake)
        .await
        .with_context(|| format!("{url} does not answer"))?
        .with_context(|| format!("{url} does not speak the viewer API; is it the relay's address?"))?;
    let first = FromViewer::Watch { token: Some(token), username: None };
    socket.send(Message::text(serde_json::to_string(&first)?)).await.context("the relay hung up")?;
    let mut screen = Screen::of_stdout();
    let outcome = tokio::select! {
        outcome = show(&mut socket, &mut screen, out) => outcome,
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot wait for Ctrl-C"),
    };
    screen.leave(out)?;
    outcome
}

async fn show<S>(socket: &mut WebSocketStream<S>, screen: &mut Screen, out: &mut impl Write) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut readout = Readout::default();
    loop {
        let message = timeout(SILENCE, socket.next()).await.context("the relay stopped answering")?;
        let message = message.context("the relay hung up")?.context("the connection to the relay broke")?;
        ensure!(!message.is_close(), "the relay closed the stream");
        let Message::Text(text) = message else { continue };
        match readout.take(&text) {
            Told::Nothing => {}
            Told::Change => screen.show(&readout, out)?,
            Told::Refusal(reason) => bail!("{reason}"),
        }
    }
}
