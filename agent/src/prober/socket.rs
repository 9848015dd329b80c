//! Sockets for ICMP echo: a datagram socket where the kernel lets this program's group, else a raw one.

use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};

use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, ipproto, socket_with};
use tokio::net::UdpSocket;

use crate::response::echo::{self, LARGEST_REPLY, Mark};
use crate::response::schedule::Probe;

/// The sockets of both families.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    v4: Option<EchoSocket>,
    /// There is none on a machine without IPv6.
    v6: Option<EchoSocket>,
}

/// A socket for echo. tokio's UDP socket sends and receives any datagrams of its file descriptor.
#[derive(Debug)]
struct EchoSocket {
    socket: UdpSocket,
    is_raw: bool,
}

/// An answer to one of our probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) from: IpAddr,
    pub(super) sequence: u16,
}

/// Why there is no socket.
#[derive(Debug)]
pub(super) struct Refusal(io::Error);

impl Refusal {
    /// The remedy.
    pub(super) const REMEDY: &'static str = "give it the capability NET_RAW, or let its group into \
        net.ipv4.ping_group_range; until then no page shows how a line answers";

    /// Returns the fault.
    pub(super) fn finding(&self) -> String {
        format!("lines are not probed: this program may open no ICMP socket ({})", self.0)
    }
}

impl Sockets {
    /// Opens what may be opened.
    ///
    /// # Errors
    /// [`Refusal`] without a socket of IPv4.
    pub(super) fn open() -> Result<Self, Refusal> {
        let v4 = EchoSocket::open(AddressFamily::INET, ipproto::ICMP).map_err(Refusal)?;
        Ok(Self { v4: Some(v4), v6: EchoSocket::open(AddressFamily::INET6, ipproto::ICMPV6).ok() })
    }

    pub(super) const fn are_open(&self) -> bool {
        self.v4.is_some()
    }

    /// The kind of socket, in words.
    pub(super) fn kind(&self) -> &'static str {
        match self.v4.as_ref().is_some_and(|socket| socket.is_raw) {
            true => "a raw socket",
            false => "a datagram socket",
        }
    }

    /// Sends a probe.
    ///
    /// # Errors
    /// The kernel's: no route, a filter, no socket of the address's family.
    pub(super) async fn send(&self, probe: Probe, mark: Mark) -> io::Result<()> {
        let socket = if probe.address.is_ipv4() { &self.v4 } else { &self.v6 };
        let socket = socket.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let request = echo::request(probe.address, mark, probe.sequence);
        socket.socket.send_to(&request, SocketAddr::new(probe.address, 0)).await.map(drop)
    }

    /// Waits for an answer.
    pub(super) async fn answer(&self, mark: Mark) -> Answer {
        tokio::select! {
            answer = answer_at(self.v4.as_ref(), mark) => answer,
            answer = answer_at(self.v6.as_ref(), mark) => answer,
        }
    }
}

async fn answer_at(socket: Option<&EchoSocket>, mark: Mark) -> Answer {
    let Some(EchoSocket { socket, is_raw }) = socket else { return pending().await };
    let mut bytes = [0; LARGEST_REPLY];
    loop {
        // An error here is of one datagram, such as a host that cannot be reached.
        let Ok((length, from)) = socket.recv_from(&mut bytes).await else { continue };
        let from = from.ip();
        let reply = bytes.get(..length).and_then(|bytes| echo::reply(from, bytes, mark, *is_raw));
        if let Some(sequence) = reply {
            return Answer { from, sequence };
        }
    }
}

impl EchoSocket {
    fn open(family: AddressFamily, protocol: Protocol) -> io::Result<Self> {
        let open = |kind| socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, Some(protocol));
        let (descriptor, is_raw) = match open(SocketType::DGRAM) {
            Ok(descriptor) => (descriptor, false),
            Err(_) => (open(SocketType::RAW)?, true),
        };
        Ok(Self { socket: UdpSocket::from_std(descriptor.into())?, is_raw })
    }
}
