//! Links of a line: made, listed, revoked, and made void.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::response::Response;
use http::header::HOST;
use http::{HeaderMap, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use utoipa::ToSchema;

use super::answers::{BodyRefusals, ChangeRefusals, Refusals};
use super::body;
use super::caller::{Caller, ChangeLinks, ReadLinks};
use super::context::ApiContext;
use super::path::{Line, LinkId, parameters};
use crate::clock::{UnixMillis, unix_seconds};
use crate::net::answers::json_answer;
use crate::net::origin::Transport;
use crate::net::problem::{Problem, problem};
use crate::operators::audit::{self, Deed, What};
use crate::store::database::Topic;
use crate::subscribers::json::whole;
use crate::viewers::links::book::{self, Entry};
use crate::viewers::links::{fresh_id, mint};

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = LinkKind)]
enum Kind {
    /// For a call: 24 hours unless said otherwise.
    Support,
    /// For the subscriber's own use: a year unless said otherwise.
    Personal,
}

impl Kind {
    fn of_book(self) -> book::Kind {
        match self {
            Self::Support => book::Kind::Support,
            Self::Personal => book::Kind::Personal,
        }
    }

    fn usual_hours(self) -> u64 {
        match self {
            Self::Support => 24,
            Self::Personal => 365 * 24,
        }
    }
}

/// A link to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLink {
    kind: Kind,
    /// How long the link opens its line, in hours. The relay's `--max-link-lifetime` is the most.
    #[schema(value_type = u64, minimum = 1, maximum = 9600, required = false)]
    hours: Option<Number>,
}

/// A fresh link. The address is a secret: it opens the line.
#[derive(Serialize, ToSchema)]
struct MadeLink {
    /// The link's id, by which it is revoked.
    id: String,
    /// The username's text form.
    username: String,
    kind: Kind,
    /// The link.
    url: String,
    /// When the link ends.
    #[schema(value_type = i64)]
    expires: UnixMillis,
}

/// A link as the relay knows it.
#[derive(Serialize, ToSchema)]
#[schema(as = Link)]
struct LinkAnswer {
    /// The link's id.
    id: String,
    /// When the relay made the link; `null` for a link of another maker, known because it was revoked.
    #[schema(value_type = Option<i64>)]
    made: Option<UnixMillis>,
    /// When the link ends.
    #[schema(value_type = i64)]
    expires: UnixMillis,
    /// When the link was revoked.
    #[schema(value_type = Option<i64>)]
    revoked: Option<UnixMillis>,
}

/// The links of a line.
#[derive(Serialize, ToSchema)]
#[schema(as = Links)]
struct LinksAnswer {
    /// The newest end comes first.
    links: Vec<LinkAnswer>,
    /// Every link of the line that was made before this time opens nothing.
    #[schema(value_type = Option<i64>)]
    void_before: Option<UnixMillis>,
}

/// A revoked link.
#[derive(Serialize, ToSchema)]
struct RevokedLink {
    /// The link's id.
    id: String,
    /// False for a link that the relay did not make: then only the maker knows whether the id is right.
    made_here: bool,
}

/// The time before which links are void.
#[derive(Serialize, ToSchema)]
struct Void {
    /// Every link of the line that was made before this time opens nothing.
    #[schema(value_type = i64)]
    void_before: UnixMillis,
}

/// Returns the links of a line that the relay made, and those that were revoked.
#[utoipa::path(
    get,
    path = "/api/v1/lines/{username}/links",
    tag = "links",
    operation_id = "listLinks",
    params(("username" = String, Path, description = "The username's text form", min_length = 1)),
    responses((status = 200, description = "The links", body = LinksAnswer), Refusals, ChangeRefusals),
    security(("key" = ["read"]), ("key" = ["links"])),
)]
pub(super) async fn list(
    _caller: Caller<ReadLinks>,
    State(context): State<Arc<ApiContext>>,
    Line(username): Line,
    uri: Uri,
) -> Result<Response, Problem> {
    parameters(&uri, &[])?;
    let book::LineLinks { links, void_before } = book::of_line(&context.database().await?, &username).await?;
    let answer = LinksAnswer {
        links: links.into_iter().map(LinkAnswer::from).collect(),
        void_before: void_before.map(milliseconds),
    };
    Ok(json_answer(StatusCode::OK, &answer))
}

impl From<Entry> for LinkAnswer {
    fn from(Entry { id, made, expires, revoked, .. }: Entry) -> Self {
        let (made, revoked) = (made.map(milliseconds), revoked.map(milliseconds));
        Self { id, made, expires: milliseconds(expires), revoked }
    }
}

