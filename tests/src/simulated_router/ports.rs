//! The router's open ports: accepts connections, turns them away when there are too many, and closes the ports themselves
//! while the service is disabled.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::core::Core;
use super::session;
use super::tls::{HANDSHAKE_FAILURE, Identity};

/// The pause between two attempts to open a closed port again.
const REOPEN: Duration = Duration::from_millis(20);

/// The protocol of a port.
#[derive(Clone)]
pub(crate) enum Service {
    Api,
    ApiTls(Box<Identity>),
    ApiTlsWithoutCertificate,
}

/// Accepts on a port while the router runs; closes and opens the port by the gate.
pub(crate) async fn accept(core: Arc<Core>, address: SocketAddr, listener: TcpListener, service: Service) {
    let mut listener = listener;
    loop {
        core.listening.send_modify(|open| *open += 1);
        accept_until_refused(&core, &listener, &service).await;
        drop(listener);
        core.listening.send_modify(|open| *open -= 1);
        listener = open_again(&core, address).await;
    }
}

async fn accept_until_refused(core: &Arc<Core>, listener: &TcpListener, service: &Service) {
    let mut gate = core.gate.subscribe();
    loop {
        tokio::select! {
            _ = gate.wait_for(|gate| gate.refusing) => return,
            accepted = listener.accept() => if let Ok((stream, peer)) = accepted {
                tokio::spawn(welcome(Arc::clone(core), stream, peer, service.clone()));
            },
        }
    }
}

async fn open_again(core: &Core, address: SocketAddr) -> TcpListener {
    let _ = core.gate.subscribe().wait_for(|gate| !gate.refusing).await;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(REOPEN).await,
        }
    }
}

async fn welcome(core: Arc<Core>, stream: TcpStream, peer: SocketAddr, service: Service) {
    let _ = stream.set_nodelay(true);
    let peer = peer.ip().to_string();
    match service {
        Service::Api => admit(core, stream, &peer, false).await,
        Service::ApiTls(identity) => {
            if let Ok(stream) = handshake(&core, &identity, stream).await {
                admit(core, stream, &peer, true).await;
            }
        }
        Service::ApiTlsWithoutCertificate => refuse_handshake(stream).await,
    }
}

async fn handshake(
    core: &Core,
    identity: &Identity,
    stream: TcpStream,
) -> io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
    core.answering().await;
    identity.acceptor.accept(stream).await
}

async fn refuse_handshake(mut stream: TcpStream) {
    let mut hello = [0; 4096];
    if stream.read(&mut hello).await.is_ok_and(|length| length > 0) {
        let _ = stream.write_all(&HANDSHAKE_FAILURE).await;
        let _ = stream.shutdown().await;
    }
}

/// Serves a connection, unless there are `max-sessions` already.
pub(crate) async fn admit<S>(core: Arc<Core>, stream: S, peer: &str, tls: bool)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let connection = core.update(|state, _| {
        let is_free = state.record.connections.len() < core.max_sessions;
        is_free.then(|| state.record.open(peer, tls))
    });
    let Some(connection) = connection else { return };
    let open = OpenConnection { core: Arc::clone(&core), connection };
    session::serve(core, stream, connection).await;
    drop(open);
}

/// A connection's place in the record; gone when the connection is.
struct OpenConnection {
    core: Arc<Core>,
    connection: u64,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.core.update(|state, _| state.record.connections.remove(&self.connection));
    }
}
