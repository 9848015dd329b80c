//! From a TCP connection to HTTP requests. The accept loop is the relay's own: a server on the internet needs a limit
//! at each step that a stranger can make slow, which are connections, TLS handshakes and headers.
//!
//! A future WebSocket leaves through [`Connection::leave`]. The connection's task here then ends, with hyper's buffers.

mod unbuffered;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use rustls::server::{Acceptor, ClientHello};
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tower_service::Service;

pub(crate) use self::unbuffered::Unbuffered;
use crate::limits::Limits;
use crate::metrics::Metrics;

/// Unsent bytes in the kernel before a connection counts as full. Without the limit, 54,000 frames hide a stopped
/// reader; with it, 30 do. The page's assets lose nothing: the rest goes out with each acknowledgement.
const NOTSENT_LOWAT: u32 = 512;
/// How long written bytes may stay unacknowledged, or a reader's window shut, before the kernel ends the connection.
const USER_TIMEOUT: Duration = Duration::from_secs(30);
/// The kernel probes a silent connection after this time, well below carrier NAT's five minutes.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
/// Between two such questions; USER_TIMEOUT ends them.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Connections waiting for accept: all agents may come back at once.
const BACKLOG: i32 = 4096;
/// The largest header of a request, in bytes: a token is 4 KiB at most, a browser's own fields another 2.
const MAX_HEADER: usize = 16 * 1024;
/// Fields of a request's header.
const MAX_FIELDS: usize = 64;
/// The pause after accept failed for want of file descriptors or memory. At once it would fail again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The state shared by all listeners.
#[derive(Clone)]
pub struct Shared {
    /// The limits table.
    pub limits: Limits,
    /// The relay's metrics.
    pub metrics: Arc<Metrics>,
    /// TLS handshakes at once, viewers and agents apart.
    pub handshakes: Arc<Handshakes>,
    /// True once the relay stops.
    pub drain: watch::Receiver<bool>,
}

/// The budgets of TLS handshakes.
pub struct Handshakes {
    viewers: Semaphore,
    agents: Semaphore,
}

impl Handshakes {
    /// Full budgets.
    pub fn new(limits: &Limits) -> Self {
        Self { viewers: Semaphore::new(limits.viewer_handshakes), agents: Semaphore::new(limits.agent_handshakes) }
    }
}

/// One listening socket with its requests.
pub struct Listener {
    socket: TcpListener,
    connections: Arc<Semaphore>,
    server: Arc<Server>,
}

struct Server {
    shared: Shared,
    half_open: Arc<Semaphore>,
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
    places: Arc<Mutex<Places>>,
}

/// The connection's share of the limits.
struct Places {
    open: Option<Open>,
    half_open: Option<HalfOpen>,
}

/// A place among the connections without a complete request. Dropping it frees the place.
struct HalfOpen {
    _permit: OwnedSemaphorePermit,
    metrics: Arc<Metrics>,
}

impl HalfOpen {
    fn take(places: &Arc<Semaphore>, metrics: &Arc<Metrics>) -> Option<Self> {
        let _permit = Arc::clone(places).try_acquire_owned().ok()?;
        metrics.half_open.increment();
        Some(Self { _permit, metrics: Arc::clone(metrics) })
    }
}

impl Drop for HalfOpen {
    fn drop(&mut self) {
        self.metrics.half_open.decrement();
    }
}

/// An open connection's place among all. Dropping it frees the place.
pub struct Open {
    _permit: OwnedSemaphorePermit,
    metrics: Arc<Metrics>,
}

impl Connection {
    /// Takes the connection's place along, out of HTTP and into a WebSocket's task.
    pub fn leave(&self) -> Option<Open> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).open.take()
    }

    /// The first request is here: the connection is half open no longer.
    fn complete(&self) {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).half_open = None;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.metrics.connections.decrement();
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
        let socket = listening_socket(address).map_err(|error| in_words(address, &error))?;
        let connections = Arc::new(Semaphore::new(shared.limits.connections));
        let half_open = Arc::new(Semaphore::new(shared.limits.half_open));
        Ok(Self { socket, connections, server: Arc::new(Server { shared, half_open, tls, agents_only, router }) })
    }

    /// Returns the listening address.
    ///
    /// # Errors
    /// Errors of the system.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Accepts until the relay stops, then waits for every connection to end.
    pub async fn serve(self) {
        let Self { socket, connections, server } = self;
        let mut drain = server.shared.drain.clone();
        loop {
            tokio::select! {
                accepted = socket.accept() => server.accepted(accepted, &connections).await,
                () = stopping(&mut drain) => break,
            }
        }
        drop(socket);
        let all = u32::try_from(server.shared.limits.connections).unwrap_or(u32::MAX);
        // The semaphore is never closed, so all places come back.
        let _ = connections.acquire_many(all).await;
    }
}

