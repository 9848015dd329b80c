//! One name for two relays, as a load balancer stands before them: everybody is sent to the same one, until that is not ready.
//!
//! Agents and viewers have to meet, and a relay knows only its own agents; so the pair is active and standby, and a relay that
//! comes back is the standby (docs/proxies/README.md).

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::programs::Relay;

/// The addresses of a relay's service and of its readiness.
#[derive(Debug, Clone, Copy)]
struct Backend {
    public: SocketAddr,
    private: SocketAddr,
}

/// A running forwarder; dropping it closes every connection through it.
#[derive(Debug)]
pub struct Name {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Name {
    /// Stands for these relays on a free port of 127.0.0.1; the first is used first.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(relays: &[&Relay]) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let backends = relays.iter().map(|relay| Backend { public: relay.address, private: relay.private }).collect();
        Ok(Self { address, accepting: tokio::spawn(accept(listener, backends)) })
    }

    /// The address for clients.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, mut backends: Vec<Backend>) {
    let mut connections = JoinSet::new();
    while let Ok((inbound, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        if let Some(target) = present(&mut backends).await {
            connections.spawn(pass(inbound, target));
        }
    }
}

/// The relay for all new connections: the last one while that one is ready, else the next ready one.
async fn present(backends: &mut [Backend]) -> Option<SocketAddr> {
    for _ in 0..backends.len() {
        let first = *backends.first()?;
        if is_ready(first.private).await.unwrap_or(false) {
            return Some(first.public);
        }
        backends.rotate_left(1);
    }
    None
}

async fn is_ready(private: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(private).await?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}

async fn pass(mut inbound: TcpStream, target: SocketAddr) -> io::Result<()> {
    let mut outbound = TcpStream::connect(target).await?;
    copy_bidirectional(&mut inbound, &mut outbound).await.map(drop)
}
