//! The public and the private listener over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;
mod doors;
mod malformed;
mod page;
mod strangers;

use std::io::Read;
use std::time::{Duration, SystemTime};

use common::{PATIENCE, TestRelay, WEBSOCKET, bearer, eventually, exchange, get, head, read_to_end};
use relay::agents::registry::Entries;
use relay::net::peer::Forwarding;
use relay::viewers::links::Mode;
use relay::viewers::links::keys::Keys;
use relay::viewers::provider::{Colour, Contact};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

fn in_an_hour() -> SystemTime {
    SystemTime::now() + Duration::from_secs(3600)
}

fn add_agent(relay: &TestRelay, name: &str) -> String {
    let path = relay.data().agents();
    let mut entries = Entries::load(&path).unwrap();
    let token = entries.add(name, vec!["*".parse().unwrap()], false, 0).unwrap();
    entries.save(&path).unwrap();
    token
}
