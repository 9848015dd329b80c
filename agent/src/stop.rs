//! The word to stop, from the signal handler to the uplink's task. Once given, the word stays given.

use tokio::sync::watch;

/// Gives the word; a drop gives the word too.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Hears the word.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// Makes a pair.
pub fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Gives the word.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Waits until the word is given.
    pub async fn told(&self) {
        // An error means a dropped giver.
        let _ = self.0.clone().wait_for(|told| *told).await;
    }

    /// Whether the word was given.
    pub fn is_told(&self) -> bool {
        *self.0.borrow()
    }
}
