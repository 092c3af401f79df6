//! Which version of a table an instant means.
//!
//! ```text
//! files of the log ─▶ commits whose version can be read ─▶ the last one not after the instant
//! ```
//!
//! A commit was made when it says so itself, where the table has in-commit timestamps; else when its
//! file was written, made strictly increasing from the oldest version that can be read, as Spark does.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use chrono::{DateTime, SecondsFormat, Utc};
use datafusion::object_store::ObjectMeta;
use datafusion::object_store::path::Path;
use parking_lot::Mutex;
use samite_engine::{Error, ErrorKind, Result};

use super::commit_info;
use super::in_commit::InCommitTimestamps;
use super::listing::{Listing, hole_at};
use super::log;
use super::snapshot::TableReader;
use crate::stores::StoreId;

/// Instants of commits that are remembered of one table.
const INSTANTS_MAX: usize = 4096;

/// What is remembered of the histories of tables.
#[derive(Debug)]
pub(super) struct Histories {
    tables_max: usize,
    kept: Mutex<HashMap<(StoreId, Path), History>>,
}

/// What one table says about the instants of its commits, while its newest commit is the same.
#[derive(Debug, Clone)]
struct History {
    used: Instant,
    newest: Option<ObjectMeta>,
    rule: InCommitTimestamps,
    instants: BTreeMap<u64, i64>,
}

impl Histories {
    pub(super) fn new(tables_max: usize) -> Self {
        Self { tables_max, kept: Mutex::default() }
    }

    /// The version that was the newest one at `at`.
    ///
    /// # Errors
    ///
    /// `NotFound` if the table is younger, or its log does not reach back so far.
    pub(super) async fn version_at(
        &self,
        reader: &TableReader<'_>,
        at: DateTime<Utc>,
    ) -> Result<u64> {
        let listing = log::listing(reader.name, reader.place).await?;
        if let Some(refusal) = listing.refusal(reader.name, None) {
            return Err(refusal);
        }
        let key = (reader.place.store.id.clone(), reader.place.path.clone());
        let mut history = self.history(&key, reader, &listing).await?;
        let found = find(reader, &listing, &mut history, at).await;
        self.keep(key, history);
        found
    }

    async fn history(
        &self,
        key: &(StoreId, Path),
        reader: &TableReader<'_>,
        listing: &Listing,
    ) -> Result<History> {
        let newest = listing.commits.last_key_value().map(|(_, file)| file.clone());
        let kept = self.kept.lock().get(key).cloned();
        if let Some(kept) = kept.filter(|kept| kept.newest.is_some() && kept.newest == newest) {
            return Ok(History { used: Instant::now(), ..kept });
        }
        let properties = log::properties(reader.name, reader.place).await?;
        let rule = InCommitTimestamps::parse(reader.name, &properties)?;
        Ok(History { used: Instant::now(), newest, rule, instants: BTreeMap::new() })
    }

