//! The relay's half of [`check`](crate::check): each step of the way to each relay by itself, up to the token.

use super::connect::Connector;
use super::error::ConnectError;
use crate::check::step::Step;
use crate::config::{RelayAddress, RelayConfig, UplinkTiming};
use crate::reach::Wanted;

/// Walks to each relay and tries its token. No hello is said, so that an agent that is already linked stays so.
pub async fn probe(config: &RelayConfig, timing: &UplinkTiming) -> Vec<Step> {
    let connector = Connector::new(config.clone(), timing.attempts.step_timeout);
    let mut steps = Vec::new();
    for address in connector.addresses() {
        if let Err(failed) = walk(&connector, address, &mut steps).await {
            steps.push(failed);
        }
    }
    steps
}

async fn walk(connector: &Connector, address: &RelayAddress, steps: &mut Vec<Step>) -> Result<(), Step> {
    let reached = connector.reach(address, Wanted::Survey).await;
    let reached = reached.map_err(|error| failed("relay reachable", address, &error))?;
    steps.push(Step::reached("relay reachable", address.host.to_string(), &reached.failed));
    let transport =
        connector.secure(address, reached.stream).await.map_err(|error| failed("relay's TLS", address, &error))?;
    if address.tls {
        steps.push(Step::passed("relay's TLS", "the certificate or key is trusted"));
    }
    let mut socket =
        connector.upgrade(address, transport).await.map_err(|error| failed("token accepted", address, &error))?;
    steps.push(Step::passed("token accepted", address.to_string()));
    // It has answered; whether it also takes part in a polite end changes nothing.
    let _ = socket.close(None).await;
    Ok(())
}

fn failed(name: &'static str, address: &RelayAddress, error: &ConnectError) -> Step {
    Step::failed(name, format!("{address}: {error}"), error.remedy())
}
