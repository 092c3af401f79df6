//! Where a mesh lies, and what a path of its store means within it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use object_store::path::Path;

use crate::redact::without_secrets;

/// Where a mesh lies.
#[derive(Debug)]
pub(super) struct MeshPlace {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) prefix: Path,
    /// The raw URI, without a slash at the end.
    pub(super) root: String,
    /// The longest that one tree may take to be listed, or one document to be read.
    pub(super) answer_timeout: Duration,
}

impl MeshPlace {
    pub(super) fn new(
        store: Arc<dyn ObjectStore>,
        prefix: Path,
        root: &str,
        answer_timeout: Duration,
    ) -> Self {
        Self { store, prefix, root: root.trim_end_matches('/').to_owned(), answer_timeout }
    }

    /// The path relative to the mesh. Stores hand paths over as they are: a `%` stands for itself.
    pub(super) fn file_of<'p>(&self, path: &'p Path) -> Option<&'p str> {
        let file = path.as_ref().strip_prefix(self.prefix.as_ref())?;
        if file.is_empty() || self.prefix.as_ref().is_empty() {
            return Some(file);
        }
        file.strip_prefix('/')
    }

    /// The folder of the mesh, if it lies on this machine.
    pub(super) fn local_folder(&self) -> Option<PathBuf> {
        self.root.strip_prefix("file://").map(PathBuf::from)
    }

    /// True if opening a file waits for this machine alone.
    pub(super) fn is_local(&self) -> bool {
        self.root.starts_with("file://")
    }

    /// The root as it may stand in a message.
    pub(super) fn shown(&self) -> String {
        without_secrets(&self.root)
    }
}
