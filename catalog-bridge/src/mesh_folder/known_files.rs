//! Small files of a mesh that are no documents of a product (policies, agreements, definitions, queries): read
//! when they change.
//!
//! A file that cannot be read counts as broken, and one that cannot be seen as it was.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::{StreamExt, stream};
use object_store::ObjectStoreExt as _;
use samite_engine::Result;

use super::MeshPlace;
use super::listing::{ListedFile, Outline, Stamp};
use crate::documents::DOCUMENT_BYTES_MAX;

/// How many files are waited for at once.
const READS_MAX: usize = 64;

/// The files that earlier looks found, by file relative to the mesh.
#[derive(Debug, Default)]
pub(super) struct KnownFiles(BTreeMap<String, Known>);

/// A file as it was read last.
#[derive(Debug)]
struct Known {
    /// The state of the file; none if it could not be read in its present state.
    stamp: Option<Stamp>,
    bytes: Option<Bytes>,
}

/// Why there are no bytes.
enum Unread {
    /// The file went away after it was listed.
    Gone,
    Unreadable,
}

impl KnownFiles {
    /// The files, each with what is in it; `None` if it cannot be read.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Option<&Bytes>)> {
        self.0.iter().map(|(file, known)| (file.as_str(), known.bytes.as_ref()))
    }

    /// What is in a file; `None` if there is none, and in it `None` if it cannot be read.
    pub(super) fn get(&self, file: &str) -> Option<Option<&Bytes>> {
        self.0.get(file).map(|known| known.bytes.as_ref())
    }

    /// Reads what is new or changed and forgets what is gone; true if anything was.
    pub(super) async fn update(
        &mut self,
        place: &MeshPlace,
        listed: &BTreeMap<String, ListedFile>,
        outline: &Outline,
    ) -> bool {
        let count = self.0.len();
        // A file that was there is still there as long as nobody can see that it is gone.
        self.0.retain(|file, _| listed.contains_key(file) || outline.hides(file));
        let mut changed = self.0.len() != count;
        let is_stale = |file: &str, listed: &ListedFile| {
            self.0.get(file).and_then(|known| known.stamp.as_ref()) != Some(&listed.stamp)
        };
        let stale: Vec<(String, ListedFile)> = listed
            .iter()
            .filter(|(file, listed)| is_stale(file, listed))
            .map(|(file, listed)| (file.clone(), listed.clone()))
            .collect();
        let read: Vec<_> = stream::iter(stale)
            .map(|(file, listed)| async move {
                let read = fetch(place, &file, &listed).await;
                (file, listed, read)
            })
            .buffer_unordered(READS_MAX)
            .collect()
            .await;
        for (file, listed, read) in read {
            let known = match read {
                Ok(bytes) => Known { stamp: Some(listed.stamp), bytes: Some(bytes) },
                Err(Unread::Gone) => {
                    changed |= self.0.remove(&file).is_some();
                    continue;
                }
                Err(Unread::Unreadable) => Known { stamp: None, bytes: None },
            };
            let is_news = known.bytes.is_some()
                || self.0.get(&file).is_none_or(|known| known.bytes.is_some());
            changed |= is_news;
            self.0.insert(file, known);
        }
        changed
    }
}

async fn fetch(place: &MeshPlace, file: &str, listed: &ListedFile) -> Result<Bytes, Unread> {
    if listed.size > DOCUMENT_BYTES_MAX {
        tracing::warn!(file, size = listed.size, "file of the mesh is too large to be read");
        return Err(Unread::Unreadable);
    }
    let read = async { place.store.get(&listed.path).await?.bytes().await };
    match tokio::time::timeout(place.answer_timeout, read).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(object_store::Error::NotFound { .. })) => Err(Unread::Gone),
        Ok(Err(error)) => {
            tracing::warn!(file, %error, "file of the mesh cannot be read");
            Err(Unread::Unreadable)
        }
        Err(_) => {
            tracing::warn!(file, "file of the mesh was not read in time");
            Err(Unread::Unreadable)
        }
    }
}
