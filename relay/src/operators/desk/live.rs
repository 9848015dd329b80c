//! A line live at the desk: the viewer's stream, admitted by the session instead of a link.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse, Response};
use shared::Username;
use shared::close::Close;

use super::context::DeskContext;
use crate::net::handshake::{Accepted, AcceptedStream, upgrade};
use crate::net::listener::Connection;
use crate::net::problem::problem;
use crate::operators::console::visitor::Operator;
use crate::viewers::links::{Admission, Proof, WatchRequest};
use crate::viewers::viewer::{self, ViewerStream};

/// Answers the handshake. The first frame is `{"type":"watch","username":…}`; the frames that follow are those of `/api/v1/live`,
/// until the session ends.
pub(super) async fn live(
    State(desk): State<Arc<DeskContext>>,
    Extension(connection): Extension<Connection>,
    operator: Operator,
    request: Request,
) -> Response {
    let address = operator.address;
    let visit = Visit { desk, operator, address };
    let serve = move |Accepted { stream, leftover, place }| match stream {
        AcceptedStream::Plain(stream) => drop(tokio::spawn(visit.serve(stream, leftover, place))),
        AcceptedStream::Tls(stream) => drop(tokio::spawn(visit.serve(*stream, leftover, place))),
    };
    upgrade(request, &connection, None, serve).unwrap_or_else(|error| {
        let detail = format!("No WebSocket: {error}.");
        problem(error.status(), "not-websocket", &detail).into_response()
    })
}

/// One stream of a person.
struct Visit {
    desk: Arc<DeskContext>,
    operator: Operator,
    address: Option<IpAddr>,
}

impl Visit {
    async fn serve(self, stream: impl ViewerStream, leftover: bytes::Bytes, place: Option<crate::net::places::Place>) {
        let context = Arc::clone(&self.desk.viewers);
        let address = self.address;
        viewer::serve_admitted(stream, leftover, address, &context, place, |request| self.admit(request)).await;
    }

    fn admit(&self, request: &WatchRequest) -> Result<Admission, Close> {
        let WatchRequest::Username(text) = request else { return Err(Close::ViewerProtocol) };
        let username = Username::from_text(text).map_err(|_| Close::LinkRefused)?;
        if self.operator.session.has_ended() {
            return Err(Close::LinkRefused);
        }
        self.desk.note_watching(&self.operator, &username);
        let announced = self.desk.console.settings.announce_support;
        Ok(Admission { username, expires: None, proof: Proof::Staff { announced }, lease: self.operator.lease() })
    }
}
