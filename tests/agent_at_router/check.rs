//! The walk of `linelight-agent check` to a router, over real sockets.

use std::net::SocketAddr;

use agent::check::Step;
use agent::config::{HostPort, RouterConfig, Secret, SecretSource, Timing};
use agent::router::{Reach, probe};
use agent::tls::{Pin, Trust};
use tests::simulated_router::{Setup, SimulatedRouter, Tls};

async fn walk(address: Option<SocketAddr>, pin: Option<&str>) -> Vec<Step> {
    let config = RouterConfig {
        address: HostPort::new("127.0.0.1".to_owned(), address.unwrap().port()),
        user: "linelight".to_owned(),
        password: SecretSource::Value(Secret::new(b"simulated")),
        trust: pin.map(|pin| Trust::Pins(vec![Pin::parse(pin).unwrap()])),
    };
    probe(&config, &Timing::default(), Reach::Rates).await
}

async fn router(tls: Tls) -> SimulatedRouter {
    SimulatedRouter::start(Setup { tls, ..Setup::concentrator(5) }).await.unwrap()
}

#[tokio::test]
async fn goes_as_far_as_the_rates() {
    let router = router(Tls::Certificate).await;
    for (address, pin) in [(router.address(), None), (router.tls_address(), router.spki_pin_hex())] {
        let steps = walk(address, pin.as_deref()).await;
        assert_eq!(steps.iter().map(|step| step.name).collect::<Vec<_>>(), ["router", "login", "sessions", "rates"]);
        assert!(!steps.iter().any(Step::is_failed), "{steps:?}");
    }
}

#[tokio::test]
async fn ends_at_another_key_than_the_pinned_one_and_shows_it() {
    let router = router(Tls::Certificate).await;
    let steps = walk(router.tls_address(), Some(&"0".repeat(64))).await;
    let key = Pin::parse(&router.spki_pin_hex().unwrap()).unwrap();
    let [step] = steps.as_slice() else { panic!("{steps:?}") };
    assert!(step.is_failed() && step.to_string().contains(&key.to_string()), "{step}");
}

#[tokio::test]
async fn ends_at_api_ssl_without_a_certificate_and_says_so() {
    let router = router(Tls::NoCertificate).await;
    let steps = walk(router.tls_address(), Some(&"0".repeat(64))).await;
    let [step] = steps.as_slice() else { panic!("{steps:?}") };
    assert!(step.is_failed() && step.to_string().contains("certificate"), "{step}");
}
