//! The wallboard's token, as every request needs it: a copy in memory of the store's, and its changes.

use std::sync::Arc;

use anyhow::Result;
use parking_lot::RwLock;

use crate::operators::secret::Hash;
use crate::store::database::copies::Load;
use crate::store::database::{Change, Database, Topic};

/// The token's hash; none where there is no wallboard.
#[derive(Debug, Default)]
pub struct WallToken {
    // Held for a look, and to put a changed token in place.
    hash: RwLock<Option<Hash>>,
}

impl WallToken {
    /// Returns the loader of the copy in memory.
    pub fn copy(self: &Arc<Self>) -> (Topic, Load) {
        let token = Arc::clone(self);
        let load: Load = Box::new(move |database| {
            let token = Arc::clone(&token);
            Box::pin(async move {
                *token.hash.write() = read(database).await?;
                Ok(())
            })
        });
        (Topic::Wall, load)
    }

    /// True if this text is the token.
    pub(super) fn is(&self, shown: &str) -> bool {
        let hash = *self.hash.read();
        hash.is_some() && Hash::of_shown(shown) == hash
    }
}

async fn read(database: &Database) -> Result<Option<Hash>> {
    let hash = sqlx::query_scalar::<_, String>("SELECT hash FROM wall").fetch_optional(database.pool()).await?;
    hash.as_deref().map(Hash::from_text).transpose()
}

/// Puts another token in place of the present one, within a change of [`Topic::Wall`]; `None` leaves no token.
///
/// # Errors
/// The store takes no change.
pub(super) async fn replace(change: &mut Change, hash: Option<Hash>, maker: &str, now: i64) -> Result<()> {
    change.execute("DELETE FROM wall").await?;
    if let Some(hash) = hash {
        sqlx::query("INSERT INTO wall (id, hash, maker, made) VALUES (1, $1, $2, $3)")
            .bind(hash.to_text())
            .bind(maker)
            .bind(now)
            .execute(change.connection())
            .await?;
    }
    Ok(())
}
