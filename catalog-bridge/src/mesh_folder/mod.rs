//! A mesh in a folder or a bucket, as a catalog of products.
//!
//! ```text
//! ObjectStore ──listing──▶ Listing ──reading──▶ ReadDocument ──assemble──▶ Mesh
//!                             │ only what changed      │ kept         │ swapped in as a whole
//! ```
//!
//! A picture never changes; a query keeps the one that it began with. When the store does not
//! answer, the last picture stays. Policies are not enforced yet, so a mesh that holds any is
//! refused, also when the first one appears while it is served.

mod assemble;
mod folder;
mod listing;
mod place;
mod reading;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use object_store::ObjectStore;
use object_store::path::Path;
use parking_lot::RwLock;
use samite_engine::catalog::ProductCatalog;
use samite_engine::product::Mesh;
use samite_engine::{Error, ErrorKind, Result};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use listing::{Listing, Outline, Stamp};
use place::MeshPlace;
use reading::{ReadDocument, Unread};

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
    /// The policy files, relative to the mesh.
    policies: BTreeSet<String>,
    outline: Outline,
}

/// A document as it was read last.
#[derive(Debug)]
struct Known {
    /// The state of the file; none if it could not be read in its present state.
    stamp: Option<Stamp>,
    document: Arc<ReadDocument>,
}

#[derive(Debug)]
enum Picture {
    Mesh(Arc<Mesh>),
    /// The mesh holds this policy file.
    Refused(String),
}

impl MeshFolder {
    /// Reads the mesh at `prefix` of `store` and keeps looking at it. `root` is the raw URI of the
    /// same place, from which relative paths in the documents are resolved.
    ///
    /// Must be called within a tokio runtime, which also runs the later looks.
    ///
    /// # Errors
    ///
    /// When the store does not answer, there is no mesh, or the mesh holds a policy, or may hold
    /// one where it cannot be listed.
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
            picture: RwLock::new(Picture::Mesh(Arc::default())),
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
    /// policies: the last picture stays. When the mesh holds a policy: then there is no picture
    /// until the policy is gone.
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

    /// The newest picture; an empty one while the mesh is refused.
    #[must_use]
    pub fn current(&self) -> Arc<Mesh> {
        match &*self.picture.read() {
            Picture::Mesh(mesh) => Arc::clone(mesh),
            Picture::Refused(_) => Arc::default(),
        }
    }

    async fn look(&self) -> Result<bool> {
        let mut memory = self.memory.lock().await;
        let mut listing = listing::list(&self.place).await?;
        // A policy that was there is still there as long as nobody can see that it is gone.
        memory.policies.retain(|policy| listing.outline.hides(policy));
        memory.policies.append(&mut listing.policies);
        if let Some(policy) = memory.policies.first() {
            *self.picture.write() = Picture::Refused(policy.clone());
            return Err(self.refused(policy));
        }
        if let Some(folder) = listing.outline.hidden_policies() {
            return Err(self.hidden(folder));
        }
        let has_changed = self.update(&mut memory.known, &listing).await;
        let was_refused = matches!(&*self.picture.read(), Picture::Refused(_));
        if !has_changed && !was_refused && memory.outline == listing.outline {
            return Ok(false);
        }
        memory.outline = listing.outline;
        let documents = memory.known.values().map(|known| &known.document);
        let mesh = assemble::assemble(&memory.outline, documents);
        tracing::info!(
            mesh = %self.place.shown(),
            products = mesh.products().count(),
            problems = mesh.problems.len(),
            "mesh was read"
        );
        *self.picture.write() = Picture::Mesh(Arc::new(mesh));
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

    fn refused(&self, policy: &str) -> Error {
        Error::new(
            ErrorKind::InvalidConfiguration,
            format!(
                "the mesh at \"{}\" holds policies, which are not enforced yet",
                self.place.shown()
            ),
        )
        .with_detail(format!("found {policy}"))
        .with_hint("remove every *.cedar file to serve the mesh open to everybody")
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
        match &*self.picture.read() {
            Picture::Mesh(mesh) => Ok(Arc::clone(mesh)),
            Picture::Refused(policy) => Err(self.refused(policy)),
        }
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
