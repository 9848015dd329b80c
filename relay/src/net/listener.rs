//! From a TCP connection to HTTP requests. The accept loop is the relay's own: a server on the internet needs a limit
//! at each step that a stranger can make slow, which are connections, TLS handshakes and headers.
//!
//! A future WebSocket leaves through [`Connection::leave`]. The connection's task here then ends, with hyper's buffers.

mod socket;
mod tls;
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
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tower_service::Service;

pub use self::tls::Handshakes;
pub(crate) use self::unbuffered::Unbuffered;
use super::address_group::AddressGroup;
use crate::limits::Limits;
use crate::metrics::Metrics;

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
    /// The turns at TLS handshakes, viewers' and agents' apart.
    pub handshakes: Arc<Handshakes>,
    /// True once the relay stops.
    pub drain: watch::Receiver<bool>,
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
        let socket = socket::bind(address)?;
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
                Some(tls) => match server.handshake(stream, tls, connection.peer.into()).await {
                    Ok(stream) => server.http(stream, connection).await,
                    Err(error) => server.handshake_failed(&error),
                },
            }
        });
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        tls: &Arc<ServerConfig>,
        group: AddressGroup,
    ) -> io::Result<TlsStream<TcpStream>> {
        let handshake = self.shared.handshakes.accept(stream, Arc::clone(tls), self.agents_only, group);
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

/// True for errors of one connection, lost before accept.
fn is_the_connections_own(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

async fn stopping(drain: &mut watch::Receiver<bool>) {
    // A dropped sender means a stopping relay.
    let _ = drain.wait_for(|stopping| *stopping).await;
}
