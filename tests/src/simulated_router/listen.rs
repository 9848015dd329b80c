//! `listen`: the changes of a menu, without a snapshot and without an end.

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::call::Call;
use super::menus::Menu;
use super::print::Properties;
use super::sentence::{Reply, Trap};
use super::state::Change;

/// Carries out a `listen`.
pub(crate) async fn listen(call: &Call, menu: Menu) -> Result<(), Trap> {
    if menu.is_single() || call.core.read(|state| state.misbehaviour.no_listen) {
        return Err(Trap::no_such_command());
    }
    call.check_parameters(&[".proplist"])?;
    // Subscribed before the stream is in the record: a test that has seen the stream misses no change.
    let ((), changes) = call.core.read_and_follow(|_, _| ());
    let _stream = call.begin_stream(Vec::new());
    follow(call, menu, changes).await;
    Ok(())
}

/// Reports every change of the menu until the command is cancelled. A slow client loses changes.
pub(crate) async fn follow(call: &Call, menu: Menu, mut changes: Receiver<Change>) {
    let properties = Properties::of(&call.sentence);
    loop {
        match changes.recv().await {
            Ok(change) if change.menu == menu => tell(call, &properties, change).await,
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// The changed row; of a removed one only the id, and `true` where MikroTik's page says `yes`.
async fn tell(call: &Call, properties: &Properties, change: Change) {
    let reply = match change.row {
        Some(row) => call.core.read(|state| properties.show(state, row)).map(Reply::row),
        None => Some(dead(&change.id)),
    };
    if let Some(reply) = reply {
        call.reply(&reply).await;
    }
}

/// The frame of a removed item.
pub(crate) fn dead(id: &str) -> Reply {
    Reply::new("!re").with(".id", id).with(".dead", "true")
}
