//! The deleted rows of one file, and the row selection that skips them.
//!
//! A selection costs memory for each run of rows, so that their number is bounded.

use datafusion::parquet::arrow::arrow_reader::RowSelection;
use roaring::RoaringTreemap;
use samite_engine::{Error, ErrorKind, Result};

/// The most runs of kept rows that the deletes of all files of one scan may leave.
pub(crate) const RUNS_MAX: u64 = 16 * 1024 * 1024;

/// The positions of the rows of one file that no longer count.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct DeletedRows(RoaringTreemap);

impl DeletedRows {
    /// Deletes the rows at these positions, counted from 0.
    pub(crate) fn new(positions: RoaringTreemap) -> Self {
        Self(positions)
    }

    /// How many rows are deleted.
    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    /// The rows that are left of a file with this many; `runs_left`, which all files of a scan share,
    /// goes down by their runs.
    ///
    /// # Errors
    ///
    /// When a position lies beyond the file, or the deletes are too scattered to hold in memory.
    pub(crate) fn selection(
        &self,
        file: &str,
        rows: u64,
        runs_left: &mut u64,
    ) -> Result<RowSelection> {
        if let Some(last) = self.0.max().filter(|last| *last >= rows) {
            return Err(Error::new(
                ErrorKind::CorruptSource,
                format!("a deleted row lies beyond the end of file \"{file}\""),
            )
            .with_detail(format!("position {last}, but the file has {rows} rows")));
        }
        let beyond = || {
            Error::new(
                ErrorKind::ResourcesExhausted,
                format!("file \"{file}\" has too many deleted rows to skip"),
            )
            .with_detail(format!(
                "the rows that are left of all files of one scan may have {RUNS_MAX} gaps"
            ))
            .with_hint("ask the owner of the product to rewrite the table without deleted rows")
        };
        let total = usize::try_from(rows).map_err(|_| beyond())?;
        let (mut keep, mut from) = (Vec::new(), 0_usize);
        for position in &self.0 {
            let position = usize::try_from(position).map_err(|_| beyond())?;
            if position > from {
                *runs_left = runs_left.checked_sub(1).ok_or_else(beyond)?;
                keep.push(from..position);
            }
            from = position + 1;
        }
        if from < total {
            keep.push(from..total);
        }
        Ok(RowSelection::from_consecutive_ranges(keep.into_iter(), total))
    }
}

impl FromIterator<u64> for DeletedRows {
    fn from_iter<T: IntoIterator<Item = u64>>(positions: T) -> Self {
        Self(positions.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selection_covers_the_file_and_skips_what_is_deleted() {
        let cases: [(&[u64], u64, usize); 6] = [
            (&[], 3, 3),
            (&[0], 3, 2),
            (&[2], 3, 2),
            (&[0, 1, 2], 3, 0),
            (&[1, 3], 5, 3),
            (&[], 0, 0),
        ];
        for (positions, rows, kept) in cases {
            let deleted: DeletedRows = positions.iter().copied().collect();
            let selection = deleted.selection("f", rows, &mut 10).unwrap();
            let covered: usize = selection.iter().map(|run| run.row_count).sum();
            assert_eq!((selection.row_count(), covered as u64), (kept, rows), "{positions:?}");
        }
    }

    #[test]
    fn position_beyond_the_file_is_an_error_that_names_it() {
        let deleted: DeletedRows = [1, 7].into_iter().collect();
        let error = deleted.selection("a/b.parquet", 7, &mut 10).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CorruptSource);
        assert!(error.message().contains("a/b.parquet"), "{error:?}");
    }

    #[test]
    fn files_of_one_scan_share_a_bound() {
        let deleted: DeletedRows = [1, 3, 5].into_iter().collect();
        let mut runs_left = 5;
        deleted.selection("a.parquet", 7, &mut runs_left).unwrap();
        assert_eq!(runs_left, 2);
        let error = deleted.selection("b.parquet", 7, &mut runs_left).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourcesExhausted);
        assert!(error.message().contains("b.parquet") && error.hint().is_some(), "{error:?}");
    }
}
