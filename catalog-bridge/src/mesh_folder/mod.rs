//! A mesh in a folder or a bucket, as a catalog of products.
//!
//! ```text
//! ObjectStore ──listing──▶ Listing ──reading──▶ ReadDocument ──assemble──▶ Mesh
//!                             │ only what changed      │ kept         │ swapped in as a whole
//! ```
//!
//! A picture never changes; a query keeps the one that it began with. When the store does not
//! answer, the last picture stays. Policies are read with the documents and decide from the next
//! statement on; the folder is the authorizer of its own mesh.

mod assemble;
mod folder;
mod known_files;
mod listing;
mod place;
mod policies;
mod queries;
mod reading;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use object_store::ObjectStore;
use object_store::path::Path;
use parking_lot::RwLock;
use samite_engine::authorizer::{AccessRequest, Action, Authorizer, Decision, Forbids};
use samite_engine::catalog::ProductCatalog;
use samite_engine::product::{DataProduct, Mesh};
use samite_engine::resolve::check_views;
use samite_engine::{Error, ErrorKind, Result};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use known_files::KnownFiles;
use listing::{Listing, Outline, Stamp};
use place::MeshPlace;
use policies::KnownPolicies;
use queries::KnownQueries;
use reading::{ReadDocument, Unread};

use crate::policy::Policies;
use crate::semantics;

/// The longest that one look at a mesh may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(120);

/// The shortest time between two looks at a mesh.
const REFRESH_MIN: Duration = Duration::from_millis(10);

/// How a mesh is read.
#[derive(Debug, Clone)]
pub struct MeshFolderOptions {
    /// What `${VAR}` in the servers of a contract may resolve to; nothing else does. Default: none.
    pub variables: BTreeMap<String, String>,
    /// How often the mesh is looked at for changes. Default: 10 s.
    pub refresh: Duration,
    /// The longest that the listing of one domain, or the reading of one document, may take: what
    /// takes longer is a problem, and the others are served. Default: 20 s.
    pub answer_timeout: Duration,
}

impl Default for MeshFolderOptions {
    fn default() -> Self {
        Self {
            variables: BTreeMap::new(),
            refresh: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(20),
        }
    }
}

/// A mesh in a folder or a bucket.
#[derive(Debug)]
pub struct MeshFolder {
    place: Arc<MeshPlace>,
    variables: Arc<BTreeMap<String, String>>,
    /// What was read so far; the lock lets one look at a time pass.
    memory: Mutex<Memory>,
    picture: RwLock<Picture>,
    /// When a look last went well.
    seen: parking_lot::Mutex<Instant>,
    /// Looks at the mesh again and again, and ends with the folder.
    task: parking_lot::Mutex<JoinSet<()>>,
}

/// What earlier looks found.
#[derive(Debug, Default)]
struct Memory {
    /// The documents, by file relative to the mesh.
    known: BTreeMap<String, Known>,
    policies: KnownPolicies,
    definitions: KnownFiles,
    queries: KnownQueries,
    outline: Outline,
    /// True while the picture shows less than what was found.
    is_ahead: bool,
}

/// A document as it was read last.
#[derive(Debug)]
struct Known {
    /// The state of the file; none if it could not be read in its present state.
    stamp: Option<Stamp>,
    document: Arc<ReadDocument>,
}

/// A mesh and what decides on it, of one moment.
#[derive(Debug)]
struct Picture {
    mesh: Arc<Mesh>,
    policies: Arc<Policies>,
    /// Another number for other policies.
    revision: u64,
}

impl MeshFolder {
    /// Reads the mesh at `prefix` of `store` and keeps looking at it. `root` is the raw URI of the
    /// same place, from which relative paths in the documents are resolved.
    ///
    /// Must be called within a tokio runtime, which also runs the later looks.
    ///
    /// # Errors
    ///
    /// When the store does not answer, there is no mesh, or the mesh may hold a policy where it
    /// cannot be listed.
    pub async fn open(
        store: Arc<dyn ObjectStore>,
        prefix: Path,
        root: String,
        options: MeshFolderOptions,
    ) -> Result<Arc<Self>> {
        let folder = Arc::new(Self {
            place: Arc::new(MeshPlace::new(store, prefix, &root, options.answer_timeout)),
            variables: Arc::new(options.variables),
            memory: Mutex::default(),
            picture: RwLock::new(Picture {
                mesh: Arc::default(),
                policies: Arc::new(Policies::open()),
                revision: 0,
            }),
            seen: parking_lot::Mutex::new(Instant::now()),
            task: parking_lot::Mutex::default(),
        });
        folder.refresh().await?;
        let refresh = options.refresh.max(REFRESH_MIN);
        folder.task.lock().spawn(keep_looking(Arc::downgrade(&folder), refresh));
        Ok(folder)
    }

