//! One viewer's connection: admits the viewer, then writes the line's updates until either side ends.
//!
//! Thousands of these tasks sleep at once. Each begins fresh after the WebSocket handshake, so that no memory of the
//! HTTP connection stays. [`flow`] is the state machine of such a task. [`events`] is the same stream as server-sent
//! events.

mod deadlines;
mod events;
mod flow;
mod stream;
mod terms;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes};
use shared::close::Close;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

pub use self::events::{EventBody, serve_events};
use self::flow::{Ending, Flow, Socket, next_frame};
use self::stream::SharedStream;
pub use self::stream::ViewerStream;
use self::terms::Terms;
use crate::clock::drained;
use crate::limits::{MAX_BEFORE_WATCH, MAX_VIEWER_FRAME};
use crate::net::places::{Alarm, Place};
use crate::viewers::context::ViewerContext;
use crate::viewers::links::{Admission, WatchRequest};
use crate::wire::viewer_frame::{FromViewer, ViewerFrame};
use crate::wire::websocket::{self, Inbound, Parser};

/// Time for a viewer to read the reason of a close. After it the kernel drops unread bytes with the socket.
const FAREWELL: Duration = Duration::from_secs(2);

/// Bytes read from a closed viewer. A socket dropped with unread bytes resets the connection before the viewer reads
/// the last frame. Four of the longest frames are more than a lawful viewer has under way; a viewer with more loses the
/// reason.
const MAX_PARTING_BYTES: u64 = 4 * MAX_VIEWER_FRAME as u64;

/// Serves a viewer over a WebSocket behind its handshake. `leftover` was read behind the handshake; `address` is the
/// viewer's, where known. The connection keeps its `place` until the end.
pub async fn serve_websocket<S: ViewerStream>(
    stream: S,
    leftover: Bytes,
    address: Option<IpAddr>,
    context: Arc<ViewerContext>,
    place: Option<Place>,
) {
    let admit = |request: &WatchRequest| context.admit(request, address);
    serve_admitted(stream, leftover, address, &context, place, admit).await;
}

/// Serves a viewer as [`serve_websocket`] does; `admit` says who is let in by the first frame.
pub(crate) async fn serve_admitted<S: ViewerStream>(
    stream: S,
    leftover: Bytes,
    address: Option<IpAddr>,
    context: &ViewerContext,
    mut place: Option<Place>,
    admit: impl FnOnce(&WatchRequest) -> Result<Admission, Close>,
) {
    let mut socket = Socket { stream: SharedStream::new(stream), parser: Parser::default() };
    // Boxed: the task's future stays as small as its daily work.
    let opened = Box::pin(open(&mut socket, leftover, address, context, place.as_mut(), admit)).await;
    let (rest, ending) = match opened {
        Ok(mut flow) => flow.run(&mut socket).await,
        Err(ending) => (Vec::new(), ending),
    };
    Box::pin(part(socket, rest, ending, context)).await;
}

/// Reads a viewer's first frame, and takes a seat.
async fn open<'a, S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut Socket<S>,
    leftover: Bytes,
    address: Option<IpAddr>,
    context: &'a ViewerContext,
    place: Option<&mut Place>,
    admit: impl FnOnce(&WatchRequest) -> Result<Admission, Close>,
) -> Result<Flow<'a>, Ending> {
    let alarm = place.as_ref().map_or_else(Alarm::default, |place| place.alarm());
    let limit = context.limits.first_frame_timeout;
    let mut drain = context.drain.clone();
    let (text, unread) = tokio::select! {
        first = timeout(limit, first_text(socket, leftover.into())) => first.map_err(|_| Close::WatchTimeout)??,
        () = drained(&mut drain) => return Err(Close::GoingAway.into()),
        () = alarm.rings() => return Err(Ending::Broken),
    };
    let request = watch_request(&text).ok_or(Close::ViewerProtocol)?;
    let admission = admit(&request)?;
    if place.is_some_and(|place| !place.become_known()) {
        return Err(Ending::Broken);
    }
    let seat = context.seat(&admission, address)?;
    let mut flow = Flow::new(seat, Terms::from(&admission), context);
    flow.take(socket, &unread, context.hub.now())?;
    Ok(flow)
}

/// Reads the first text, within [`MAX_BEFORE_WATCH`] bytes. Returns the text and the bytes behind it.
async fn first_text<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut Socket<S>,
    mut unread: Vec<u8>,
) -> Result<(String, Vec<u8>), Ending> {
    let mut left = MAX_BEFORE_WATCH;
    loop {
        // The bytes behind the handshake may be more than the limit.
        let (mut bytes, beyond) = unread.split_at(unread.len().min(left));
        left -= bytes.len();
        while let Some(inbound) = next_frame(&mut socket.parser, &mut bytes)? {
            match inbound {
                Inbound::Text(text) => return Ok((text, [bytes, beyond].concat())),
                Inbound::Ping(payload) => socket.stream.write_all(&websocket::pong(&payload)).await?,
                Inbound::Pong => {}
                Inbound::Binary => return Err(Close::ViewerProtocol.into()),
                Inbound::Close(code) => return Err(Ending::Answered(code)),
            }
        }
        if left == 0 {
            return Err(Close::ViewerProtocol.into());
        }
        unread.clear();
        unread.reserve(1_024);
        if socket.stream.read_buf(&mut (&mut unread).limit(left)).await? == 0 {
            return Err(Ending::Broken);
        }
    }
}

fn watch_request(text: &str) -> Option<WatchRequest> {
    match serde_json::from_str(text).ok()? {
        FromViewer::Watch { token: Some(token), username: None } => Some(WatchRequest::Token(token)),
        FromViewer::Watch { token: None, username: Some(username) } => Some(WatchRequest::Username(username)),
        FromViewer::Watch { .. } => None,
    }
}

/// Writes the reason of a close, and gives the viewer time to read it. `rest` is the rest of a partial frame.
async fn part<S: AsyncRead + AsyncWrite + Unpin>(
    socket: Socket<S>,
    mut rest: Vec<u8>,
    ending: Ending,
    context: &ViewerContext,
) {
    match ending {
        Ending::Broken => return,
        Ending::Answered(code) => {
            context.metrics.viewer_closes.count(Close::Normal);
            rest.extend(websocket::close(code.unwrap_or(Close::Normal.code()), ""));
        }
        Ending::Close(close) => {
            context.metrics.viewer_closes.count(close);
            if close != Close::GoingAway {
                rest.extend(websocket::text(&ViewerFrame::error(close).to_json()));
            }
            rest.extend(websocket::close(close.code(), close.name()));
        }
    }
    let Socket { mut stream, .. } = socket;
    let farewell = async {
        stream.write_all(&rest).await?;
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(MAX_PARTING_BYTES), &mut tokio::io::sink()).await
    };
    // A viewer beyond that time is gone.
    let _: Result<std::io::Result<u64>, _> = timeout(FAREWELL, farewell).await;
}

#[cfg(test)]
mod tests;
