//! From a TCP connection to HTTP requests. The accept loop is the relay's own: a server on the internet needs a limit
//! at each step that a stranger can make slow, which are connections, TLS handshakes and headers.
//!
//! A future WebSocket leaves through [`Connection::leave`]. The connection's task here then ends, with hyper's buffers.

mod heads;
mod socket;
mod tls;
mod unbuffered;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::{Mutex, MutexGuard};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tower_service::Service;

pub(crate) use self::heads::Heads;
use self::heads::Refused;
use self::tls::Client;
pub use self::tls::Handshakes;
pub(crate) use self::unbuffered::Unbuffered;
use super::address_group::AddressGroup;
use super::head_bytes::{HeadBytes, HeldHead};
use super::peer::Forwarding;
use super::places::{Place, Places};
use super::request_head::{MAX_FIELDS, MAX_HEAD};
use super::shares::Waits;
use crate::limits::Limits;
use crate::metrics::Metrics;

/// The pause after accept failed for want of file descriptors or memory. At once it would fail again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The state shared by all listeners.
#[derive(Clone)]
pub struct Shared {
    /// The limits table.
    pub limits: Limits,
    /// The relay's metrics.
    pub metrics: Arc<Metrics>,
    /// The turns at TLS handshakes, viewers' and agents' apart.
    pub handshakes: Arc<Handshakes>,
    /// The memory of unfinished heads.
    pub heads: Arc<HeadBytes>,
    /// The trusted reverse proxies.
    pub forwarding: Option<Forwarding>,
    /// True once the relay stops.
    pub drain: watch::Receiver<bool>,
}

/// One listening socket with its requests.
pub struct Listener {
    socket: TcpListener,
    server: Arc<Server>,
}

struct Server {
    shared: Shared,
    places: Arc<Places>,
    tls: Option<Arc<ServerConfig>>,
    agents_only: bool,
    router: Router,
}

/// The connection of a request, as an extension of the request.
#[derive(Clone)]
pub struct Connection {
    /// The other end's address, possibly a proxy's.
    pub peer: IpAddr,
    /// The relay's own address on this connection.
    pub local: Option<IpAddr>,
    /// The client of this request behind a trusted proxy.
    forwarded: Option<AddressGroup>,
    place: Arc<Mutex<Option<Place>>>,
}

impl Connection {
    /// Takes the connection's place along, out of HTTP and into a WebSocket's task.
    pub fn leave(&self) -> Option<Place> {
        let mut place = self.place().take();
        if let (Some(place), Some(group)) = (&mut place, self.forwarded) {
            place.become_stranger(group);
        }
        place
    }

    /// The request has shown a valid watch. False if the connection has given way already.
    pub(crate) fn become_known(&self) -> bool {
        self.place().as_mut().is_some_and(Place::become_known)
    }

    /// Notes a step forward, and who waits for whom now.
    fn progress(&self, waits: Waits) {
        if let Some(place) = &*self.place() {
            place.progress(waits);
        }
    }

    fn place(&self) -> MutexGuard<'_, Option<Place>> {
        self.place.lock()
    }
}

impl Listener {
    /// Binds a socket. `agents_only` chooses the budget of TLS handshakes.
    ///
    /// # Errors
    /// Where the address is taken, or foreign.
    pub fn bind(
        address: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        agents_only: bool,
        router: Router,
        shared: Shared,
    ) -> io::Result<Self> {
        let socket = socket::bind(address)?;
        let places = Places::new(&shared.limits, Arc::clone(&shared.metrics));
        Ok(Self { socket, server: Arc::new(Server { shared, places, tls, agents_only, router }) })
    }

    /// Returns the listening address.
    ///
    /// # Errors
    /// Errors of the system.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Returns the router in the words of axum, which name every route: for the test of the table of doors.
    pub(crate) fn described(&self) -> String {
        format!("{:?}", self.server.router)
    }

    /// Accepts until the relay stops, then waits for every connection to end.
    pub async fn serve(self) {
        let Self { socket, server } = self;
        let mut drain = server.shared.drain.clone();
        loop {
            tokio::select! {
                accepted = socket.accept() => server.accepted(accepted).await,
                () = stopping(&mut drain) => break,
            }
        }
        drop(socket);
        server.places.all_ended().await;
    }
}

