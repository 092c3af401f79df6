//! Which documents and which policies a mesh holds, without reading them.
//!
//! ```text
//! MESH/domains/<domain>/**.odps.yaml, **.odcs.yaml     documents
//! MESH/**.cedar                                        policies
//! ```
//!
//! Each domain is listed by itself; where that fails, folder by folder, so that one that cannot be
//! listed hides nothing but what lies in it.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;
use object_store::path::Path;
use samite_engine::{Error, ErrorKind, Result};

use super::MeshPlace;
use crate::documents::Kind;
use crate::translate::raw_path;

/// How many folders are listed at once.
const LISTINGS_MAX: usize = 16;

/// How many folders of a tree are listed one by one, and how deep: links can lead in circles.
const FOLDERS_MAX: usize = 10_000;
const DEPTH_MAX: usize = 16;

/// The name of folders that hold policies: what is in them is never guessed.
const POLICIES: &str = "policies";

/// What tells one state of a file from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u64,
    modified_ns: Option<i64>,
    e_tag: Option<String>,
}

/// One document that is there.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) path: Path,
    pub(super) kind: Kind,
    pub(super) domain: String,
    pub(super) size: u64,
    pub(super) stamp: Stamp,
}

/// What a mesh holds at one moment.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The documents, by file relative to the mesh.
    pub(super) documents: BTreeMap<String, Listed>,
    /// The policy files, relative to the mesh.
    pub(super) policies: BTreeSet<String>,
    pub(super) outline: Outline,
}

/// What a mesh holds besides documents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// The domains that have a folder.
    pub(super) domains: BTreeSet<String>,
    /// Folders that could not be listed, relative to the mesh.
    pub(super) unlisted: BTreeSet<String>,
    /// Files that look like documents and are not read: the file and what to do.
    pub(super) misplaced: BTreeMap<String, &'static str>,
}

impl Outline {
    /// True if a file, relative to the mesh, may be there although it is not listed.
    pub(super) fn hides(&self, file: &str) -> bool {
        let mut folders = file.match_indices('/').filter_map(|(end, _)| file.get(..end));
        folders.any(|folder| self.unlisted.contains(folder))
    }
}

/// Lists a mesh.
///
/// # Errors
///
/// When the store does not answer, or what is there is no mesh.
pub(super) async fn list(place: &MeshPlace) -> Result<Listing> {
    let top = shallow(place, &place.prefix).await?;
    let mut listing = Listing::default();
    for meta in &top.objects {
        listing.add(place, meta);
    }
    let domains = place.prefix.clone().join("domains");
    if !top.common_prefixes.contains(&domains) {
        return Err(no_domains(place, top.common_prefixes.is_empty() && top.objects.is_empty()));
    }
    let inside = shallow(place, &domains).await?;
    inside.objects.iter().for_each(|meta| listing.add(place, meta));
    for folder in &inside.common_prefixes {
        let name = raw_path(folder.filename().unwrap_or_default());
        listing.outline.domains.insert(name);
    }
    let others = top.common_prefixes.into_iter().filter(|folder| *folder != domains);
    let mut trees = stream::iter(others.chain(inside.common_prefixes))
        .map(|folder| tree(place, folder))
        .buffer_unordered(LISTINGS_MAX);
    while let Some(tree) = trees.next().await {
        let tree = tree?;
        tree.files.iter().for_each(|meta| listing.add(place, meta));
        let unlisted = tree.unlisted.iter().filter_map(|folder| place.file_of(folder));
        listing.outline.unlisted.extend(unlisted);
    }
    Ok(listing)
}

fn no_domains(place: &MeshPlace, is_empty: bool) -> Error {
    let root = &place.root;
    let message = if is_empty {
        format!("there is no mesh at \"{root}\"")
    } else {
        format!("the mesh at \"{root}\" has no folder \"domains\"")
    };
    Error::new(ErrorKind::InvalidConfiguration, message)
        .with_hint("expected MESH/domains/<domain>/<product>/<product>.odps.yaml")
}

