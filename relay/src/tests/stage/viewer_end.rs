//! The viewer's end of a stream on the stage.

use std::future::Future;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use shared::close::Close;
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::{MANY, PATIENCE};
use crate::wire::viewer_frame::{LineState, Snapshot, StateFrame, TimedSample, ViewerFrame};

/// A viewer's end.
pub(crate) struct ViewerEnd {
    pub(crate) socket: WebSocketStream<DuplexStream>,
    pub(super) task: JoinHandle<()>,
}

impl ViewerEnd {
    pub(crate) async fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Returns the next text frame, and answers pings before it.
    pub(crate) async fn text(&mut self) -> Option<String> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("the relay says nothing") {
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Ping(_))) => {}
                _ => return None,
            }
        }
    }

    /// Returns the next frame other than the viewer's own response.
    pub(crate) async fn frame(&mut self) -> ViewerFrame {
        loop {
            match self.any_frame().await {
                ViewerFrame::ViewerResponse { .. } => {}
                frame => return frame,
            }
        }
    }

    async fn any_frame(&mut self) -> ViewerFrame {
        serde_json::from_str(&self.text().await.expect("the relay closed")).unwrap()
    }

    /// Reads until the relay tells the viewer's own response, microseconds.
    pub(crate) async fn own_response(&mut self) -> u32 {
        loop {
            if let ViewerFrame::ViewerResponse { micros } = self.any_frame().await {
                return micros;
            }
        }
    }

    pub(crate) async fn snapshot(&mut self) -> Snapshot {
        match self.frame().await {
            ViewerFrame::Snapshot(snapshot) => *snapshot,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn sample(&mut self) -> TimedSample {
        match self.frame().await {
            ViewerFrame::Sample(point) => point,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn state(&mut self) -> StateFrame {
        match self.frame().await {
            ViewerFrame::State(state) => state,
            other => panic!("{other:?}"),
        }
    }

    /// Reads until a state frame or a snapshot shows the wanted state.
    pub(crate) async fn until(&mut self, wanted: LineState) -> StateFrame {
        let mut others = Vec::new();
        loop {
            let frame = self.frame().await;
            others.push(frame.clone());
            assert!(others.len() <= MANY, "{wanted:?} does not come: {others:?}");
            match frame {
                ViewerFrame::State(state) if state.state == wanted => return state,
                ViewerFrame::Snapshot(snapshot) if snapshot.state == wanted => {
                    let Snapshot { state, since, sessions, interval, now, notice, support, response, quiet, .. } =
                        *snapshot;
                    return StateFrame { state, since, sessions, interval, now, notice, support, response, quiet };
                }
                ViewerFrame::Error { reason, .. } => panic!("closed: {reason}"),
                _ => {}
            }
        }
    }

    /// Reads for this many seconds, as an open page does, and returns the frames.
    pub(crate) async fn read(&mut self, for_seconds: u64) -> Vec<ViewerFrame> {
        let mut frames = Vec::new();
        let reading = async {
            loop {
                frames.push(self.frame().await);
            }
        };
        let _: Result<(), _> = timeout(Duration::from_secs(for_seconds), reading).await;
        frames
    }

    /// Reads on until the relay closes: the error frame, if there was one, and the close code.
    pub(crate) async fn closed(mut self) -> (Option<String>, Close) {
        let mut error = None;
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("the relay does not close") {
                Some(Ok(Message::Text(text))) => error = Some(text.to_string()).filter(|text| text.contains("error")),
                Some(Ok(Message::Close(Some(close)))) => {
                    let code = Close::from_code(close.code.into()).unwrap();
                    assert_eq!(close.reason.as_str(), if code == Close::Normal { "" } else { code.name() });
                    return (error, code);
                }
                Some(Ok(_)) => {}
                other => panic!("no close frame: {other:?}"),
            }
        }
    }

    /// The page is closed.
    pub(crate) async fn leave(self) {
        drop(self.socket);
        self.task.await.unwrap();
    }

    /// Returns the unread socket, and the relay's task, which ends by itself.
    pub(crate) fn unread(self) -> (WebSocketStream<DuplexStream>, impl Future<Output = ()>) {
        (self.socket, async { self.task.await.unwrap() })
    }
}
