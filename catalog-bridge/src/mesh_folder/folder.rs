//! One folder of a mesh: what lies in it, but not what lies deeper.
//!
//! A store on this machine gives up on a folder for one link in a circle. Such a folder is read
//! entry by entry, so that the link hides nothing but itself.

use std::borrow::Cow;
use std::io;

use object_store::path::{Path, PathPart};
use object_store::{ObjectMeta, Result};

use super::MeshPlace;

/// What the system says of a link that leads to itself.
const LINKS_IN_A_CIRCLE: i32 = if cfg!(target_os = "linux") { 40 } else { 62 };

/// Why a folder is not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unlisted {
    /// It cannot be read, or is a link out of the mesh.
    Refused,
    /// It is a link to a folder of the mesh that it lies in, so it holds nothing of its own.
    Circle,
    /// It was not listed in time.
    Slow,
    /// Too many folders come before it or above it.
    Beyond,
}

/// What lies in one folder.
#[derive(Debug, Default)]
pub(super) struct Folder {
    pub(super) files: Vec<ObjectMeta>,
    pub(super) folders: Vec<Path>,
    /// Entries that cannot be looked into.
    pub(super) unlisted: Vec<(Path, Unlisted)>,
}

/// Lists one folder.
///
/// # Errors
///
/// When the store does not answer, or may not read the folder.
pub(super) async fn shallow(place: &MeshPlace, folder: &Path) -> Result<Folder> {
    let prefix = Some(folder).filter(|folder| !folder.as_ref().is_empty());
    let refused = match place.store.list_with_delimiter(prefix).await {
        Ok(listed) => {
            let (files, folders) = (listed.objects, listed.common_prefixes);
            return Ok(Folder { files, folders, unlisted: Vec::new() });
        }
        Err(refused) => refused,
    };
    let (Some(root), Some(file)) = (place.local_folder(), place.file_of(folder)) else {
        return Err(refused);
    };
    let (at, folder) = (root.join(file), folder.clone());
    match tokio::task::spawn_blocking(move || entries(&root, &at, &folder)).await {
        Ok(Ok(folder)) => Ok(folder),
        Ok(Err(_)) | Err(_) => Err(refused),
    }
}

/// Reads a folder entry by entry, unless a link leads to it out of the mesh.
fn entries(root: &std::path::Path, at: &std::path::Path, folder: &Path) -> io::Result<Folder> {
    let (root, at) = (root.canonicalize()?, at.canonicalize()?);
    if !at.starts_with(&root) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut found = Folder::default();
    for entry in std::fs::read_dir(&at)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let path = folder.clone().join(part(&name));
        match std::fs::metadata(entry.path()) {
            Ok(meta) if meta.is_dir() => {
                match unlisted(&root, &at, &entry) {
                    Some(why) => found.unlisted.push((path, why)),
                    // A name that is no text has no path by which the store could be asked.
                    None if matches!(name, Cow::Owned(_)) => {
                        found.unlisted.push((path, Unlisted::Refused));
                    }
                    None => found.folders.push(path),
                }
            }
            Ok(meta) if meta.is_file() => found.files.push(ObjectMeta {
                location: path,
                last_modified: meta.modified()?.into(),
                size: meta.len(),
                e_tag: None,
                version: None,
            }),
            Ok(_) => {}
            // A link to nothing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.raw_os_error() == Some(LINKS_IN_A_CIRCLE) => {
                found.unlisted.push((path, Unlisted::Circle));
            }
            Err(_) => found.unlisted.push((path, Unlisted::Refused)),
        }
    }
    Ok(found)
}

/// The name as it is; what no path can hold is written in another way.
fn part(name: &str) -> PathPart<'_> {
    PathPart::parse(name).unwrap_or_else(|_| PathPart::from(name))
}

/// Why a folder in `outer` cannot be looked into, as far as its link says.
fn unlisted(
    root: &std::path::Path,
    outer: &std::path::Path,
    entry: &std::fs::DirEntry,
) -> Option<Unlisted> {
    if !entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
        return None;
    }
    let inner = entry.path().canonicalize().ok()?;
    outer.starts_with(&inner).then_some(circle(root, &inner))
}

/// A circle within the mesh hides nothing; one that leads above it might.
fn circle(root: &std::path::Path, inner: &std::path::Path) -> Unlisted {
    if inner.starts_with(root) { Unlisted::Circle } else { Unlisted::Refused }
}

/// Tells whether a local folder is a link to one that it lies in, on whatever way it was reached.
pub(super) async fn link(place: &MeshPlace, folder: &Path) -> Option<Unlisted> {
    let (root, file) = (place.local_folder()?, place.file_of(folder)?.to_owned());
    let found = tokio::task::spawn_blocking(move || {
        let path = root.join(file);
        if !path.symlink_metadata().is_ok_and(|meta| meta.is_symlink()) {
            return None;
        }
        let inner = path.canonicalize().ok()?;
        let real_root = root.canonicalize().ok()?;
        let mut outer = path.ancestors().skip(1).take_while(|outer| outer.starts_with(&root));
        let is_circle =
            outer.any(|outer| outer.canonicalize().is_ok_and(|outer| outer.starts_with(&inner)));
        is_circle.then(|| circle(&real_root, &inner))
    });
    found.await.ok().flatten()
}
