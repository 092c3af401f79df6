//! The guard of this machine's files: every path is looked at again when it is opened.
//!
//! A location is checked when it is resolved, but what a table's folder holds may be a link; so the
//! store itself follows the links of each file before it reads it. A good verdict counts for a
//! moment, since one scan opens a file several times.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::object_store::path::Path;
use datafusion::object_store::{Error, Result};
use parking_lot::Mutex;

use super::locations::{AllowList, refusal};

/// How long a good verdict counts.
const VERDICT_AGE_MAX: Duration = Duration::from_secs(2);

/// How many verdicts are kept.
const VERDICTS_MAX: usize = 16_384;

/// Decides which files of this machine may be opened.
#[derive(Debug)]
pub(super) struct LocalGuard {
    allow: Arc<AllowList>,
    verdicts: Mutex<HashMap<Path, Instant>>,
}

impl LocalGuard {
    pub(super) fn new(allow: Arc<AllowList>) -> Self {
        Self { allow, verdicts: Mutex::new(HashMap::new()) }
    }

    /// Refuses a path that leads out of the allowed folders.
    ///
    /// # Errors
    ///
    /// `PermissionDenied`, with Samite's own error as its source.
    pub(super) async fn check(&self, path: &Path) -> Result<()> {
        if self.verdicts.lock().get(path).is_some_and(|at| at.elapsed() < VERDICT_AGE_MAX) {
            return Ok(());
        }
        let allow = Arc::clone(&self.allow);
        let file = file_path(path);
        // A thread without a runtime is there to block.
        let is_allowed = match tokio::runtime::Handle::try_current() {
            Err(_) => allow.holds_file(&file),
            Ok(runtime) => runtime
                .spawn_blocking(move || allow.holds_file(&file))
                .await
                .map_err(|error| Error::JoinError { source: error })?,
        };
        if !is_allowed {
            let source = Box::new(refusal(&format!("file:///{path}")));
            return Err(Error::PermissionDenied { path: path.to_string(), source });
        }
        let mut verdicts = self.verdicts.lock();
        if verdicts.len() >= VERDICTS_MAX {
            verdicts.clear();
        }
        verdicts.insert(path.clone(), Instant::now());
        Ok(())
    }
}

/// The file that a path of the local store means: the store's root is the machine's.
fn file_path(path: &Path) -> PathBuf {
    let mut file = PathBuf::from("/");
    file.push(path.as_ref());
    file
}
