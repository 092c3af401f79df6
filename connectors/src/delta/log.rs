//! Opening a transaction log, and saying what is wrong with one that does not open.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::object_store::path::Path;
use datafusion::object_store::prefix::PrefixStore;
use datafusion::object_store::{
    Error as StoreError, ObjectMeta, ObjectStore, Result as StoreResult,
};
use deltalake_core::logstore::{StorageConfig, default_logstore};
use deltalake_core::{DeltaTable, DeltaTableError};
use futures::TryStreamExt;
use samite_engine::{Error, ErrorKind, Result};
use url::Url;

use super::protocol;
use crate::stores::{Place, shown, unreadable};

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
    let log = Path::parse(format!("{}/_delta_log", place.path))?;
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

/// The version of a commit; `None` for any other file and for what lies deeper.
fn commit_version(log: &Path, file: &Path) -> Option<u64> {
    let name = file.as_ref().strip_prefix(log.as_ref())?.strip_prefix('/')?;
    let digits = name.strip_suffix(".json").filter(|digits| digits.len() == 20)?;
    digits.parse().ok()
}

/// Refuses a log that does not hold all of the table up to `version`.
///
/// The library reads a log without its beginning as if nothing had ever stood there.
///
/// # Errors
///
/// If a commit is missing that no checkpoint holds, or the log cannot be listed.
pub(super) async fn check_complete(table: &str, place: &Place, version: u64) -> Result<()> {
    let log = format!("the Delta log of table \"{table}\"");
    let listing = Listing::read(place).await.map_err(|error| unreadable(&log, error))?;
    match listing.problem(Some(version)) {
        Some(problem) => Err(damaged(&log, problem)),
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
    let log = format!("the Delta log of table \"{table}\"");
    let listing = match Listing::read(place).await {
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
    match listing.problem(version) {
        Some(problem) => damaged(&log, problem).with_source(error),
        None if is_passing(&text) => {
            Error::new(ErrorKind::SourceUnavailable, format!("{log} cannot be read now"))
                .with_source(error)
        }
        None => damaged(&log, damage(&text)).with_source(error),
    }
}

fn damaged(log: &str, detail: String) -> Error {
    Error::new(ErrorKind::CorruptSource, format!("{log} cannot be read"))
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

fn damage(text: &str) -> String {
    match text.split_once("Failed to parse value ") {
        Some((_, values)) => format!("a partition value is not of its type: {values}"),
        None => "an entry of the log, or a checkpoint, is damaged".to_owned(),
    }
}

fn is_passing(text: &str) -> bool {
    ["timed out", "timeout", "connection", "Connection"].iter().any(|word| text.contains(word))
}

/// The files of a log, as far as they tell what is missing.
#[derive(Debug, Default)]
struct Listing {
    commits: BTreeSet<u64>,
    /// Whole checkpoints.
    checkpoints: BTreeSet<u64>,
    /// The parts that are there of checkpoints that have several, by version and number of parts.
    parts: BTreeMap<(u64, u64), u64>,
}

impl Listing {
    async fn read(place: &Place) -> StoreResult<Self> {
        let log = Path::parse(format!("{}/_delta_log", place.path))?;
        let mut listing = Self::default();
        let mut files = place.store.store.list(Some(&log));
        while let Some(file) = files.try_next().await? {
            let name = file.location.as_ref().strip_prefix(log.as_ref());
            if let Some(name) = name.and_then(|name| name.strip_prefix('/')) {
                listing.add(name);
            }
        }
        Ok(listing)
    }

    fn add(&mut self, name: &str) {
        let Some((digits, rest)) = name.split_once('.').filter(|(digits, _)| digits.len() == 20)
        else {
            return;
        };
        let Ok(version) = digits.parse::<u64>() else { return };
        let words: Vec<&str> = rest.split('.').collect();
        match words.as_slice() {
            ["json"] => {
                self.commits.insert(version);
            }
            ["checkpoint", "parquet"] | ["checkpoint", _, "parquet" | "json"] => {
                self.checkpoints.insert(version);
            }
            ["checkpoint", _, of, "parquet"] => {
                let Ok(of) = of.parse::<u64>() else { return };
                let there = self.parts.entry((version, of)).or_default();
                *there += 1;
                if *there == of {
                    self.checkpoints.insert(version);
                }
            }
            _ => {}
        }
    }

    fn newest(&self) -> Option<u64> {
        self.commits.last().max(self.checkpoints.last()).copied()
    }

    /// What is missing of the log up to `version`, or up to its end.
    fn problem(&self, version: Option<u64>) -> Option<String> {
        let Some(newest) = version.or_else(|| self.newest()) else {
            return Some("there is no _delta_log with commits at its location".to_owned());
        };
        let first = self.checkpoints.range(..=newest).next_back().map_or(0, |last| last + 1);
        let hole = (first..=newest).find(|version| !self.commits.contains(version))?;
        Some(format!("the log has a hole: version {hole} is missing"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_names_the_missing_version() {
        let json = |version: u64| format!("{version:020}.json");
        let checkpoint = |version: u64, rest: &str| format!("{version:020}.checkpoint.{rest}");
        let part = |version, part| checkpoint(version, &format!("{part:010}.0000000002.parquet"));
        for (files, version, problem) in [
            (vec![json(0), json(1), json(3)], None, Some("version 2 is missing")),
            (vec![json(0), json(1), json(3)], Some(1), None),
            (vec![json(1), json(2)], None, Some("version 0 is missing")),
            (vec![json(11), json(13), checkpoint(10, "parquet")], None, Some("version 12")),
            (vec![json(11), checkpoint(10, "parquet")], None, None),
            (vec![json(11), checkpoint(10, "0a-1b.json")], None, None),
            (vec![json(11), part(10, 1), part(10, 2)], None, None),
            (vec![json(11), part(10, 2)], None, Some("version 0 is missing")),
            (vec![json(0), json(1), checkpoint(9, "parquet")], Some(1), None),
            (vec![json(0), "_last_checkpoint".to_owned()], None, None),
            (vec![json(0), format!("{:020}.{:020}.compacted.json", 0, 1)], None, None),
            (vec!["_staged_commits/x.json".to_owned()], None, Some("no _delta_log")),
        ] {
            let mut listing = Listing::default();
            for file in &files {
                listing.add(file);
            }
            let found = listing.problem(version);
            match problem {
                Some(text) => {
                    let found = found.unwrap_or_default();
                    assert!(found.contains(text), "{files:?}: {found}");
                }
                None => assert_eq!(found, None, "{files:?}"),
            }
        }
    }

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
