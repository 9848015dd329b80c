//! Each step of `check` at the router, against a fake over a real socket.

use std::rc::Rc;

use agent::check::Step;
use agent::config::{HostPort, RouterConfig, Secret, SecretSource};
use agent::router::{Reach, probe};
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};

use crate::fake::{Fake, Rig};
use crate::{ALI, ALICE};

/// Walks to a fake over a real socket, or to a closed port.
async fn steps_against(fake: Option<Rc<Fake>>, reach: Reach) -> Vec<Step> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let rig = Rig::new(&[]);
    let config = RouterConfig {
        address: HostPort::new("127.0.0.1".to_owned(), port),
        user: "linelight".to_owned(),
        password: SecretSource::Value(Secret::new(b"secret")),
        trust: None,
    };
    let walk = async {
        match fake {
            None => drop(listener),
            Some(fake) => drop(spawn_local(async move {
                let (stream, _) = listener.accept().await.unwrap();
                fake.serve(stream).await;
            })),
        }
        probe(&config, &rig.timing, reach).await
    };
    LocalSet::new().run_until(walk).await
}

#[tokio::test]
async fn check_walks_to_the_rates() {
    for (reach, names, monitors) in [
        (Reach::Rates, &["router", "login", "sessions", "rates"][..], 1),
        (Reach::Sessions, &["router", "login", "sessions"], 0),
    ] {
        let fake = Rc::new(Fake::default());
        fake.sessions.borrow_mut().extend([ALI, ALICE]);
        let steps = steps_against(Some(Rc::clone(&fake)), reach).await;
        assert_eq!(steps.iter().map(|step| step.name).collect::<Vec<_>>(), names);
        assert!(steps.iter().all(|step| step.to_string().starts_with("ok")), "{steps:?}");
        let said = fake.last("/interface/monitor-traffic");
        assert_eq!(fake.count("/interface/monitor-traffic"), monitors);
        assert!(said.is_none_or(|words| words == "/interface/monitor-traffic =interface=*F00001 =once="));
    }
}

#[tokio::test]
async fn check_stops_where_the_way_ends_and_says_what_to_do() {
    let steps = steps_against(None, Reach::Rates).await;
    assert_eq!(steps.len(), 1);
    assert!(
        steps[0].is_failed() && steps[0].to_string().contains("refused the connection; enable api"),
        "{}",
        steps[0]
    );
    for (command, message, failed, remedy) in [
        ("/login", "=message=invalid user name or password (6)", "login", "password"),
        ("/interface/pppoe-server/print", "=message=not enough permissions (9)", "sessions", "policies read and api"),
        ("/interface/monitor-traffic", "=message=not enough permissions (9)", "rates", "test"),
    ] {
        let fake = Fake::default();
        fake.sessions.borrow_mut().push(ALI);
        fake.answers.borrow_mut().insert(command, vec![vec!["!trap", message], vec!["!done"]]);
        let steps = steps_against(Some(Rc::new(fake)), Reach::Rates).await;
        let last = steps.last().unwrap();
        assert_eq!((last.name, last.is_failed()), (failed, true), "{steps:?}");
        assert!(last.to_string().contains(remedy), "{last}");
    }
}
