//! A listening socket and its options.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use tokio::net::TcpListener;

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

/// Binds a listening socket.
///
/// # Errors
/// Where the address is taken, foreign or not allowed, with the remedy.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    listening_socket(address).map_err(|error| in_words(address, &error))
}

/// Returns a listening socket whose options every accepted connection inherits (Linux, tcp(7)): set once instead of six times for
/// each of 50,000 agents.
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

/// Returns an error of the same kind, with the remedy.
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

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

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