impl Server {
    async fn accepted(self: &Arc<Self>, accepted: io::Result<(TcpStream, SocketAddr)>, connections: &Arc<Semaphore>) {
        let metrics = &self.shared.metrics;
        match accepted {
            Ok((stream, peer)) => {
                metrics.connections_accepted.increment();
                match self.places(connections) {
                    Some(places) => {
                        let local = stream.local_addr().ok().map(|local| local.ip().to_canonical());
                        self.spawn(stream, Connection { peer: peer.ip().to_canonical(), local, places });
                    }
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

    fn places(&self, connections: &Arc<Semaphore>) -> Option<Arc<Mutex<Places>>> {
        let permit = Arc::clone(connections).try_acquire_owned().ok()?;
        let half_open = Some(HalfOpen::take(&self.half_open, &self.shared.metrics)?);
        self.shared.metrics.connections.increment();
        let open = Some(Open { _permit: permit, metrics: Arc::clone(&self.shared.metrics) });
        Some(Arc::new(Mutex::new(Places { open, half_open })))
    }

    fn spawn(self: &Arc<Self>, stream: TcpStream, connection: Connection) {
        let server = Arc::clone(self);
        tokio::spawn(async move {
            match &server.tls {
                None => server.http(stream, connection).await,
                Some(tls) => match server.handshake(stream, tls).await {
                    Ok(stream) => server.http(stream, connection).await,
                    Err(error) => server.handshake_failed(&error),
                },
            }
        });
    }

    async fn handshake(&self, stream: TcpStream, tls: &Arc<ServerConfig>) -> io::Result<TlsStream<TcpStream>> {
        let handshake = async {
            let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
            let budget = match self.agents_only || offers_uplink(&start.client_hello()) {
                true => &self.shared.handshakes.agents,
                false => &self.shared.handshakes.viewers,
            };
            // Reading a hello costs nothing. Only the signature waits for its turn.
            let _turn = budget.acquire().await.map_err(io::Error::other)?;
            start.into_stream(Arc::clone(tls)).await
        };
        timeout(self.shared.limits.handshake_timeout, handshake).await?
    }

    fn handshake_failed(&self, error: &io::Error) {
        self.shared.metrics.handshakes_failed.increment();
        tracing::debug!(%error, "TLS handshake failed");
    }

    async fn http<S>(&self, stream: S, connection: Connection)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = self.router.clone();
        let metrics = Arc::clone(&self.shared.metrics);
        let service = service_fn(move |request| answer(router.clone(), &metrics, connection.clone(), request));
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.shared.limits.header_timeout)
            .max_buf_size(MAX_HEADER)
            .max_headers(MAX_FIELDS)
            .serve_connection(TokioIo::new(Unbuffered::new(stream)), service)
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
            self.shared.metrics.requests_failed.increment();
            tracing::debug!(%error, "HTTP connection failed");
        }
    }
}

fn answer(
    mut router: Router,
    metrics: &Metrics,
    connection: Connection,
    mut request: http::Request<Incoming>,
) -> impl Future<Output = Result<http::Response<Body>, Infallible>> + use<> {
    connection.complete();
    metrics.requests.increment();
    request.extensions_mut().insert(connection);
    router.call(request)
}

/// True for an agent, by ALPN. An agent without ALPN counts as a viewer.
fn offers_uplink(hello: &ClientHello<'_>) -> bool {
    hello.alpn().is_some_and(|mut offered| offered.any(|protocol| protocol == shared::UPLINK_SUBPROTOCOL.as_bytes()))
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

/// A listening socket whose options every accepted connection inherits (Linux, tcp(7)): set once instead of six times for
/// each of 50,000 agents.
/// Returns an error of the same kind that says how an address can be had.
fn in_words(address: SocketAddr, error: &io::Error) -> io::Error {
    let port = address.port();
    let words = match error.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "this account may not use port {port}, nor any below 1024: under systemd AmbientCapabilities=CAP_NET_BIND_SERVICE \
             gives it the right, by hand `setcap cap_net_bind_service=+ep` on the program; or take a higher port, with a \
             reverse proxy before it"
        ),
        io::ErrorKind::AddrInUse => {
            format!("another program listens there; `ss -ltnp 'sport = :{port}'` says which, and another port is free")
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; `ip address` lists its own, and [::] stands for all".to_owned()
        }
        _ => error.to_string(),
    };
    io::Error::new(error.kind(), words)
}

fn listening_socket(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL))?;
    #[cfg(target_os = "linux")]
    {
        socket.set_tcp_notsent_lowat(NOTSENT_LOWAT)?;
        socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_accepted_connection_inherits_the_options() {
        let listener = listening_socket("127.0.0.1:0".parse().unwrap()).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (accepted, _client) = tokio::join!(listener.accept(), client);
        let socket = socket2::SockRef::from(&accepted.unwrap().0).try_clone().unwrap();
        assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
        assert_eq!(socket.tcp_notsent_lowat().unwrap(), NOTSENT_LOWAT);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(USER_TIMEOUT));
    }

    #[tokio::test]
    async fn a_wildcard_v6_socket_takes_v4_too() {
        let Ok(listener) = listening_socket("[::]:0".parse().unwrap()) else {
            return; // A machine without IPv6.
        };
        let port = listener.local_addr().unwrap().port();
        let (accepted, client) = tokio::join!(listener.accept(), TcpStream::connect(("127.0.0.1", port)));
        assert!(accepted.is_ok() && client.is_ok());
    }
}
