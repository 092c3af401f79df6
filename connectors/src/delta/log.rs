//! Opening a transaction log, and saying what is wrong with one that does not open.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::object_store::path::Path;
use datafusion::object_store::prefix::PrefixStore;
use datafusion::object_store::{
    Error as StoreError, ObjectMeta, ObjectStore, Result as StoreResult,
};
use deltalake_core::kernel::Snapshot;
use deltalake_core::logstore::{StorageConfig, default_logstore};
use deltalake_core::{DeltaTable, DeltaTableError};
use futures::TryStreamExt;
use samite_engine::{Error, ErrorKind, Result};
use url::Url;

use super::listing::Listing;
use super::protocol;
use super::unhinted::Unhinted;
use crate::stores::{Place, shown, unreadable};

/// Whether the hint of a log is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hint {
    /// It is, and spares listing the log from its beginning.
    Followed,
    /// It is not, since it points where nothing is.
    Hidden,
}

/// A table whose log is not read yet.
///
/// # Errors
///
/// If the place cannot be written as a URL.
pub(super) fn table(place: &Place, hint: Hint) -> Result<DeltaTable> {
    let root: Arc<dyn ObjectStore> = match hint {
        Hint::Followed => Arc::clone(&place.store.store),
        Hint::Hidden => Arc::new(Unhinted(Arc::clone(&place.store.store))),
    };
    let below: Arc<dyn ObjectStore> =
        Arc::new(PrefixStore::new(Arc::clone(&root), place.path.clone()));
    let url = url(place)?;
    Ok(DeltaTable::new(default_logstore(below, root, &url, &StorageConfig::default())))
}

/// The place as a URL; the true scheme stays, since it decides whether a listing needs sorting.
fn url(place: &Place) -> Result<Url> {
    let malformed = || {
        Error::new(
            ErrorKind::Unsupported,
            format!("location \"{}\" cannot hold a Delta table", shown(&place.location())),
        )
    };
    let root = format!("{}/", place.store.root);
    let mut url = Url::parse(&root).map_err(|error| malformed().with_source(error))?;
    url.path_segments_mut()
        .map_err(|()| malformed())?
        .pop_if_empty()
        .extend(place.path.as_ref().split('/').filter(|segment| !segment.is_empty()))
        .push("");
    Ok(url)
}

/// The properties of the newest state of `table`; none of its files is looked at.
///
/// # Errors
///
/// If the log cannot be read.
pub(super) async fn properties(table: &str, place: &Place) -> Result<HashMap<String, String>> {
    let log = self::table(place, Hint::Followed)?.log_store();
    let mut read = Snapshot::try_new(log.as_ref(), None).await;
    if read.as_ref().is_err_and(is_misled) {
        let log = self::table(place, Hint::Hidden)?.log_store();
        read = Snapshot::try_new(log.as_ref(), None).await;
    }
    match read {
        Ok(snapshot) => Ok(snapshot.metadata().configuration().clone()),
        Err(error) => Err(explain(table, place, None, error).await),
    }
}

/// What a look at the newest end of a log shows.
#[derive(Debug)]
pub(super) struct Look {
    /// The commit that was looked for, if it is still there.
    pub(super) commit: Option<ObjectMeta>,
    /// True if there is a newer one.
    pub(super) has_newer: bool,
}

/// Looks at the commit of `version` and at what comes after it, with one request.
///
/// # Errors
///
/// If the log cannot be listed.
pub(super) async fn look(place: &Place, version: u64) -> StoreResult<Look> {
    let log = log_path(place)?;
    let before = Path::parse(format!("{log}/{version:020}"))?;
    let mut look = Look { commit: None, has_newer: false };
    let mut files = place.store.store.list_with_offset(Some(&log), &before);
    while let Some(file) = files.try_next().await? {
        let Some(found) = commit_version(&log, &file.location) else { continue };
        if found == version {
            look.commit = Some(file);
        } else if found > version {
            look.has_newer = true;
        }
    }
    Ok(look)
}

/// Where the log of a table lies.
pub(super) fn log_path(place: &Place) -> StoreResult<Path> {
    Ok(Path::parse(format!("{}/_delta_log", place.path))?)
}

/// Where a commit lies.
pub(super) fn commit_path(place: &Place, version: u64) -> StoreResult<Path> {
    Ok(Path::parse(format!("{}/_delta_log/{version:020}.json", place.path))?)
}

