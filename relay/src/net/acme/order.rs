//! One order: the names, a proof for each, and the certificate in the end.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use instant_acme::{
    Account, AuthorizationHandle, AuthorizationStatus, ChallengeType, Identifier, NewOrder, Order, OrderStatus,
    RetryPolicy,
};

use super::super::proofs::Proofs;
use super::client::words;

/// How often, and for how long, the authority is asked whether it is done.
const POLLING: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(500)).backoff(1.5).timeout(Duration::from_secs(120));

/// A certificate chain and its key, in PEM.
pub(super) struct Issued {
    pub(super) key: String,
    pub(super) chain: String,
}

/// Takes the proofs away at any end of an order.
struct Offered<'a>(&'a Proofs);

impl Drop for Offered<'_> {
    fn drop(&mut self) {
        self.0.clear();
    }
}

/// Orders a certificate, and proves its names.
///
/// # Errors
/// Where the authority refuses or does not answer, in its words.
pub(super) async fn issue(account: &Account, names: &[String], proofs: &Proofs, wants_http: bool) -> Result<Issued> {
    let _offered = Offered(proofs);
    let identifiers: Vec<Identifier> = names.iter().cloned().map(Identifier::Dns).collect();
    let order = account.new_order(&NewOrder::new(&identifiers)).await;
    let mut order = order.map_err(words).context("the order")?;
    prove(&mut order, proofs, wants_http).await?;
    let status = order.poll_ready(&POLLING).await;
    match status {
        Ok(OrderStatus::Ready) => {}
        Ok(status) => bail!("the authority did not find the proof: {}", refusal(&mut order, status).await),
        Err(error) => return Err(words(error)).context("the proof"),
    }
    let key = order.finalize().await.map_err(words).context("the certificate's order")?;
    let chain = order.poll_certificate(&POLLING).await.map_err(words).context("the certificate")?;
    Ok(Issued { key, chain })
}

async fn prove(order: &mut Order, proofs: &Proofs, wants_http: bool) -> Result<()> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(words).context("a name's authorization")?;
        match authorization.status {
            AuthorizationStatus::Valid => {}
            AuthorizationStatus::Pending => offer(&mut authorization, proofs, wants_http).await?,
            status => bail!("a name's authorization is {status:?}"),
        }
    }
    Ok(())
}

/// Offers the proof of one name, and tells the authority to look.
async fn offer<'a>(authorization: &'a mut AuthorizationHandle<'a>, proofs: &Proofs, wants_http: bool) -> Result<()> {
    let name = authorization.identifier().to_string();
    let (kind, called) = if wants_http {
        (ChallengeType::Http01, "HTTP-01")
    } else {
        (ChallengeType::TlsAlpn01, "TLS-ALPN-01; give --acme-http for HTTP-01")
    };
    let is_offered = authorization.challenges.iter().any(|challenge| challenge.r#type == kind);
    ensure!(is_offered, "the authority does not take a proof of {name} by {called}");
    let Some(mut challenge) = authorization.challenge(kind) else { return Ok(()) };
    let proof = challenge.key_authorization();
    if wants_http {
        proofs.offer_text(&challenge.token, proof.as_str());
    } else {
        proofs.offer_certificate(&name, proof.digest().as_ref())?;
    }
    challenge.set_ready().await.map_err(words).with_context(|| format!("the proof of {name}"))
}

/// Returns the authority's reasons for an order that is not ready.
async fn refusal(order: &mut Order, status: OrderStatus) -> String {
    let mut reasons = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        let errors = state.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
        reasons.extend(errors.map(ToString::to_string));
    }
    if reasons.is_empty() { format!("the order is {status:?}") } else { reasons.join("; ") }
}