/// Makes a link of a line. The username need not be known to the relay.
#[utoipa::path(
    post,
    path = "/api/v1/lines/{username}/links",
    tag = "links",
    operation_id = "makeLink",
    params(("username" = String, Path, description = "The username's text form", min_length = 1)),
    request_body = NewLink,
    responses((status = 201, description = "The link", body = MadeLink), Refusals, BodyRefusals, ChangeRefusals),
    security(("key" = ["links"])),
)]
pub(super) async fn make(
    caller: Caller<ChangeLinks>,
    State(context): State<Arc<ApiContext>>,
    Line(username): Line,
    request: Request,
) -> Result<Response, Problem> {
    parameters(request.uri(), &[])?;
    let headers = request.headers().clone();
    let object = body::object(request, &["application/json"]).await?;
    let wrong = "The body is to be {\"kind\": \"support\" or \"personal\", \"hours\": a whole number, optional}.";
    let NewLink { kind, hours } = serde_json::from_value(Value::Object(object)).map_err(|_| unfit(wrong))?;
    let hours = hours.map_or(Some(kind.usual_hours()), |hours| whole(&hours)).ok_or_else(|| unfit(wrong))?;
    let lifetime = lifetime(hours, context.max_link_lifetime)?;
    let keys = context.access.keys().ok_or_else(|| unfit("The relay has no key to sign links with."))?;
    let (now, id) = (SystemTime::now(), fresh_id()?);
    let end = now.checked_add(lifetime).ok_or_else(|| unfit("The link's end is too far away."))?;
    let actor = caller.actor();
    let mut change = context.database().await?.change(Topic::Links).await?;
    let (of_book, maker, expires) = (kind.of_book(), Some(actor.who.as_str()), unix_seconds(end));
    let link = book::NewLink { username: &username, id: &id, expires, kind: of_book, maker };
    let issued = book::enter_within(&mut change, &link, unix_seconds(now)).await?;
    let token = mint(&keys, &username, &id, UNIX_EPOCH + Duration::from_secs(issued), end)?;
    let deed = Deed::new(What::LinkMade).line(username.to_text()).detail(format!("{} {id}", of_book.as_str()));
    audit::commit(change, &actor, &deed, now.into()).await?;
    let url = format!("{}#{token}", address(&context, &headers));
    let expires = milliseconds(unix_seconds(end));
    let answer = MadeLink { id, username: username.to_text(), kind, url, expires };
    Ok(json_answer(StatusCode::CREATED, &answer))
}

fn lifetime(hours: u64, longest: Duration) -> Result<Duration, Problem> {
    let lifetime = Duration::from_secs(hours.saturating_mul(3600));
    if hours == 0 || lifetime > longest {
        let detail =
            format!("hours has to be between 1 and {}, which is --max-link-lifetime.", longest.as_secs() / 3600);
        return Err(unfit(&detail));
    }
    Ok(lifetime)
}

fn unfit(detail: &str) -> Problem {
    problem(StatusCode::UNPROCESSABLE_ENTITY, "content", detail)
}

/// Returns the relay's address for browsers: the public one or, without it, the one that the request names.
fn address(context: &ApiContext, headers: &HeaderMap) -> String {
    if let Some(public) = &context.public_url {
        return public.to_string();
    }
    let scheme = if context.origins.transport == Transport::Tls { "https" } else { "http" };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    format!("{scheme}://{host}/")
}

/// Revokes a link by its id: one that the relay made, or one of another maker with that claim `jti`. Streams that it opened end within a
/// second.
#[utoipa::path(
    delete,
    path = "/api/v1/lines/{username}/links/{id}",
    tag = "links",
    operation_id = "revokeLink",
    params(
        ("username" = String, Path, description = "The username's text form", min_length = 1),
        ("id" = String, Path, description = "The link's id, which is its claim `jti`: 1 to 64 bytes", min_length = 1, max_length = 64),
    ),
    responses((status = 200, description = "The link is revoked, or was before", body = RevokedLink), Refusals, ChangeRefusals),
    security(("key" = ["links"])),
)]
pub(super) async fn revoke(
    caller: Caller<ChangeLinks>,
    State(context): State<Arc<ApiContext>>,
    Line(username): Line,
    LinkId(id): LinkId,
    uri: Uri,
) -> Result<Response, Problem> {
    parameters(&uri, &[])?;
    let database = context.database().await?;
    let known = book::of_line(&database, &username).await?.links.into_iter().find(|link| link.id == id);
    let now = SystemTime::now();
    // The end of another maker's link is not known; it is no later than any link's.
    let latest = unix_seconds(now).saturating_add(context.max_link_lifetime.as_secs());
    let expires = known.as_ref().map_or(latest, |link| link.expires);
    let mut change = database.change(Topic::Links).await?;
    if book::revoke_within(&mut change, (&username, &id), expires, unix_seconds(now)).await? {
        let deed = Deed::new(What::LinkRevoked).line(username.to_text()).detail(&id);
        audit::commit(change, &caller.actor(), &deed, now.into()).await?;
    } else {
        change.abandon().await?;
    }
    context.changed().await;
    let made_here = known.is_some_and(|link| link.made.is_some());
    Ok(json_answer(StatusCode::OK, &RevokedLink { id, made_here }))
}

/// Makes all links of a line void that were made until now, those of other makers too. Streams that they opened end within a second.
#[utoipa::path(
    post,
    path = "/api/v1/lines/{username}/void",
    tag = "links",
    operation_id = "voidLinks",
    params(("username" = String, Path, description = "The username's text form", min_length = 1)),
    responses((status = 200, description = "They are void", body = Void), Refusals, ChangeRefusals),
    security(("key" = ["links"])),
)]
pub(super) async fn void(
    caller: Caller<ChangeLinks>,
    State(context): State<Arc<ApiContext>>,
    Line(username): Line,
    uri: Uri,
) -> Result<Response, Problem> {
    parameters(&uri, &[])?;
    let database = context.database().await?;
    let mut change = database.change(Topic::Links).await?;
    let now = SystemTime::now();
    book::void_within(&mut change, &username, unix_seconds(now)).await?;
    let deed = Deed::new(What::LinksVoid).line(username.to_text());
    audit::commit(change, &caller.actor(), &deed, now.into()).await?;
    context.changed().await;
    let void_before = book::of_line(&database, &username).await?.void_before.unwrap_or(0);
    Ok(json_answer(StatusCode::OK, &Void { void_before: milliseconds(void_before) }))
}

fn milliseconds(seconds: u64) -> UnixMillis {
    UnixMillis::from_millis(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000))
}
