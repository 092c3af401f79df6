//! Which documents and which policies a mesh holds, without reading them.
//!
//! ```text
//! MESH/domains/<domain>/**.odps.yaml, **.odcs.yaml     documents
//! MESH/**.cedar                                        policies, wherever they lie
//! MESH/mesh/agreements/*.oaas.yaml                     agreements
//! MESH/mesh/semantics/*.osds.yaml                      definitions
//! MESH/**.sql                                          queries, which contracts may name
//! ```
//!
//! Each domain is listed by itself, so that one that cannot be listed, or not in time, hides
//! nothing but itself. Where a policy could be hidden that way, the whole look counts as failed.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use object_store::ObjectMeta;
use object_store::path::Path;
use samite_engine::{Error, ErrorKind, Result};

use super::MeshPlace;
use super::folder::{self, Folder, Unlisted};
use super::tree::tree;
use crate::documents::Kind;
use crate::policy::{PolicyPlace, policy_place};

/// How many trees are listed at once: a local one keeps a thread busy, a remote one waits.
const LISTINGS_MAX: usize = 16;
const LOCAL_LISTINGS_MAX: usize = 4;

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

/// One file of policies, agreement, file of definitions or query that is there.
#[derive(Debug, Clone)]
pub(super) struct ListedFile {
    pub(super) path: Path,
    pub(super) size: u64,
    pub(super) stamp: Stamp,
}

/// What a mesh holds at one moment.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The documents, by file relative to the mesh.
    pub(super) documents: BTreeMap<String, Listed>,
    /// The files of policies and the agreements, by file relative to the mesh.
    pub(super) policies: BTreeMap<String, ListedFile>,
    /// The files of definitions, by file relative to the mesh.
    pub(super) definitions: BTreeMap<String, ListedFile>,
    /// The files of SQL, by file relative to the mesh.
    pub(super) queries: BTreeMap<String, ListedFile>,
    pub(super) outline: Outline,
}

/// What a mesh holds besides documents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// The domains that have a folder.
    pub(super) domains: BTreeSet<String>,
    /// Folders that could not be listed, relative to the mesh.
    pub(super) unlisted: BTreeMap<String, Unlisted>,
    /// Files that look like documents and are not read: the file and what to do.
    pub(super) misplaced: BTreeMap<String, &'static str>,
}

impl Outline {
    /// True if a file, relative to the mesh, may be there although it is not listed.
    pub(super) fn hides(&self, file: &str) -> bool {
        let mut folders = file.match_indices('/').filter_map(|(end, _)| file.get(..end));
        folders.any(|folder| self.unlisted.contains_key(folder))
    }

    /// A folder that may hold policies which nobody sees. Those of a domain are looked for in its
    /// folders `policies`; what else is hidden in a domain is the domain's own.
    pub(super) fn hidden_policies(&self) -> Option<&str> {
        let hides = |folder: &str, why: Unlisted| {
            let is_of_domain = folder.starts_with("domains/");
            folder.rsplit('/').next() == Some(POLICIES)
                || why == Unlisted::Beyond
                || !(is_of_domain || why == Unlisted::Circle)
        };
        let mut unlisted = self.unlisted.iter();
        unlisted.find(|(folder, why)| hides(folder, **why)).map(|(folder, _)| folder.as_str())
    }
}

/// Lists a mesh.
///
/// # Errors
///
/// When the store does not answer, or what is there is no mesh.
pub(super) async fn list(place: &MeshPlace) -> Result<Listing> {
    let no_answer = |error| no_answer(place, error);
    let top = folder::shallow(place, &place.prefix).await.map_err(no_answer)?;
    let domains = place.prefix.clone().join("domains");
    if !top.folders.contains(&domains) {
        return Err(no_domains(place, top.folders.is_empty() && top.files.is_empty()));
    }
    let inside = folder::shallow(place, &domains).await.map_err(no_answer)?;
    let mut listing = Listing::default();
    listing.take(place, &top);
    listing.take(place, &inside);
    let names = inside.folders.iter().filter_map(Path::filename).map(str::to_owned);
    listing.outline.domains.extend(names);
    let others = top.folders.into_iter().filter(|folder| *folder != domains);
    let listings_max = if place.is_local() { LOCAL_LISTINGS_MAX } else { LISTINGS_MAX };
    let mut trees = stream::iter(others.chain(inside.folders))
        .map(|folder| tree(place, folder))
        .buffer_unordered(listings_max);
    while let Some(tree) = trees.next().await {
        listing.documents.extend(tree.documents);
        listing.policies.extend(tree.policies);
        listing.definitions.extend(tree.definitions);
        listing.queries.extend(tree.queries);
        listing.outline.unlisted.extend(tree.outline.unlisted);
        listing.outline.misplaced.extend(tree.outline.misplaced);
    }
    listing.forget_circles();
    Ok(listing)
}

