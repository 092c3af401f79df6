//! Which documents and which policies a mesh holds, without reading them.
//!
//! ```text
//! MESH/domains/<domain>/**.odps.yaml, **.odcs.yaml     documents
//! MESH/**.cedar                                        policies
//! ```
//!
//! Each domain is listed by itself, so that one that cannot be listed does not hide the others.

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
    /// Domains that could not be listed.
    pub(super) unlisted: BTreeSet<String>,
    /// Files that look like documents and are not read: the file and what to do.
    pub(super) misplaced: BTreeMap<String, &'static str>,
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
    let others = top.common_prefixes.iter().filter(|folder| **folder != domains);
    for folder in others {
        let files = deep(place, folder).await?;
        files.iter().for_each(|meta| listing.add(place, meta));
    }
    if !top.common_prefixes.contains(&domains) {
        return Err(no_domains(place, top.common_prefixes.is_empty() && top.objects.is_empty()));
    }
    let inside = shallow(place, &domains).await?;
    inside.objects.iter().for_each(|meta| listing.add(place, meta));
    let mut listed = stream::iter(inside.common_prefixes)
        .map(|folder| async move { (deep(place, &folder).await, folder) })
        .buffer_unordered(LISTINGS_MAX);
    while let Some((files, folder)) = listed.next().await {
        let domain = raw_path(folder.filename().unwrap_or_default());
        match files {
            Ok(files) => files.iter().for_each(|meta| listing.add(place, meta)),
            Err(error) => {
                tracing::warn!(domain = %domain, error = ?error, "folder of a domain cannot be listed");
                listing.outline.unlisted.insert(domain.clone());
            }
        }
        listing.outline.domains.insert(domain);
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

async fn deep(place: &MeshPlace, folder: &Path) -> Result<Vec<ObjectMeta>> {
    place.store.list(Some(folder)).try_collect().await.map_err(|error| no_answer(place, error))
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
