//! Attacks beside the churn, one after another, from one address and from many.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use tests::attacks::{Attack, Door, Flood, address};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The attacks without seats: a soak's viewers are to lose nothing.
const ATTACKS: [Attack; 7] = [
    Attack::ManyHalfHandshakes,
    Attack::HalfHellos,
    Attack::Silent,
    Attack::IdleRequests,
    Attack::IdleWebSockets,
    Attack::HalfHeaders,
    Attack::ForgedTokens,
];
/// How long each one lasts.
const EACH: Duration = Duration::from_secs(10);
/// From so many addresses, in turn.
const ADDRESSES: [usize; 2] = [1, 50];
/// Of an attack's full pace, this part: the churn needs the processors too.
const PARTS: usize = 4;

/// Strangers at work.
pub(crate) struct Strangers {
    attempts: Arc<AtomicUsize>,
    task: JoinHandle<anyhow::Error>,
}

impl Strangers {
    /// Begins to attack.
    pub(crate) fn attack(door: Door) -> Self {
        let attempts = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(attack_in_turn(door, Arc::clone(&attempts)));
        Self { attempts, task }
    }

    /// Ends every attack. Returns the number of attempts.
    ///
    /// # Errors
    /// Where an attack could not begin.
    pub(crate) async fn leave(self) -> Result<usize> {
        self.task.abort();
        match self.task.await {
            Ok(fault) => Err(fault),
            Err(_) => Ok(self.attempts.load(Ordering::Relaxed)),
        }
    }
}

async fn attack_in_turn(door: Door, attempts: Arc<AtomicUsize>) -> anyhow::Error {
    let held = AtomicUsize::new(0);
    for (attack, addresses) in
        ATTACKS.into_iter().cycle().zip(ADDRESSES.into_iter().flat_map(|n| [n; ATTACKS.len()]).cycle())
    {
        let sources: Vec<Ipv4Addr> = (0..addresses).map(|nth| address([127, 7], nth)).collect();
        let flood = Flood {
            attack,
            pace: attack.pace().part(PARTS),
            door: &door,
            sources: &sources,
            watch: &Value::Null,
            on: Handle::current(),
            attempts: &attempts,
            held: &held,
        };
        if let Ok(fault) = timeout(EACH, flood.run()).await {
            return fault;
        }
    }
    std::future::pending().await
}
