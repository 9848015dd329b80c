//! The uplink over in-memory streams, in paused time.

mod coming_back;
mod one_link;

use std::cell::RefCell;
use std::collections::VecDeque;

use futures_util::{SinkExt, StreamExt};
use shared::close::Close;
use shared::control::FromAgent;
use shared::frame::Batch;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

use super::fixture::*;
use super::*;
use crate::handover::UplinkState;
use crate::stop::stop;

type Socket = WebSocketStream<DuplexStream>;

/// Both ends of a WebSocket over a pipe of so many bytes.
async fn pair(bytes: usize) -> (Socket, Socket) {
    let (near, far) = duplex(bytes);
    let agent = WebSocketStream::from_raw_socket(near, Role::Client, Some(link::websocket_config())).await;
    (agent, WebSocketStream::from_raw_socket(far, Role::Server, None).await)
}

/// The relay's end of an uplink.
struct RelayEnd(Socket);

impl RelayEnd {
    async fn say(&mut self, text: String) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    async fn close(&mut self, close: Close) {
        let frame = CloseFrame { code: close.code().into(), reason: close.name().into() };
        self.0.send(Message::Close(Some(frame))).await.unwrap();
    }

    /// The next message; nothing at the end.
    async fn hear(&mut self) -> Option<Message> {
        self.0.next().await?.ok()
    }

    async fn hear_control(&mut self) -> FromAgent {
        loop {
            if let Message::Text(text) = self.hear().await.expect("a control message") {
                return agent_said(&text);
            }
        }
    }

    /// Up to welcome; returns hello's oldest and next sequence number.
    async fn greet(&mut self, next: Option<u64>, watched: &[u32]) -> (u64, u64) {
        let FromAgent::Hello(hello) = self.hear_control().await else { panic!("no hello") };
        assert_eq!(hello.epoch, EPOCH);
        while !matches!(self.hear_control().await, FromAgent::Lines(lines) if !lines.more) {}
        self.say(welcome(next, 0, watched)).await;
        (hello.oldest, hello.next)
    }

    /// Returns the next batch's sequence number and replayed mark.
    async fn batch(&mut self) -> (u64, bool) {
        loop {
            if let Message::Binary(bytes) = self.hear().await.expect("a batch") {
                let header = Batch::parse(&bytes).unwrap().header;
                return (header.sequence, header.replayed);
            }
        }
    }

    /// Returns the code of the agent's close frame.
    async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Message::Close(frame) = self.hear().await? {
                return frame.map(|frame| frame.code.into());
            }
        }
    }
}

/// Carries one link until its end, beside the script of the relay.
async fn carry(bytes: usize, handover: &Handover, stop: &Stop, relay: impl AsyncFnOnce(RelayEnd)) -> Ending<()> {
    let timing = timing().conversation;
    let lapse = Lapse::default();
    let (agent, relay_end) = pair(bytes).await;
    let mut conversation = Conversation::new(handover, &lapse, &timing, EPOCH, Instant::now());
    let link = Link::new(agent, &timing);
    let carry = link.carry(&mut conversation, handover, stop, std::future::pending());
    let (ending, ()) = tokio::join!(carry, relay(RelayEnd(relay_end)));
    ending
}