    /// Looks at the mesh now, reads what changed, and swaps in a new picture; true if there is one.
    ///
    /// # Errors
    ///
    /// When the store does not answer, holds no mesh any more, or hides a folder that may hold
    /// policies: the last picture stays.
    pub async fn refresh(&self) -> Result<bool> {
        let looked = tokio::time::timeout(LOOK_TIMEOUT, self.look()).await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::SourceUnavailable,
                format!("the mesh at \"{}\" does not answer", self.place.shown()),
            ))
        });
        if looked.is_ok() {
            *self.seen.lock() = Instant::now();
        }
        looked
    }

    /// How long ago a look at the mesh last went well.
    #[must_use]
    pub fn unseen(&self) -> Duration {
        self.seen.lock().elapsed()
    }

    /// The newest picture.
    #[must_use]
    pub fn current(&self) -> Arc<Mesh> {
        Arc::clone(&self.picture.read().mesh)
    }

    /// What decides now.
    #[must_use]
    pub fn policies(&self) -> Arc<Policies> {
        Arc::clone(&self.picture.read().policies)
    }

    async fn look(&self) -> Result<bool> {
        let mut memory = self.memory.lock().await;
        let listing = listing::list(&self.place).await?;
        if let Some(folder) = listing.outline.hidden_policies() {
            // The first policy closes the mesh, even if not all of them can be seen.
            if policies::are_in(&listing) && self.policies().is_open() {
                let mut picture = self.picture.write();
                picture.policies = Arc::new(Policies::closed());
                picture.revision += 1;
                drop(picture);
                memory.is_ahead = true;
            }
            return Err(self.hidden(folder));
        }
        let memory = &mut *memory;
        memory.is_ahead |= memory.outline != listing.outline;
        memory.is_ahead |= self.update(&mut memory.known, &listing).await;
        memory.is_ahead |= memory.policies.update(&self.place, &listing).await;
        let definitions = &listing.definitions;
        memory.is_ahead |=
            memory.definitions.update(&self.place, definitions, &listing.outline).await;
        let documents = memory.known.values().map(|known| &known.document);
        memory.is_ahead |= memory.queries.update(&self.place, &listing, documents).await;
        if !memory.is_ahead {
            return Ok(false);
        }
        memory.outline = listing.outline;
        let documents = memory.known.values().map(|known| &known.document);
        let mut mesh = assemble::assemble(&memory.outline, documents, &memory.queries);
        semantics::define(&mut mesh, memory.definitions.iter());
        check_views(&mut mesh, Utc::now());
        let (mesh, policies) = memory.policies.load(mesh).await?;
        tracing::info!(
            mesh = %self.place.shown(),
            products = mesh.products().count(),
            problems = mesh.problems.len(),
            "mesh was read"
        );
        let mut picture = self.picture.write();
        if policies.is_open() && !picture.policies.is_open() {
            tracing::warn!(mesh = %self.place.shown(), "the last policy is gone: everybody may read everything");
        }
        let revision = picture.revision + 1;
        *picture = Picture { mesh: Arc::new(mesh), policies: Arc::new(policies), revision };
        memory.is_ahead = false;
        Ok(true)
    }

    /// Reads what is new or changed and forgets what is gone; true if anything was.
    async fn update(&self, known: &mut BTreeMap<String, Known>, listing: &Listing) -> bool {
        let count = known.len();
        known.retain(|file, _| listing.documents.contains_key(file) || listing.outline.hides(file));
        let mut changed = known.len() != count;
        let stale: Vec<_> = listing
            .documents
            .iter()
            .filter(|(file, listed)| {
                known.get(*file).and_then(|known| known.stamp.as_ref()) != Some(&listed.stamp)
            })
            .map(|(file, listed)| (file.clone(), listed.clone()))
            .collect();
        for (file, read) in reading::read(&self.place, stale, &self.variables).await {
            let Some(listed) = listing.documents.get(&file) else { continue };
            match read {
                Ok(document) => {
                    let stamp = Some(listed.stamp.clone());
                    known.insert(file, Known { stamp, document });
                    changed = true;
                }
                Err(Unread::Gone) => changed |= known.remove(&file).is_some(),
                // What was read before is better than nothing; the file is tried again next time.
                Err(Unread::Unreadable) => {
                    if let Some(known) = known.get_mut(&file) {
                        known.stamp = None;
                        continue;
                    }
                    let document = Arc::new(reading::unreadable(&file, listed));
                    known.insert(file, Known { stamp: None, document });
                    changed = true;
                }
            }
        }
        changed
    }

    fn hidden(&self, folder: &str) -> Error {
        let root = self.place.shown();
        Error::new(
            ErrorKind::SourceUnavailable,
            format!("folder \"{folder}\" of the mesh at \"{root}\" cannot be listed"),
        )
        .with_detail("policies in it could not be seen")
        .with_hint("check that it may be read and that it is no link out of the mesh")
    }
}

#[async_trait]
impl ProductCatalog for MeshFolder {
    async fn mesh(&self) -> Result<Arc<Mesh>> {
        Ok(self.current())
    }

    fn agreed_purposes(
        &self,
        provider: &DataProduct,
        consumer: &DataProduct,
        now: DateTime<Utc>,
    ) -> Vec<String> {
        self.policies().agreed_purposes(provider, consumer, now)
    }
}

#[async_trait]
impl Authorizer for MeshFolder {
    fn is_open(&self) -> bool {
        self.policies().is_open()
    }

    fn allows(&self, action: Action, request: &AccessRequest<'_>) -> bool {
        self.policies().allows(action, request)
    }

    fn absent(&self, request: &AccessRequest<'_>) -> BTreeSet<String> {
        self.policies().absent(request)
    }

    fn forbids(&self, request: &AccessRequest<'_>) -> Forbids {
        self.policies().forbids(request)
    }

    fn revision(&self) -> u64 {
        self.picture.read().revision
    }

    async fn decide(&self, request: &AccessRequest<'_>, columns: &[&str]) -> Result<Decision> {
        let policies = self.policies();
        policies.decide(request, columns).await
    }
}

async fn keep_looking(folder: Weak<MeshFolder>, refresh: Duration) {
    loop {
        tokio::time::sleep(refresh).await;
        let Some(folder) = folder.upgrade() else { return };
        if let Err(error) = folder.refresh().await {
            tracing::warn!(error = ?error, "mesh could not be refreshed");
        }
    }
}