async fn shallow(place: &MeshPlace, folder: &Path) -> Result<object_store::ListResult> {
    let prefix = Some(folder).filter(|folder| !folder.as_ref().is_empty());
    place.store.list_with_delimiter(prefix).await.map_err(|error| no_answer(place, error))
}

/// The files below one folder.
#[derive(Debug, Default)]
struct Tree {
    files: Vec<ObjectMeta>,
    /// Folders that could not be listed.
    unlisted: Vec<Path>,
}

/// Lists everything below a folder: at once, or else folder by folder.
async fn tree(place: &MeshPlace, folder: Path) -> Result<Tree> {
    if let Ok(files) = place.store.list(Some(&folder)).try_collect().await {
        return Ok(Tree { files, unlisted: Vec::new() });
    }
    let mut tree = Tree::default();
    let mut open = vec![(folder, 0)];
    let mut listed = 0;
    while let Some((folder, depth)) = open.pop() {
        listed += 1;
        if depth > DEPTH_MAX || listed > FOLDERS_MAX || is_circle(place, &folder) {
            tree.unlisted.push(folder);
            continue;
        }
        match shallow(place, &folder).await {
            Ok(inside) => {
                tree.files.extend(inside.objects);
                open.extend(inside.common_prefixes.into_iter().map(|inner| (inner, depth + 1)));
            }
            Err(error) if folder.filename() == Some(POLICIES) => return Err(error),
            Err(error) => {
                tracing::warn!(%folder, error = ?error, "folder of the mesh cannot be listed");
                tree.unlisted.push(folder);
            }
        }
    }
    Ok(tree)
}

/// True if a local folder is a link to one that it lies in.
fn is_circle(place: &MeshPlace, folder: &Path) -> bool {
    let (Some(root), Some(folder)) = (place.root.strip_prefix("file://"), place.file_of(folder))
    else {
        return false;
    };
    let path = std::path::Path::new(root).join(folder);
    let outer = path.parent().and_then(|outer| outer.canonicalize().ok());
    let inner = path.canonicalize().ok();
    inner.zip(outer).is_some_and(|(inner, outer)| outer.starts_with(inner))
}

fn no_answer(place: &MeshPlace, error: object_store::Error) -> Error {
    Error::new(
        ErrorKind::SourceUnavailable,
        format!("the mesh at \"{}\" cannot be listed", place.root),
    )
    .with_hint("check that the location exists and that it may be read")
    .with_source(error)
}

impl Listing {
    fn add(&mut self, place: &MeshPlace, meta: &ObjectMeta) {
        let Some(file) = place.file_of(&meta.location) else { return };
        let lower = file.to_ascii_lowercase();
        if lower.ends_with(".cedar") {
            self.policies.insert(file);
            return;
        }
        let mut parts = file.split('/');
        // What editors and tools keep in hidden folders and files is theirs.
        if parts.clone().any(|part| part.starts_with('.')) {
            return;
        }
        let kind = match lower.rsplit_once('.') {
            Some((stem, "yaml" | "yml")) if stem.ends_with(".odps") => Kind::Product,
            Some((stem, "yaml" | "yml")) if stem.ends_with(".odcs") => Kind::Contract,
            _ => return,
        };
        let is_below_domains = parts.next() == Some("domains");
        let domain = parts.next().filter(|_| is_below_domains && parts.next().is_some());
        let Some(domain) = domain.map(str::to_owned) else {
            self.outline.misplaced.insert(file, "move it below domains/<domain>/");
            return;
        };
        if !file.ends_with(".odps.yaml") && !file.ends_with(".odcs.yaml") {
            self.outline.misplaced.insert(file, "name it *.odps.yaml or *.odcs.yaml");
            return;
        }
        let stamp = Stamp {
            size: meta.size,
            modified_ns: meta.last_modified.timestamp_nanos_opt(),
            e_tag: meta.e_tag.clone(),
        };
        let path = meta.location.clone();
        self.documents.insert(file, Listed { path, kind, domain, size: meta.size, stamp });
    }
}
