//! An earlier revision of a mesh: another folder, or a commit of the git repository that the mesh lies in.

use std::collections::BTreeMap;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Output, Stdio};

use samite_engine::{Error, ErrorKind};
use tempfile::TempDir;

use super::failure::Failure;
use crate::config::Configuration;
use crate::mesh::Mesh;

/// What documents of a mesh are called; nothing else of a commit is taken out.
const DOCUMENTS: [&str; 3] = [".odps.yaml", ".odcs.yaml", ".sql"];

/// An earlier revision of a mesh.
pub(crate) struct Revision {
    /// The mesh as it was.
    pub(crate) mesh: Mesh,
    /// Where its documents lie, if they were taken out of a repository; goes with it.
    _documents: Option<TempDir>,
}

/// Opens the revision `against` of the mesh at `mesh`: a folder or URI, else a commit, a tag or a branch.
///
/// # Errors
///
/// When there is neither such a mesh nor such a commit.
pub(crate) async fn open(
    mesh: &str,
    against: &str,
    configuration: Configuration,
) -> Result<Revision, Failure> {
    if against.contains("://") || Path::new(against).is_dir() {
        let mesh = Mesh::builder(against).config(configuration).build().await?;
        return Ok(Revision { mesh, _documents: None });
    }
    let (folder, revision) = (PathBuf::from(mesh), against.to_owned());
    let taken = tokio::task::spawn_blocking(move || check_out(&folder, &revision));
    let taken = taken.await.map_err(|error| Failure::Failed(unread(&error.to_string())))??;
    let place = taken.path().to_string_lossy().into_owned();
    let mesh = Mesh::builder(place).config(configuration).build().await?;
    Ok(Revision { mesh, _documents: Some(taken) })
}

/// The documents that `folder` had at `revision`, in a folder of their own.
fn check_out(folder: &Path, revision: &str) -> Result<TempDir, Failure> {
    let commit = commit_of(folder, revision)?;
    let listed = git(folder, &["ls-tree", "-r", "-z", &commit])?;
    let mut documents = BTreeMap::new();
    for entry in String::from_utf8_lossy(&listed).split('\0') {
        let Some((about, name)) = entry.split_once('\t') else { continue };
        // Mode, kind and name of the object; a link is no document.
        let (Some(mode), Some(object)) = (about.split(' ').next(), about.split(' ').nth(2)) else {
            continue;
        };
        if mode.starts_with("100")
            && DOCUMENTS.iter().any(|ending| name.ends_with(ending))
            && is_inside(name)
        {
            documents.insert(name.to_owned(), object.to_owned());
        }
    }
    if documents.is_empty() {
        let message = format!("revision \"{revision}\" holds no document of the mesh");
        return Err(Failure::Usage(
            Error::new(ErrorKind::NotFound, message)
                .with_hint("name one in which the folder of --mesh is committed"),
        ));
    }
    let target = TempDir::new().map_err(Failure::from_io)?;
    std::fs::create_dir(target.path().join("domains")).map_err(Failure::from_io)?;
    let texts = blobs(folder, documents.values())?;
    for (name, text) in documents.keys().zip(texts) {
        let file = target.path().join(name);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent).map_err(Failure::from_io)?;
        }
        std::fs::write(file, text).map_err(Failure::from_io)?;
    }
    Ok(target)
}

/// What these objects hold, in their order, told by one git: a mesh has thousands of documents.
fn blobs<'a>(
    folder: &Path,
    objects: impl Iterator<Item = &'a String>,
) -> Result<Vec<Vec<u8>>, Failure> {
    let mut wanted = tempfile::tempfile().map_err(Failure::from_io)?;
    let mut count = 0;
    for object in objects {
        writeln!(wanted, "{object}").map_err(Failure::from_io)?;
        count += 1;
    }
    wanted.seek(SeekFrom::Start(0)).map_err(Failure::from_io)?;
    let told = succeeded(run(folder, &["cat-file", "--batch"], Stdio::from(wanted))?)?;
    let mut rest = told.as_slice();
    let mut texts = Vec::with_capacity(count);
    while let Some((text, after)) = next_blob(rest) {
        texts.push(text.to_vec());
        rest = after;
    }
    if texts.len() == count && rest.is_empty() {
        return Ok(texts);
    }
    Err(Failure::Failed(unread("an object of the repository is missing")))
}

/// One object, and what comes after it: `NAME blob BYTES`, a new line, that many bytes, a new line.
fn next_blob(told: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = told.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(told.get(..end)?).ok()?;
    let (kind, length) = head.split_once(' ')?.1.split_once(' ')?;
    let (text, rest) = told.get(end + 1..)?.split_at_checked(length.parse().ok()?)?;
    (kind == "blob").then_some((text, rest.strip_prefix(b"\n")?))
}

fn is_inside(name: &str) -> bool {
    Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

/// The commit that a revision stands for.
fn commit_of(folder: &Path, revision: &str) -> Result<String, Failure> {
    let wanted = format!("{revision}^{{commit}}");
    let arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted];
    let found = run(folder, &arguments, Stdio::null())?;
    if found.status.success() {
        return Ok(String::from_utf8_lossy(&found.stdout).trim().to_owned());
    }
    let message = format!("\"{revision}\" is neither a folder nor a revision of the mesh");
    Err(Failure::Usage(Error::new(ErrorKind::NotFound, message).with_hint(
        "name a folder or URI of another mesh, or a commit, tag or branch of the git repository that --mesh lies in",
    )))
}

/// What git prints.
fn git(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>, Failure> {
    succeeded(run(folder, arguments, Stdio::null())?)
}

fn succeeded(ended: Output) -> Result<Vec<u8>, Failure> {
    if ended.status.success() {
        return Ok(ended.stdout);
    }
    Err(Failure::Failed(unread(String::from_utf8_lossy(&ended.stderr).trim())))
}

fn run(folder: &Path, arguments: &[&str], stdin: Stdio) -> Result<Output, Failure> {
    Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .stdin(stdin)
        .output()
        .map_err(|error| Failure::Failed(unread(&format!("git cannot be run: {error}"))))
}

fn unread(detail: &str) -> Error {
    Error::new(ErrorKind::SourceUnavailable, "the revision cannot be read").with_detail(detail)
}
