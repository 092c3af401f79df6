//! Finding and reading a table's metadata file.
//!
//! ```text
//! x/y.metadata.json                      itself
//! x, metadata/version-hint.text = 3      metadata/v3.metadata.json, or a newer one
//! x, metadata/version-hint.text = stem   metadata/stem.metadata.json
//! x                                      the one of metadata/ with the highest number
//! ```
//!
//! Each name may also stand for a file packed with gzip.

use std::collections::HashMap;
use std::io::Read;

use bytes::Bytes;
use datafusion::object_store::path::Path;
use datafusion::object_store::{Error as StoreError, ObjectMeta, ObjectStoreExt};
use iceberg::spec::{SnapshotReference, TableMetadata};
use samite_engine::{Error, ErrorKind, Result};
use serde::Deserialize;

use super::unread;
use crate::stores::{Place, unreadable};

const SUFFIXES: [&str; 3] = [".metadata.json", ".gz.metadata.json", ".metadata.json.gz"];

/// How many numbers after the hint are tried, since a writer moves the hint last.
const NEWER_MAX: u64 = 10_000;

/// A table's metadata with what the library does not show of it.
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) table: TableMetadata,
    pub(super) references: HashMap<String, SnapshotReference>,
}

/// The file that holds the newest metadata of the table at `place`.
///
/// # Errors
///
/// `CorruptSource` if there is none, two claim to be the newest, or the hint points nowhere.
pub(super) async fn find(table: &str, place: &Place) -> Result<ObjectMeta> {
    let finder = Finder { table, place };
    if place.path.filename().is_some_and(|name| stem(name).is_some()) {
        return finder
            .head(&place.path)
            .await?
            .ok_or_else(|| finder.nowhere("there is no file at its location".to_owned()));
    }
    let hint = finder.path("version-hint.text")?;
    match place.store.store.get(&hint).await {
        Ok(found) => {
            let what = format!("the version hint of table \"{table}\"");
            let bytes = found.bytes().await.map_err(|error| unreadable(&what, error))?;
            finder.hinted(String::from_utf8_lossy(&bytes).trim()).await
        }
        Err(StoreError::NotFound { .. }) => finder.newest().await,
        Err(error) => Err(unreadable(&format!("the version hint of table \"{table}\""), error)),
    }
}

/// Reads a metadata file.
///
/// # Errors
///
/// If it cannot be fetched, unpacked or understood, or is larger than `bytes_max`.
pub(super) async fn read(
    table: &str,
    place: &Place,
    file: &ObjectMeta,
    bytes_max: u64,
) -> Result<Metadata> {
    let what = format!("the metadata of table \"{table}\"");
    if file.size > bytes_max {
        return Err(too_large(&what, bytes_max));
    }
    let found =
        place.store.store.get(&file.location).await.map_err(|error| unreadable(&what, error))?;
    let bytes = found.bytes().await.map_err(|error| unreadable(&what, error))?;
    let text = unpacked(&what, bytes, bytes_max)?;
    let damaged = |error: serde_json::Error| {
        // What is new in the format makes the library give up on the whole file.
        if let Some(refusal) = unread::refusal(table, &text) {
            return refusal.with_source(error);
        }
        Error::new(ErrorKind::CorruptSource, format!("{what} cannot be read"))
            .with_detail("it is damaged, or of a form that is not read")
            .with_source(error)
    };
    let References { refs } = serde_json::from_slice(&text).map_err(damaged)?;
    let table: TableMetadata = serde_json::from_slice(&text).map_err(damaged)?;
    let mut references = refs.unwrap_or_default();
    if let (false, Some(id)) = (references.contains_key("main"), table.current_snapshot_id()) {
        let retention = iceberg::spec::SnapshotRetention::branch(None, None, None);
        references.insert("main".to_owned(), SnapshotReference::new(id, retention));
    }
    Ok(Metadata { table, references })
}

#[derive(Deserialize)]
struct References {
    refs: Option<HashMap<String, SnapshotReference>>,
}

fn unpacked(what: &str, bytes: Bytes, bytes_max: u64) -> Result<Bytes> {
    if !bytes.starts_with(&[0x1F, 0x8B]) {
        return Ok(bytes);
    }
    let mut text = Vec::new();
    let mut unpacker = flate2::read::MultiGzDecoder::new(bytes.as_ref()).take(bytes_max + 1);
    unpacker.read_to_end(&mut text).map_err(|error| {
        Error::new(ErrorKind::CorruptSource, format!("{what} cannot be unpacked"))
            .with_source(error)
    })?;
    if text.len() as u64 > bytes_max {
        return Err(too_large(what, bytes_max));
    }
    Ok(text.into())
}

fn too_large(what: &str, bytes_max: u64) -> Error {
    Error::new(ErrorKind::ResourcesExhausted, format!("{what} is too large"))
        .with_detail(format!("at most {bytes_max} bytes are read"))
}

