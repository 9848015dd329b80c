//! Links of a line: made with the words that carry them, revoked, made void.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::Username;

use super::context::{DeskContext, username};
use super::line::at;
use super::message::Message;
use crate::clock::{UnixMillis, unix_seconds};
use crate::net::answers::{Segment, TwoSegments, json_answer};
use crate::net::problem::{Problem, problem};
use crate::operators::audit::{self, Actor, Deed, What};
use crate::operators::console::body::Json;
use crate::operators::console::context::now;
use crate::operators::console::visitor::Operator;
use crate::operators::qr;
use crate::store::database::{Change, Topic};
use crate::viewers::links::book::{self, Kind, NewLink};
use crate::viewers::links::{fresh_id, mint};

/// The hours of a link to support, unless said otherwise.
const SUPPORT_HOURS: u64 = 24;
/// The hours of a personal link: a year.
const PERSONAL_HOURS: u64 = 365 * 24;

/// The link that a person asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    kind: WantedKind,
    hours: Option<u64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WantedKind {
    Support,
    Personal,
}

impl Wanted {
    fn kind(&self) -> Kind {
        match self.kind {
            WantedKind::Support => Kind::Support,
            WantedKind::Personal => Kind::Personal,
        }
    }

    /// Returns how long the link lasts.
    fn lasts(&self, longest: Duration) -> Result<Duration, Problem> {
        let usual = match self.kind {
            WantedKind::Support => SUPPORT_HOURS,
            WantedKind::Personal => PERSONAL_HOURS.min(longest.as_secs() / 3_600),
        };
        let lasts = Duration::from_secs(self.hours.unwrap_or(usual).saturating_mul(3_600));
        if lasts.is_zero() || lasts > longest {
            let longest = humantime::format_duration(longest);
            return Err(problem(
                StatusCode::BAD_REQUEST,
                "hours",
                &format!("A link lasts from one hour to {longest} here."),
            ));
        }
        Ok(lasts)
    }
}

#[derive(Debug, Serialize)]
struct Made {
    id: String,
    url: String,
    expires: UnixMillis,
    text: String,
    whatsapp: String,
    mail: String,
    qr_svg: String,
}

/// Makes a link.
pub(super) async fn make(
    State(desk): State<Arc<DeskContext>>,
    operator: Operator,
    Segment(text): Segment,
    headers: HeaderMap,
    Json(wanted): Json<Wanted>,
) -> Result<Response, Problem> {
    let username = username(&text)?;
    let lasts = wanted.lasts(desk.viewers.access.max_lifetime())?;
    let mut change = desk.console.database().await?.change(Topic::Links).await?;
    let (id, token, expires) = desk.mint(&mut change, &username, (wanted.kind(), lasts), &operator.name).await?;
    let deed = Deed::new(What::LinkMade).line(username.to_text()).detail(format!("{} {id}", wanted.kind().as_str()));
    audit::commit(change, &operator.actor(), &deed, now()).await?;
    let url = format!("{}#{token}", desk.base(&headers));
    let Message { text, whatsapp, mail } = Message::of(&url, lasts, desk.console.brand.as_deref());
    let qr_svg = qr::svg(&url)?;
    Ok(json_answer(StatusCode::OK, &Made { id, url, expires, text, whatsapp, mail, qr_svg }))
}

impl DeskContext {
    /// Enters a link in a change of [`Topic::Links`]. Returns id, token and end.
    pub(super) async fn mint(
        &self,
        change: &mut Change,
        username: &Username,
        (kind, lasts): (Kind, Duration),
        maker: &str,
    ) -> anyhow::Result<(String, String, UnixMillis)> {
        let keys = self.viewers.access.keys().ok_or_else(|| anyhow::anyhow!("there is no key to sign with"))?;
        let (id, time) = (fresh_id()?, SystemTime::now());
        let expires = unix_seconds(time + lasts);
        let link = NewLink { username, id: &id, expires, kind, maker: Some(maker) };
        let issued = book::enter_within(change, &link, unix_seconds(time)).await?;
        let [issued, end] = [issued, expires].map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
        let token = mint(&keys, username, &id, issued, end)?;
        Ok((id, token, at(expires)))
    }

    /// Ends a change with its entry, and takes the change into memory.
    async fn commit(&self, change: Change, actor: &Actor, deed: Deed) -> Result<(), Problem> {
        audit::commit(change, actor, &deed, now()).await?;
        self.console.changed().await;
        Ok(())
    }
}

/// Revokes a link of the book. Its streams end within a second.
pub(super) async fn revoke(
    State(desk): State<Arc<DeskContext>>,
    operator: Operator,
    TwoSegments(text, id): TwoSegments,
) -> Result<Response, Problem> {
    let username = username(&text)?;
    let database = desk.console.database().await?;
    let links = book::of_line(&database, &username).await?.links;
    let Some(link) = links.into_iter().find(|link| link.id == id) else {
        return Err(problem(StatusCode::NOT_FOUND, "unknown", "No link of this line has this id."));
    };
    let mut change = database.change(Topic::Links).await?;
    book::revoke_within(&mut change, (&username, &id), link.expires, unix_seconds(SystemTime::now())).await?;
    let deed = Deed::new(What::LinkRevoked).line(username.to_text()).detail(id);
    desk.commit(change, &operator.actor(), deed).await?;
    Ok(json_answer(StatusCode::OK, &json!({})))
}

/// Makes all links of a line void that were made until now. Their streams end within a second.
pub(super) async fn void(
    State(desk): State<Arc<DeskContext>>,
    operator: Operator,
    Segment(text): Segment,
) -> Result<Response, Problem> {
    let username = username(&text)?;
    let mut change = desk.console.database().await?.change(Topic::Links).await?;
    book::void_within(&mut change, &username, unix_seconds(SystemTime::now())).await?;
    desk.commit(change, &operator.actor(), Deed::new(What::LinksVoid).line(username.to_text())).await?;
    Ok(json_answer(StatusCode::OK, &json!({})))
}
