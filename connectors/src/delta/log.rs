//! Opening a transaction log, and saying what is wrong with one that does not open.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::object_store::path::Path;
use datafusion::object_store::prefix::PrefixStore;
use datafusion::object_store::{Error as StoreError, ObjectStore};
use deltalake_core::logstore::{StorageConfig, default_logstore};
use deltalake_core::{DeltaTable, DeltaTableError};
use futures::TryStreamExt;
use samite_engine::{Error, ErrorKind, Result};
use url::Url;

use super::protocol;
use crate::stores::{Place, unreadable};

/// A table whose log is not read yet.
///
/// # Errors
///
/// If the place cannot be written as a URL.
pub(super) fn table(place: &Place) -> Result<DeltaTable> {
    let root = Arc::clone(&place.store.store);
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
            format!("location \"{}\" cannot hold a Delta table", place.location()),
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
    let log = format!("the Delta log of table \"{table}\"");
    let listing = match list(place).await {
        Ok(listing) => listing,
        Err(StoreError::NotFound { .. }) => Listing::default(),
        Err(error) => return unreadable(&log, error),
    };
    if let (Some(asked), Some(newest)) = (version, listing.newest())
        && asked > newest
    {
        return Error::new(
            ErrorKind::NotFound,
            format!("table \"{table}\" has no version {asked}"),
        )
        .with_detail(format!("its newest version is {newest}"))
        .with_source(error);
    }
    if let DeltaTableError::ObjectStore { source } = error {
        return unreadable(&log, source);
    }
    let kind = match listing.problem() {
        None if is_passing(&text) => ErrorKind::SourceUnavailable,
        _ => ErrorKind::CorruptSource,
    };
    let detail = listing
        .problem()
        .unwrap_or_else(|| "an entry of the log, or a checkpoint, is damaged".to_owned());
    Error::new(kind, format!("{log} cannot be read"))
        .with_detail(detail)
        .with_hint("ask the owner of the product to repair the table")
        .with_source(error)
}

/// The kernel says which feature it does not know in the text of its error alone.
fn unsupported_feature(text: &str) -> Option<&str> {
    if !text.contains("not supported") && !text.contains("nsupported") {
        return None;
    }
    let (_, rest) = text.split_once("eature '")?;
    rest.split_once('\'').map(|(feature, _)| feature)
}

fn is_passing(text: &str) -> bool {
    ["timed out", "timeout", "connection", "Connection"].iter().any(|word| text.contains(word))
}

/// The files of a log, as far as they tell what is missing.
#[derive(Debug, Default)]
struct Listing {
    commits: BTreeSet<u64>,
    checkpoints: BTreeSet<u64>,
}

async fn list(place: &Place) -> std::result::Result<Listing, StoreError> {
    let folder = Path::parse(format!("{}/_delta_log", place.path)).map_err(StoreError::from)?;
    let mut listing = Listing::default();
    let mut files = place.store.store.list(Some(&folder));
    while let Some(file) = files.try_next().await? {
        let Some((number, rest)) = file.location.filename().and_then(|n| n.split_once('.')) else {
            continue;
        };
        let (Ok(version), 20) = (number.parse(), number.len()) else { continue };
        if rest == "json" {
            listing.commits.insert(version);
        } else if rest.starts_with("checkpoint.") {
            listing.checkpoints.insert(version);
        }
    }
    Ok(listing)
}

impl Listing {
    fn newest(&self) -> Option<u64> {
        self.commits.last().max(self.checkpoints.last()).copied()
    }

    fn problem(&self) -> Option<String> {
        let Some(newest) = self.newest() else {
            return Some("there is no _delta_log with commits at its location".to_owned());
        };
        let first = self.checkpoints.first().map_or(0, |version| version + 1);
        let hole = (first..=newest).find(|version| !self.commits.contains(version))?;
        Some(format!("the log has a hole: version {hole} is missing"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_names_the_missing_version() {
        for (commits, checkpoints, problem) in [
            (vec![0, 1, 3], vec![], Some("version 2 is missing")),
            (vec![1, 2], vec![], Some("version 0 is missing")),
            (vec![11, 13], vec![10], Some("version 12 is missing")),
            (vec![], vec![], Some("no _delta_log")),
            (vec![0, 1], vec![], None),
            (vec![11], vec![10], None),
        ] {
            let listing = Listing {
                commits: commits.into_iter().collect(),
                checkpoints: checkpoints.into_iter().collect(),
            };
            let found = listing.problem();
            match problem {
                Some(text) => assert!(found.clone().is_some_and(|f| f.contains(text)), "{found:?}"),
                None => assert_eq!(found, None),
            }
        }
    }

    #[test]
    fn feature_is_named_by_the_text_of_the_kernel() {
        for (text, feature) in [
            ("Unsupported: Feature 'fooBar' is not supported for reads", Some("fooBar")),
            ("some other error", None),
        ] {
            assert_eq!(unsupported_feature(text), feature, "{text}");
        }
    }
}
