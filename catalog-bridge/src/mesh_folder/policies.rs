//! The files of policies and the agreements of a mesh: read when they change.
//!
//! A file that cannot be read counts as broken, and one that cannot be seen as it was.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::{StreamExt, stream};
use object_store::ObjectStoreExt as _;
use samite_engine::product::Mesh;
use samite_engine::{Error, ErrorKind, Result};

use super::MeshPlace;
use super::listing::{ListedPolicy, Listing, Stamp};
use crate::documents::DOCUMENT_BYTES_MAX;
use crate::policy::{Policies, PolicyFile, PolicyLoader, policy_place};

/// How many files are waited for at once.
const READS_MAX: usize = 64;

/// What earlier looks found.
#[derive(Debug, Default)]
pub(super) struct KnownPolicies {
    files: BTreeMap<String, Known>,
    loader: PolicyLoader,
}

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

/// True if a mesh holds a file of policies.
pub(super) fn are_in(listing: &Listing) -> bool {
    listing.policies.keys().any(|file| policy_place(file).is_policy())
}

impl KnownPolicies {
    /// Reads what is new or changed and forgets what is gone; true if anything was.
    pub(super) async fn update(&mut self, place: &MeshPlace, listing: &Listing) -> bool {
        let count = self.files.len();
        // A policy that was there is still there as long as nobody can see that it is gone.
        let is_there =
            |file: &str| listing.policies.contains_key(file) || listing.outline.hides(file);
        self.files.retain(|file, _| is_there(file));
        let mut changed = self.files.len() != count;
        let is_stale = |file: &str, listed: &ListedPolicy| {
            self.files.get(file).and_then(|known| known.stamp.as_ref()) != Some(&listed.stamp)
        };
        let stale: Vec<(String, ListedPolicy)> = listing
            .policies
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
                    changed |= self.files.remove(&file).is_some();
                    continue;
                }
                Err(Unread::Unreadable) => Known { stamp: None, bytes: None },
            };
            let is_news = known.bytes.is_some()
                || self.files.get(&file).is_none_or(|known| known.bytes.is_some());
            changed |= is_news;
            self.files.insert(file, known);
        }
        changed
    }

    /// Makes decisions out of the files; their problems are those of the mesh.
    ///
    /// # Errors
    ///
    /// When no thread can be had to read them.
    pub(super) async fn load(&mut self, mesh: Mesh) -> Result<(Mesh, Policies)> {
        let files = self
            .files
            .iter()
            .map(|(file, known)| PolicyFile { file: file.clone(), bytes: known.bytes.clone() })
            .collect();
        let loaded = self.loader.clone().load(mesh.clone().into(), files).await;
        let (loader, policies, problems) = loaded.map_err(|error| {
            Error::new(ErrorKind::ResourcesExhausted, "the policies of the mesh cannot be read")
                .with_source(error)
        })?;
        self.loader = loader;
        let mut mesh = mesh;
        mesh.problems.extend(problems);
        mesh.problems
            .sort_by(|left, right| (&left.file, left.line).cmp(&(&right.file, right.line)));
        Ok((mesh, policies))
    }
}

async fn fetch(place: &MeshPlace, file: &str, listed: &ListedPolicy) -> Result<Bytes, Unread> {
    if listed.size > DOCUMENT_BYTES_MAX {
        tracing::warn!(file, size = listed.size, "policies are too large to be read");
        return Err(Unread::Unreadable);
    }
    let read = async { place.store.get(&listed.path).await?.bytes().await };
    match tokio::time::timeout(place.answer_timeout, read).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(object_store::Error::NotFound { .. })) => Err(Unread::Gone),
        Ok(Err(error)) => {
            tracing::warn!(file, %error, "policies cannot be read");
            Err(Unread::Unreadable)
        }
        Err(_) => {
            tracing::warn!(file, "policies were not read in time");
            Err(Unread::Unreadable)
        }
    }
}
