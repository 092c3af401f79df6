//! The files of a transaction log, as far as their names tell what can be read.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::object_store::{ObjectMeta, Result as StoreResult};
use futures::TryStreamExt;
use samite_engine::{Error, ErrorKind};

use super::log::{damaged, log_path};
use crate::stores::Place;

/// The files of a log.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The commits, by version.
    pub(super) commits: BTreeMap<u64, ObjectMeta>,
    /// Whole checkpoints.
    checkpoints: BTreeSet<u64>,
    /// The parts that are there of checkpoints that have several, by version and number of parts.
    parts: BTreeMap<(u64, u64), u64>,
}

impl Listing {
    /// Lists the log of the table at `place`.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub(super) async fn read(place: &Place) -> StoreResult<Self> {
        let log = log_path(place)?;
        let mut listing = Self::default();
        let mut files = place.store.store.list(Some(&log));
        while let Some(file) = files.try_next().await? {
            let name = file.location.as_ref().strip_prefix(log.as_ref());
            if let Some(name) = name.and_then(|name| name.strip_prefix('/')).map(str::to_owned) {
                listing.add(&name, file);
            }
        }
        Ok(listing)
    }

    fn add(&mut self, name: &str, file: ObjectMeta) {
        let Some((digits, rest)) = name.split_once('.').filter(|(digits, _)| digits.len() == 20)
        else {
            return;
        };
        let Ok(version) = digits.parse::<u64>() else { return };
        let words: Vec<&str> = rest.split('.').collect();
        match words.as_slice() {
            ["json"] => {
                self.commits.insert(version, file);
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

    /// The newest version that is told of.
    pub(super) fn newest(&self) -> Option<u64> {
        self.commits.keys().next_back().max(self.checkpoints.last()).copied()
    }

    /// The oldest version of which all is there; the commits before a checkpoint may be gone.
    pub(super) fn oldest_whole(&self) -> Option<u64> {
        match self.commits.first_key_value() {
            Some((0, _)) => Some(0),
            _ => self.checkpoints.first().copied(),
        }
    }

    /// What is missing of the log up to `version`, or up to its end.
    pub(super) fn problem(&self, version: Option<u64>) -> Option<String> {
        let Some(newest) = version.or_else(|| self.newest()) else {
            return Some("there is no _delta_log with commits at its location".to_owned());
        };
        let first = self.checkpoints.range(..=newest).next_back().map_or(0, |last| last + 1);
        let hole = (first..=newest).find(|version| !self.commits.contains_key(version))?;
        Some(hole_at(hole))
    }

    /// Why `version`, or else the newest one, cannot be read, as far as the names of the files tell.
    pub(super) fn refusal(&self, table: &str, version: Option<u64>) -> Option<Error> {
        if let (Some(asked), Some(newest)) = (version, self.newest()) {
            let missing = |what: &str| {
                Error::new(ErrorKind::NotFound, format!("table \"{table}\" has no version {asked}"))
                    .with_detail(what.to_owned())
            };
            if asked > newest {
                return Some(missing(&format!("its newest version is {newest}")));
            }
            if let Some(oldest) = self.oldest_whole().filter(|oldest| asked < *oldest) {
                let detail = format!("the oldest version whose log is still there is {oldest}");
                return Some(missing(&detail));
            }
        }
        self.problem(version).map(|problem| damaged(table, problem))
    }
}

/// How a missing commit is told of.
pub(super) fn hole_at(version: u64) -> String {
    format!("the log has a hole: version {version} is missing")
}

#[cfg(test)]
pub(super) mod tests {
    use chrono::DateTime;
    use datafusion::object_store::path::Path;

    use super::*;

    /// A log with these files, each written at the second that stands beside it.
    pub(in crate::delta) fn listing(files: &[(String, i64)]) -> Listing {
        let mut listing = Listing::default();
        for (name, second) in files {
            let meta = ObjectMeta {
                location: Path::from(name.as_str()),
                last_modified: DateTime::from_timestamp(*second, 0).unwrap(),
                size: 1,
                e_tag: None,
                version: None,
            };
            listing.add(name, meta);
        }
        listing
    }

    pub(in crate::delta) fn json(version: u64) -> String {
        format!("{version:020}.json")
    }

    pub(in crate::delta) fn checkpoint(version: u64, rest: &str) -> String {
        format!("{version:020}.checkpoint.{rest}")
    }

    #[test]
    fn refusal_names_the_missing_version() {
        use ErrorKind::{CorruptSource as Corrupt, NotFound};
        let part = |version, part| checkpoint(version, &format!("{part:010}.0000000002.parquet"));
        for (files, version, refused) in [
            (vec![json(0), json(1), json(3)], None, Some((Corrupt, "version 2 is missing"))),
            (vec![json(0), json(1), json(3)], Some(1), None),
            (vec![json(0), json(1)], Some(2), Some((NotFound, "newest version is 1"))),
            (vec![json(1), json(2)], None, Some((Corrupt, "version 0 is missing"))),
            (
                vec![json(11), json(13), checkpoint(10, "parquet")],
                None,
                Some((Corrupt, "version 12")),
            ),
            (vec![json(11), checkpoint(10, "parquet")], None, None),
            (vec![json(11), checkpoint(10, "parquet")], Some(10), None),
            (
                vec![json(9), json(10), json(11), checkpoint(10, "parquet")],
                Some(9),
                Some((NotFound, "still there is 10")),
            ),
            (vec![json(11), checkpoint(10, "0a-1b.json")], None, None),
            (vec![json(11), part(10, 1), part(10, 2)], None, None),
            (vec![json(11), part(10, 2)], None, Some((Corrupt, "version 0 is missing"))),
            (vec![json(0), json(1), checkpoint(9, "parquet")], Some(1), None),
            (vec![json(0), "_last_checkpoint".to_owned()], None, None),
            (vec![json(0), format!("{:020}.{:020}.compacted.json", 0, 1)], None, None),
            (vec!["_staged_commits/x.json".to_owned()], None, Some((Corrupt, "no _delta_log"))),
        ] {
            let dated: Vec<(String, i64)> = files.iter().map(|file| (file.clone(), 0)).collect();
            let found = listing(&dated).refusal("a.b.c", version);
            match (found, refused) {
                (None, None) => {}
                (Some(error), Some((kind, text))) => {
                    assert_eq!(error.kind(), kind, "{files:?}: {error:?}");
                    assert!(error.to_line().contains(text), "{files:?}: {error:?}");
                    assert!(error.message().contains("a.b.c"), "{files:?}: {error:?}");
                }
                (found, _) => panic!("{files:?} at {version:?}: {found:?}"),
            }
        }
    }
}
