//! The wallboard's own address: its token shows the busiest lines and can do nothing else. There is one at a time.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use serde_json::json;

use super::busiest::board;
use super::context::DeskContext;
use super::wall_token::replace;
use crate::net::answers::{bearer, json_answer};
use crate::net::listener::Connection;
use crate::net::problem::{Problem, problem};
use crate::operators::audit::{self, Deed, What};
use crate::operators::console::context::now;
use crate::operators::console::visitor::Operator;
use crate::operators::secret::{Hash, Secret};
use crate::store::database::Topic;

/// Answers the busiest lines to the wallboard's token.
pub(super) async fn figures(
    State(desk): State<Arc<DeskContext>>,
    Extension(connection): Extension<Connection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if bearer(&headers).is_some_and(|token| desk.console.wall.is(token)) {
        return Ok(board(&desk, &uri).await);
    }
    let address = desk.console.site.client(&connection, &headers);
    if desk.console.site.fail(address) {
        let detail = "The wallboard's address is not in force. An admin can make another one in the console.";
        return Err(problem(StatusCode::UNAUTHORIZED, "signed-out", detail).wants("Bearer"));
    }
    let detail = "Too many tries from your address. Please wait a minute.";
    Err(problem(StatusCode::TOO_MANY_REQUESTS, "wait", detail).retry_after(Duration::from_secs(60)))
}

/// Makes another address of the wallboard. The one before ends.
pub(super) async fn make(
    State(desk): State<Arc<DeskContext>>,
    operator: Operator,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    operator.admin()?;
    let secret = Secret::fresh()?;
    desk.change_wall(&operator, Some(secret.hash()), "a new address").await?;
    let url = format!("{}console/wall#{}", desk.base(&headers), secret.as_str());
    Ok(json_answer(StatusCode::OK, &json!({ "url": url })))
}

/// Ends the wallboard's address.
pub(super) async fn revoke(State(desk): State<Arc<DeskContext>>, operator: Operator) -> Result<Response, Problem> {
    operator.admin()?;
    desk.change_wall(&operator, None, "the address was revoked").await?;
    Ok(json_answer(StatusCode::OK, &json!({})))
}

impl DeskContext {
    async fn change_wall(&self, operator: &Operator, hash: Option<Hash>, detail: &str) -> Result<(), Problem> {
        let mut change = self.console.database().await?.change(Topic::Wall).await?;
        replace(&mut change, hash, &operator.name, now().as_millis()).await?;
        let deed = Deed::new(What::WallChanged).detail(detail);
        audit::commit(change, &operator.actor(), &deed, now()).await?;
        self.console.changed().await;
        Ok(())
    }
}