/// The version of a commit; `None` for any other file and for what lies deeper.
fn commit_version(log: &Path, file: &Path) -> Option<u64> {
    let name = file.as_ref().strip_prefix(log.as_ref())?.strip_prefix('/')?;
    let digits = name.strip_suffix(".json").filter(|digits| digits.len() == 20)?;
    digits.parse().ok()
}

/// The files of the log of `table`.
///
/// # Errors
///
/// If it cannot be listed.
pub(super) async fn listing(table: &str, place: &Place) -> Result<Listing> {
    match Listing::read(place).await {
        Ok(listing) => Ok(listing),
        Err(StoreError::NotFound { .. }) => Ok(Listing::default()),
        Err(error) => Err(unreadable(&the_log(table), error)),
    }
}

/// Refuses a log that does not hold all of the table up to `version`.
///
/// The library reads a log without its beginning as if nothing had ever stood there.
///
/// # Errors
///
/// If a commit is missing that no checkpoint holds, or the log cannot be listed.
pub(super) async fn check_complete(table: &str, place: &Place, version: u64) -> Result<()> {
    match listing(table, place).await?.refusal(table, Some(version)) {
        Some(refusal) => Err(refusal),
        None => Ok(()),
    }
}

/// What an error of the library means for `table`, after a look at the log.
pub(super) async fn explain(
    table: &str,
    place: &Place,
    version: Option<u64>,
    error: DeltaTableError,
) -> Error {
    let text = error.to_string();
    if let Some(feature) = unsupported_feature(&text) {
        return protocol::unsupported(table, feature).with_source(error);
    }
    let refusal = match listing(table, place).await {
        Ok(listing) => listing.refusal(table, version),
        Err(error) => return error,
    };
    match (refusal, error) {
        (Some(refusal), error) if refusal.kind() == ErrorKind::NotFound => {
            refusal.with_source(error)
        }
        (_, DeltaTableError::ObjectStore { source }) => unreadable(&the_log(table), source),
        (Some(refusal), error) => refusal.with_source(error),
        (None, error) if is_passing(&text) => Error::new(
            ErrorKind::SourceUnavailable,
            format!("{} cannot be read now", the_log(table)),
        )
        .with_source(error),
        (None, error) => {
            let detail = "an entry of the log, or a checkpoint, is damaged";
            damaged(table, detail.to_owned()).with_source(error)
        }
    }
}

/// True if the log was not read because its hint names a checkpoint that is not there.
pub(super) fn is_misled(error: &DeltaTableError) -> bool {
    error.to_string().contains("_last_checkpoint hint")
}

/// True if the log was not read because the library cannot read a partition value.
pub(super) fn is_of_partition_value(error: &DeltaTableError) -> bool {
    error.to_string().contains(UNREAD_VALUE)
}

/// How the kernel says that it cannot read a partition value.
const UNREAD_VALUE: &str = "Failed to parse value ";

/// The detail of damage to a part of the log.
pub(super) fn not_understood(what: &str) -> String {
    format!("{what} cannot be understood")
}

/// How the log of a table is called.
pub(super) fn the_log(table: &str) -> String {
    format!("the Delta log of table \"{table}\"")
}

/// The error for a log that is broken.
pub(super) fn damaged(table: &str, detail: String) -> Error {
    Error::new(ErrorKind::CorruptSource, format!("{} cannot be read", the_log(table)))
        .with_detail(detail)
        .with_hint("ask the owner of the product to repair the table")
}

/// The kernel says which feature it does not know in the text of its error alone.
fn unsupported_feature(text: &str) -> Option<&str> {
    if text.contains("catalog-managed") {
        return Some("catalogManaged");
    }
    if !text.contains("not supported") && !text.contains("nsupported") {
        return None;
    }
    let (_, rest) = text.split_once("eature '")?;
    rest.split_once('\'').map(|(feature, _)| feature)
}

fn is_passing(text: &str) -> bool {
    // The kernel hides the error of the store in its text, which begins like the last one.
    ["timed out", "timeout", "connection", "Connection", "Error performing"]
        .iter()
        .any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feature_is_named_by_the_text_of_the_kernel() {
        for (text, feature) in [
            ("Unsupported: Feature 'fooBar' is not supported for reads", Some("fooBar")),
            ("is required when loading a catalog-managed table", Some("catalogManaged")),
            ("some other error", None),
        ] {
            assert_eq!(unsupported_feature(text), feature, "{text}");
        }
    }
}
