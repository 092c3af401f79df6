//! Whether the server can be asked: looked at again and again, and told to whoever watches it.
//!
//! ```text
//! the mesh was seen lately?  a small query answers?  the spill folder can be written?
//!     └─▶ Health ─▶ /readyz, gRPC health
//! ```

use std::time::Duration;

use tokio::sync::watch;

use crate::mesh::Mesh;

/// The time between two looks.
const INTERVAL: Duration = Duration::from_secs(2);

/// The time for each thing that is looked at.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether queries are taken. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Health(watch::Sender<bool>);

impl Health {
    /// Of a server that has not begun.
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// True while queries are taken.
    pub(super) fn is_ready(&self) -> bool {
        *self.0.borrow()
    }

    /// Says whether queries are taken.
    pub(super) fn set(&self, is_ready: bool) {
        self.0.send_replace(is_ready);
    }

    /// Follows what is said.
    pub(super) fn follow(&self) -> watch::Receiver<bool> {
        self.0.subscribe()
    }

    /// Looks at the server again and again, for as long as it is polled.
    pub(super) async fn look(&self, mesh: &Mesh) {
        loop {
            tokio::time::sleep(INTERVAL).await;
            let ill = ill(mesh).await;
            if ill.is_none() == self.is_ready() {
                continue;
            }
            match &ill {
                Some(reason) => tracing::error!(reason, "not ready"),
                None => tracing::info!("ready again"),
            }
            self.set(ill.is_none());
        }
    }
}

/// What is wrong; nothing if all is well.
async fn ill(mesh: &Mesh) -> Option<String> {
    let unseen = mesh.unseen();
    if unseen > mesh.configuration().mesh_lost_after {
        return Some(format!("the mesh could not be looked at for {} s", unseen.as_secs()));
    }
    mesh.engine().check(PATIENCE).await.err().map(|error| error.to_line())
}
