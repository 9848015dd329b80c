//! A TCP proxy on loopback that a test cuts, silences and mends: the network between two of the programs.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// The state of the proxy's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Bytes pass.
    Up,
    /// Every connection is closed, and new ones are closed at once.
    Cut,
    /// The same by a reset.
    Reset,
    /// Connections stay open, and no byte passes: a peer gone without a FIN.
    Silent,
}

impl Network {
    fn is_broken(self) -> bool {
        matches!(self, Self::Cut | Self::Reset)
    }
}

/// A running proxy; dropping it closes every connection through it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    network: watch::Sender<Network>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1 and passes connections on to `target`.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let network = watch::Sender::new(Network::Up);
        let accepting = tokio::spawn(accept(listener, target, network.subscribe()));
        Ok(Self { address, network, accepting })
    }

    /// The address for clients.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the state of all connections, the open ones included.
    pub fn set(&self, network: Network) {
        self.network.send_replace(network);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.network.send_replace(Network::Cut);
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, network: watch::Receiver<Network>) {
    let mut connections = JoinSet::new();
    while let Ok((inbound, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        if !network.borrow().is_broken() {
            connections.spawn(pass(inbound, target, network.clone()));
        }
    }
}

async fn pass(inbound: TcpStream, target: SocketAddr, mut network: watch::Receiver<Network>) {
    let Ok(outbound) = TcpStream::connect(target).await else { return };
    // A tick's few bytes are not to wait for the acknowledgement of those before.
    let _ = inbound.set_nodelay(true).and_then(|()| outbound.set_nodelay(true));
    let sockets = [&inbound, &outbound].map(|stream| socket2::SockRef::from(stream).try_clone());
    let (from_inbound, to_inbound) = inbound.into_split();
    let (from_outbound, to_outbound) = outbound.into_split();
    let (up, down) = (network.clone(), network.clone());
    tokio::select! {
        broken = network.wait_for(|network| network.is_broken()) => {
            if broken.is_ok_and(|network| *network == Network::Reset) {
                sockets.iter().flatten().for_each(|socket| { let _ = socket.set_linger(Some(Duration::ZERO)); });
            }
        }
        () = async { tokio::join!(one_way(from_inbound, to_outbound, up), one_way(from_outbound, to_inbound, down)); } => {}
    }
}

async fn one_way<R, W>(mut from: R, mut to: W, mut network: watch::Receiver<Network>)
where
    R: tokio::io::AsyncRead + Unpin,
    W: tokio::io::AsyncWrite + Unpin,
{
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count) = from.read(&mut buffer).await {
        if network.wait_for(|network| *network != Network::Silent).await.is_err() || count == 0 {
            break;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