impl Server {
    async fn accepted(self: &Arc<Self>, accepted: io::Result<(TcpStream, SocketAddr)>) {
        let metrics = &self.shared.metrics;
        match accepted {
            Ok((stream, peer)) => {
                metrics.connections_accepted.increment();
                let peer = peer.ip().to_canonical();
                let group = (!self.is_proxy(peer)).then(|| peer.into());
                match self.places.admit(group) {
                    Some(place) => self.spawn(stream, peer, place),
                    None => metrics.connections_refused.increment(),
                }
            }
            Err(error) if is_the_connections_own(&error) => {}
            Err(error) => {
                metrics.accept_errors.increment();
                tracing::error!(%error, "cannot accept connections; is the limit of open files (ulimit -n) too low?");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }

    fn is_proxy(&self, peer: IpAddr) -> bool {
        self.shared.forwarding.as_ref().is_some_and(|forwarding| forwarding.is_proxy(peer))
    }

    fn spawn(self: &Arc<Self>, stream: TcpStream, peer: IpAddr, place: Place) {
        let server = Arc::clone(self);
        let local = stream.local_addr().ok().map(|local| local.ip().to_canonical());
        let alarm = place.alarm();
        let connection = Connection { peer, local, forwarded: None, place: Arc::new(Mutex::new(Some(place))) };
        tokio::spawn(async move {
            let held = server.shared.heads.of(peer.into(), alarm.clone());
            tokio::select! {
                // First: an alarm for a WebSocket is heard by the WebSocket's task.
                biased;
                () = server.connection(stream, connection, held) => {}
                () = alarm.rings() => {}
            }
        });
    }

    async fn connection(&self, stream: TcpStream, connection: Connection, mut held: HeldHead) {
        match &self.tls {
            None => self.http(stream, connection, held).await,
            Some(tls) => match self.handshake(stream, tls, &connection, &mut held).await {
                Ok(stream) => self.http(stream, connection, held).await,
                Err(error) => self.handshake_failed(&error),
            },
        }
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        tls: &Arc<ServerConfig>,
        connection: &Connection,
        held: &mut HeldHead,
    ) -> io::Result<TlsStream<TcpStream>> {
        let config = Arc::clone(tls);
        let waits = |waits| connection.progress(waits);
        let client = Client { group: connection.peer.into(), held, waits };
        let handshake = self.shared.handshakes.accept(stream, config, self.agents_only, client);
        timeout(self.shared.limits.handshake_timeout, handshake).await?
    }

    fn handshake_failed(&self, error: &io::Error) {
        self.shared.metrics.handshakes_failed.increment();
        tracing::debug!(%error, "TLS handshake failed");
    }

    async fn http<S>(&self, stream: S, connection: Connection, held: HeldHead)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let refused = Refused::default();
        let mut heads = Heads::new(Unbuffered::new(stream), held, refused.clone());
        if self.has_request(&mut heads).await {
            self.requests(heads, connection, &refused).await;
        }
    }

    /// Waits for the first request. A connection without one costs no buffer of hyper's, and ends at once when the relay stops.
    async fn has_request<S: AsyncRead + Unpin>(&self, heads: &mut Heads<S>) -> bool {
        let mut drain = self.shared.drain.clone();
        let first = tokio::select! {
            first = timeout(self.shared.limits.header_timeout, heads.first()) => first,
            () = stopping(&mut drain) => return false,
        };
        match first {
            Ok(Ok(has_request)) => return has_request,
            Ok(Err(error)) => self.request_failed(&error),
            Err(elapsed) => self.request_failed(&elapsed),
        }
        false
    }

    async fn requests<S>(&self, heads: Heads<S>, connection: Connection, refused: &Refused)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|request| self.answer(connection.clone(), refused, request));
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.shared.limits.header_timeout)
            .max_buf_size(MAX_HEAD)
            .max_headers(MAX_FIELDS)
            .serve_connection(TokioIo::new(heads), service)
            .with_upgrades();
        let mut serving = std::pin::pin!(serving);
        let mut drain = self.shared.drain.clone();
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = stopping(&mut drain) => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = ended {
            self.request_failed(&error);
        }
    }

    fn request_failed(&self, error: &dyn std::error::Error) {
        self.shared.metrics.requests_failed.increment();
        tracing::debug!(%error, "HTTP connection failed");
    }

    fn answer(
        &self,
        mut connection: Connection,
        refused: &Refused,
        mut request: http::Request<Incoming>,
    ) -> impl Future<Output = Result<http::Response<Body>, Infallible>> + use<> {
        connection.progress(Waits::ForClient);
        let refusal = refused.of(&request);
        match refusal {
            None => self.shared.metrics.requests.increment(),
            Some(_) => self.shared.metrics.requests_failed.increment(),
        }
        if let Some(forwarding) = &self.shared.forwarding
            && forwarding.is_proxy(connection.peer)
        {
            connection.forwarded = Some(forwarding.client(connection.peer, request.headers()).into());
        }
        request.extensions_mut().insert(connection);
        let is_last = refusal.is_some() || !is_bare(request.headers());
        if let Some(refusal) = refusal {
            request.extensions_mut().insert(refusal);
        }
        let answer = self.router.clone().call(request);
        async move { answer.await.map(|answer| if is_last { ended(answer) } else { answer }) }
    }
}

/// True for a request without a body and without an upgrade: what follows is the next request, and was judged as such.
fn is_bare(headers: &HeaderMap) -> bool {
    let has_body =
        headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes().iter().any(|digit| *digit != b'0'));
    !has_body && !headers.contains_key(TRANSFER_ENCODING) && !headers.contains_key(UPGRADE)
}

/// Ends the connection behind an answer, unless it is an upgrade.
fn ended(mut answer: http::Response<Body>) -> http::Response<Body> {
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// True for errors of one connection, lost before accept.
fn is_the_connections_own(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

async fn stopping(drain: &mut watch::Receiver<bool>) {
    // A dropped sender means a stopping relay.
    let _ = drain.wait_for(|stopping| *stopping).await;
}
