//! Deleted rows on their way to a scan: at hand, or in files of their own that are fetched when a scan
//! is planned.
//!
//! Only those of files that are read are fetched; and none where rows are just counted, since the
//! metadata tells how many are deleted.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use samite_engine::{Error, ErrorKind, Result};

use super::{DeletedRows, LakeFile};

/// The rows of one file that no longer count.
#[derive(Debug, Clone)]
pub(crate) enum Deletes {
    /// They are at hand.
    Held(Arc<DeletedRows>),
    /// They lie elsewhere.
    Stored {
        /// How many there are.
        rows: u64,
        /// Where they lie.
        of: Arc<dyn StoredDeletes>,
        /// Which of those that lie there.
        place: usize,
    },
}

/// Where deleted rows of many files lie.
#[async_trait]
pub(crate) trait StoredDeletes: fmt::Debug + Send + Sync {
    /// The deleted rows at `places`, in their order.
    ///
    /// # Errors
    ///
    /// When they cannot be read, or are not as many as the metadata tells.
    async fn fetch(&self, places: &[usize]) -> Result<Vec<Arc<DeletedRows>>>;
}

impl Deletes {
    /// How many rows are deleted.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Held(deleted) => deleted.len(),
            Self::Stored { rows, .. } => *rows,
        }
    }
}

impl From<Arc<DeletedRows>> for Deletes {
    fn from(deleted: Arc<DeletedRows>) -> Self {
        Self::Held(deleted)
    }
}

/// What one scan needs of the rows of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needed {
    /// Their values.
    Values,
    /// Their number: whichever rows of a file are left out, the others are as good.
    Number,
}

/// The deleted rows of the files of one scan.
#[derive(Debug, Default)]
pub(crate) struct FetchedDeletes(Vec<Source>);

/// Those of one place where they lie.
#[derive(Debug)]
struct Source {
    of: Arc<dyn StoredDeletes>,
    rows: HashMap<usize, Arc<DeletedRows>>,
}

impl FetchedDeletes {
    /// Fetches the deleted rows of `files` as far as they are not at hand.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    pub(crate) async fn fetch(files: &[&LakeFile], needed: Needed) -> Result<Self> {
        let mut fetched = Self::default();
        let mut wanted: Vec<Vec<usize>> = Vec::new();
        for file in files {
            let Some(Deletes::Stored { rows, of, place }) = &file.deleted_rows else { continue };
            let known = fetched.0.iter().position(|source| Arc::ptr_eq(&source.of, of));
            let at = known.unwrap_or_else(|| {
                fetched.0.push(Source { of: Arc::clone(of), rows: HashMap::new() });
                wanted.push(Vec::new());
                fetched.0.len() - 1
            });
            let last = file.rows.and_then(|total| Some(total.checked_sub(*rows)?..total));
            match (last, fetched.0.get_mut(at), wanted.get_mut(at)) {
                (Some(last), Some(source), _) if needed == Needed::Number => {
                    source.rows.insert(*place, Arc::new(last.collect()));
                }
                (_, _, Some(wanted)) => wanted.push(*place),
                _ => {}
            }
        }
        for (source, wanted) in fetched.0.iter_mut().zip(wanted) {
            let rows = source.of.fetch(&wanted).await?;
            source.rows.extend(wanted.into_iter().zip(rows));
        }
        Ok(fetched)
    }

    /// The deleted rows of a file that they were fetched for.
    ///
    /// # Errors
    ///
    /// When they were not fetched.
    pub(crate) fn of(&self, file: &LakeFile) -> Result<Option<Arc<DeletedRows>>> {
        let (of, place) = match &file.deleted_rows {
            None => return Ok(None),
            Some(Deletes::Held(deleted)) => return Ok(Some(Arc::clone(deleted))),
            Some(Deletes::Stored { of, place, .. }) => (of, place),
        };
        let source = self.0.iter().find(|source| Arc::ptr_eq(&source.of, of));
        match source.and_then(|source| source.rows.get(place)) {
            Some(deleted) => Ok(Some(Arc::clone(deleted))),
            None => Err(Error::new(ErrorKind::Internal, "deleted rows were not fetched")),
        }
    }
}