/// The name of a metadata file without what marks it as one.
fn stem(name: &str) -> Option<&str> {
    // The longer endings first: `.gz.metadata.json` also ends in `.metadata.json`.
    let endings = [".gz.metadata.json", ".metadata.json.gz", ".metadata.json"];
    endings.iter().find_map(|ending| name.strip_suffix(ending)).filter(|stem| !stem.is_empty())
}

/// The number in `v3` and `00003-<uuid>`.
fn number(stem: &str) -> Option<u64> {
    let digits = match stem.strip_prefix('v') {
        Some(digits) => digits,
        None => stem.split_once('-')?.0,
    };
    digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

struct Finder<'a> {
    table: &'a str,
    place: &'a Place,
}

impl Finder<'_> {
    fn path(&self, name: &str) -> Result<Path> {
        Path::parse(format!("{}/metadata/{name}", self.place.path)).map_err(|error| {
            self.nowhere("the version hint is not the name of a file".to_owned()).with_source(error)
        })
    }

    async fn hinted(&self, hint: &str) -> Result<ObjectMeta> {
        let nowhere = || {
            self.nowhere(format!("version-hint.text says \"{hint}\", and there is no such file"))
        };
        if hint.is_empty() || hint.contains('/') {
            return Err(nowhere());
        }
        let Ok(first) = hint.parse::<u64>() else {
            return self.named(stem(hint).unwrap_or(hint)).await?.ok_or_else(nowhere);
        };
        let mut newest = self.named(&format!("v{first}")).await?.ok_or_else(nowhere)?;
        for version in first + 1..first.saturating_add(NEWER_MAX) {
            match self.named(&format!("v{version}")).await? {
                Some(newer) => newest = newer,
                None => break,
            }
        }
        Ok(newest)
    }

    async fn named(&self, stem: &str) -> Result<Option<ObjectMeta>> {
        for suffix in SUFFIXES {
            if let Some(found) = self.head(&self.path(&format!("{stem}{suffix}"))?).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn head(&self, path: &Path) -> Result<Option<ObjectMeta>> {
        match self.place.store.store.head(path).await {
            Ok(found) => Ok(Some(found)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => {
                Err(unreadable(&format!("the metadata of table \"{}\"", self.table), error))
            }
        }
    }

    async fn newest(&self) -> Result<ObjectMeta> {
        let what = format!("the metadata folder of table \"{}\"", self.table);
        let folder = Path::parse(format!("{}/metadata", self.place.path))
            .map_err(|error| unreadable(&what, error.into()))?;
        // Only what lies in the folder itself: writers keep copies of older tables below it.
        match self.place.store.store.list_with_delimiter(Some(&folder)).await {
            Ok(found) => self.choose(found.objects),
            Err(StoreError::NotFound { .. }) => self.choose(Vec::new()),
            Err(error) => Err(unreadable(&what, error)),
        }
    }

    fn choose(&self, files: Vec<ObjectMeta>) -> Result<ObjectMeta> {
        let numbered = |file: &ObjectMeta| number(stem(file.location.filename()?)?);
        let newest = files.iter().filter_map(numbered).max().ok_or_else(|| {
            self.nowhere("there is no metadata/*.metadata.json below its location".to_owned())
        })?;
        let mut found = files.into_iter().filter(|file| numbered(file) == Some(newest));
        match (found.next(), found.next()) {
            (Some(file), None) => Ok(file),
            _ => Err(self
                .nowhere(format!("two metadata files have the highest number, {newest}"))
                .with_hint(
                    "name the metadata file as location, or write metadata/version-hint.text",
                )),
        }
    }

    fn nowhere(&self, detail: String) -> Error {
        Error::new(
            ErrorKind::CorruptSource,
            format!("the Iceberg metadata of table \"{}\" cannot be found", self.table),
        )
        .with_detail(detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_is_that_of_both_kinds_of_names() {
        for (name, found) in [
            ("v3.metadata.json", Some(3)),
            ("v12.gz.metadata.json", Some(12)),
            ("v12.metadata.json.gz", Some(12)),
            ("00003-0a1b-2c.metadata.json", Some(3)),
            ("00010-0a1b.gz.metadata.json", Some(10)),
            ("snap-1-0a1b.avro", None),
            ("vx.metadata.json", None),
            ("v+3.metadata.json", None),
            (".metadata.json", None),
            ("version-hint.text", None),
        ] {
            assert_eq!(stem(name).and_then(number), found, "{name}");
        }
    }

    #[tokio::test]
    async fn newest_is_searched_in_the_folder_itself() {
        let folder = crate::testing::Folder::new();
        let place = folder.stores.resolve(&folder.location(), None).unwrap();
        let error = find("t", &place).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CorruptSource, "{error:?}");
        for name in ["v1", "00002-0a1b", "backup/v9", "backup/old/00012-0a1b"] {
            folder.write(&format!("metadata/{name}.metadata.json"), b"{}");
        }
        let found = find("t", &place).await.unwrap();
        assert_eq!(found.location.filename(), Some("00002-0a1b.metadata.json"));
    }
}