fn no_domains(place: &MeshPlace, is_empty: bool) -> Error {
    let root = place.shown();
    let message = if is_empty {
        format!("there is no mesh at \"{root}\"")
    } else {
        format!("the mesh at \"{root}\" has no folder \"domains\"")
    };
    Error::new(ErrorKind::InvalidConfiguration, message)
        .with_hint("expected MESH/domains/<domain>/<product>/<product>.odps.yaml")
}

fn no_answer(place: &MeshPlace, error: object_store::Error) -> Error {
    let message = format!("the mesh at \"{}\" cannot be listed", place.shown());
    let mut cause = std::error::Error::source(&error);
    while let Some(current) = cause {
        // A refusal of Samite's own, such as that of a web server.
        if let Some(ours) = current.downcast_ref::<Error>() {
            let refusal = Error::new(ours.kind(), message).with_detail(ours.message().to_owned());
            return refusal.with_source(error);
        }
        cause = current.source();
    }
    Error::new(ErrorKind::SourceUnavailable, message)
        .with_hint("check that the location exists and that it may be read")
        .with_source(error)
}

impl Listing {
    /// Notes a folder that is not listed.
    pub(super) fn note(&mut self, place: &MeshPlace, folder: &Path, why: Unlisted) {
        if let Some(file) = place.file_of(folder) {
            self.outline.unlisted.insert(file.to_owned(), why);
        }
    }

    /// Forgets all but the policies: one that was seen once is there.
    pub(super) fn forget_documents(&mut self) {
        self.documents.clear();
        self.definitions.clear();
        self.queries.clear();
        self.outline = Outline::default();
    }

    /// A domain that is a link to a folder it lies in is none.
    fn forget_circles(&mut self) {
        let Outline { domains, unlisted, .. } = &mut self.outline;
        domains
            .retain(|domain| unlisted.get(&format!("domains/{domain}")) != Some(&Unlisted::Circle));
    }

    fn take(&mut self, place: &MeshPlace, folder: &Folder) {
        folder.files.iter().for_each(|meta| self.add(place, meta));
        for (folder, why) in &folder.unlisted {
            self.note(place, folder, *why);
        }
    }

    /// Keeps a file if it is a document or a policy, or should be one.
    pub(super) fn add(&mut self, place: &MeshPlace, meta: &ObjectMeta) {
        let Some(file) = place.file_of(&meta.location) else { return };
        let stamp = Stamp {
            size: meta.size,
            modified_ns: meta.last_modified.timestamp_nanos_opt(),
            e_tag: meta.e_tag.clone(),
        };
        let (path, size) = (meta.location.clone(), meta.size);
        if policy_place(file) != PolicyPlace::Other {
            self.policies.insert(file.to_owned(), ListedFile { path, size, stamp });
            return;
        }
        if is_of_definitions(file) {
            self.definitions.insert(file.to_owned(), ListedFile { path, size, stamp });
            return;
        }
        if file.ends_with(".sql") {
            self.queries.insert(file.to_owned(), ListedFile { path, size, stamp });
            return;
        }
        let Some(kind) = kind_of(file) else { return };
        let mut parts = file.split('/');
        // What editors and tools keep in hidden folders and files is theirs.
        if parts.clone().any(|part| part.starts_with('.')) {
            return;
        }
        let is_below_domains = parts.next() == Some("domains");
        let domain = parts.next().filter(|_| is_below_domains && parts.next().is_some());
        let Some(domain) = domain.map(str::to_owned) else {
            self.misplaced(file, "move it below domains/<domain>/");
            return;
        };
        if !file.ends_with(".odps.yaml") && !file.ends_with(".odcs.yaml") {
            self.misplaced(file, "name it *.odps.yaml or *.odcs.yaml");
            return;
        }
        let listed = Listed { path, kind, domain, size, stamp };
        self.documents.insert(file.to_owned(), listed);
    }

    fn misplaced(&mut self, file: &str, hint: &'static str) {
        self.outline.misplaced.insert(file.to_owned(), hint);
    }
}

/// True for a file of definitions: what a column of several products means.
fn is_of_definitions(file: &str) -> bool {
    match file.split('/').collect::<Vec<_>>().as_slice() {
        ["mesh", "semantics", name] => !name.starts_with('.') && ends_with(name, ".osds.yaml"),
        _ => false,
    }
}

/// The kind of document that a file seems to be, in whatever case its ending is written.
fn kind_of(file: &str) -> Option<Kind> {
    let endings = [(".odps", Kind::Product), (".odcs", Kind::Contract)];
    let (stem, ending) = file.rsplit_once('.')?;
    if !["yaml", "yml"].iter().any(|known| known.eq_ignore_ascii_case(ending)) {
        return None;
    }
    endings.into_iter().find(|(known, _)| ends_with(stem, known)).map(|(_, kind)| kind)
}

fn ends_with(text: &str, ending: &str) -> bool {
    let start = text.len().checked_sub(ending.len());
    let end = start.and_then(|start| text.as_bytes().get(start..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(ending.as_bytes()))
}