    fn keep(&self, key: (StoreId, Path), mut history: History) {
        if history.instants.len() > INSTANTS_MAX {
            history.instants.clear();
        }
        let mut kept = self.kept.lock();
        kept.insert(key, history);
        while kept.len() > self.tables_max {
            let oldest = kept.iter().min_by_key(|(_, history)| history.used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { return };
            kept.remove(&oldest);
        }
    }
}

async fn find(
    reader: &TableReader<'_>,
    listing: &Listing,
    history: &mut History,
    at: DateTime<Utc>,
) -> Result<u64> {
    let oldest = listing.oldest_whole().unwrap_or_default();
    let commits: Vec<(u64, &ObjectMeta)> =
        listing.commits.range(oldest..).map(|(version, file)| (*version, file)).collect();
    let at_ms = at.timestamp_millis();
    let first_told = history.rule.first_version(at_ms);
    let found = match first_told {
        Some(first) => {
            let told = commits.iter().filter(|(version, _)| *version >= first);
            let told: Vec<u64> = told.map(|(version, _)| *version).collect();
            last_told(reader, history, &told, at_ms).await?
        }
        None => {
            let files = commits
                .iter()
                .filter(|(version, _)| !history.rule.tells(*version))
                .map(|(version, file)| (*version, file.last_modified.timestamp_millis()));
            last_written(files, at_ms)
        }
    };
    let version = match found {
        Found::Version(version) => version,
        Found::None { oldest } => return Err(too_old(reader.name, at, oldest)),
    };
    // What was committed next may have been committed before the instant, if it is not there.
    match listing.commits.range(version + 1..).next() {
        Some((next, _)) if *next > version + 1 => {
            Err(log::damaged(reader.name, hole_at(version + 1)))
        }
        _ => Ok(version),
    }
}

/// What a search found: a version, or else the oldest commit and its instant.
#[derive(Debug, PartialEq)]
enum Found {
    Version(u64),
    None { oldest: Option<(u64, i64)> },
}

/// The last commit whose file was written at `at_ms` or before, of commits in their order.
fn last_written(commits: impl Iterator<Item = (u64, i64)>, at_ms: i64) -> Found {
    let mut found = Found::None { oldest: None };
    let mut last_ms = None;
    for (version, written_ms) in commits {
        let ms = last_ms.map_or(written_ms, |last: i64| written_ms.max(last.saturating_add(1)));
        if ms > at_ms {
            if last_ms.is_none() {
                found = Found::None { oldest: Some((version, ms)) };
            }
            break;
        }
        found = Found::Version(version);
        last_ms = Some(ms);
    }
    found
}

/// The last of `versions` that says itself that it was made at `at_ms` or before.
async fn last_told(
    reader: &TableReader<'_>,
    history: &mut History,
    versions: &[u64],
    at_ms: i64,
) -> Result<Found> {
    let mut oldest = None;
    let (mut low, mut high) = (0, versions.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let Some(version) = versions.get(middle).copied() else { break };
        let ms = match history.instants.get(&version) {
            Some(ms) => *ms,
            None => commit_info::in_commit_ms(reader, version).await?,
        };
        history.instants.insert(version, ms);
        if ms <= at_ms {
            low = middle + 1;
        } else {
            high = middle;
            oldest = Some((version, ms));
        }
    }
    let found = low.checked_sub(1).and_then(|last| versions.get(last));
    Ok(found.map_or(Found::None { oldest }, |version| Found::Version(*version)))
}

fn too_old(table: &str, at: DateTime<Utc>, oldest: Option<(u64, i64)>) -> Error {
    let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let error = Error::new(
        ErrorKind::NotFound,
        format!("table \"{table}\" has no version as old as {}", text(at)),
    );
    let instant = |ms| DateTime::from_timestamp_millis(ms).map(text).unwrap_or_default();
    match oldest {
        Some((version, ms)) => error.with_detail(format!(
            "its oldest version that can be read, {version}, was committed at {}",
            instant(ms)
        )),
        None => error.with_detail("no commit of that age is left in its log"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_files_are_made_strictly_increasing() {
        let commits = [(3, 100), (4, 90), (5, 100), (6, 300)];
        for (at_ms, found) in [
            (99, Found::None { oldest: Some((3, 100)) }),
            (100, Found::Version(3)),
            (101, Found::Version(4)),
            (102, Found::Version(5)),
            (299, Found::Version(5)),
            (300, Found::Version(6)),
            (i64::MAX, Found::Version(6)),
        ] {
            assert_eq!(last_written(commits.into_iter(), at_ms), found, "{at_ms}");
        }
        assert_eq!(last_written([].into_iter(), 5), Found::None { oldest: None });
    }

    #[test]
    fn error_says_how_far_the_log_reaches_back() {
        let at = DateTime::from_timestamp_millis(1_000).unwrap();
        for (oldest, part) in [
            (Some((7, 2_000)), "7, was committed at 1970-01-01T00:00:02.000Z"),
            (None, "no commit of that age"),
        ] {
            let error = too_old("a.b.c", at, oldest);
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert!(error.message().contains("\"a.b.c\""), "{error:?}");
            assert!(error.message().contains("1970-01-01T00:00:01.000Z"), "{error:?}");
            assert!(error.to_line().contains(part), "{error:?}");
        }
    }
}
