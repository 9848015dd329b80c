//! The relay's half of [`check`](crate::check): each step of the way to each relay by itself, up to the token.

use super::connect::Connector;
use super::error::ConnectError;
use crate::check::step::Step;
use crate::config::{RelayAddress, RelayConfig, Scheme, UplinkTiming};
use crate::reach::Wanted;

/// Walks to each relay and tries the token. No hello is said: an open uplink of a running agent stays.
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
    if address.scheme == Scheme::Wss {
        steps.push(Step::passed("relay's TLS", "the certificate or key is trusted"));
    }
    let mut socket =
        connector.upgrade(address, transport).await.map_err(|error| failed("token accepted", address, &error))?;
    steps.push(Step::passed("token accepted", address.to_string()));
    // The relay has answered; a failed goodbye changes nothing.
    let _ = socket.close(None).await;
    Ok(())
}

fn failed(name: &'static str, address: &RelayAddress, error: &ConnectError) -> Step {
    Step::failed(name, format!("{address}: {error}"), error.remedy())
}
