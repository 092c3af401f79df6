//! The deleted rows of one file, and the two ways to leave them out.
//!
//! ```text
//! few long runs of rows ──▶ selection   the reader skips the gaps, and reads no page in them
//! many short runs       ──▶ mask        what was read is filtered: a selection costs for each run
//! ```

use datafusion::arrow::array::BooleanBufferBuilder;
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::parquet::arrow::arrow_reader::RowSelection;
use roaring::RoaringTreemap;
use samite_engine::{Error, ErrorKind, Result};

/// The most runs of kept rows of one file that a selection is made of. The files of tests are small.
const RUNS_MAX: usize = if cfg!(test) { 8 } else { 1024 };

/// The positions of the rows of one file that no longer count.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct DeletedRows(RoaringTreemap);

impl DeletedRows {
    /// Deletes the rows at these positions, counted from 0.
    pub(crate) fn new(positions: RoaringTreemap) -> Self {
        Self(positions)
    }

    /// The positions.
    pub(crate) fn positions(&self) -> &RoaringTreemap {
        &self.0
    }

    /// How many rows are deleted.
    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    /// These rows and `others`.
    pub(crate) fn and(&self, others: &Self) -> Self {
        Self(&self.0 | &others.0)
    }

    /// About the bytes that they take.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.serialized_size() as u64
    }

    /// Checks that every position lies in the file `file`, which has so many rows.
    ///
    /// # Errors
    ///
    /// When one lies beyond.
    pub(crate) fn check(&self, file: &str, rows: u64) -> Result<()> {
        let Some(last) = self.0.max().filter(|last| *last >= rows) else { return Ok(()) };
        Err(Error::new(
            ErrorKind::CorruptSource,
            format!("a deleted row lies beyond the end of file \"{file}\""),
        )
        .with_detail(format!("position {last}, but the file has {rows} rows")))
    }

    /// The rows that are left of a file with this many, if they lie in few runs.
    pub(crate) fn selection(&self, rows: u64) -> Option<RowSelection> {
        let total = usize::try_from(rows).ok()?;
        let (mut keep, mut from) = (Vec::new(), 0_usize);
        for position in &self.0 {
            let position = usize::try_from(position).ok()?;
            if position > from {
                if keep.len() == RUNS_MAX {
                    return None;
                }
                keep.push(from..position);
            }
            from = position + 1;
        }
        if from < total {
            keep.push(from..total);
        }
        Some(RowSelection::from_consecutive_ranges(keep.into_iter(), total))
    }

    /// Which of the rows at `positions` are left; all, if there is no mask.
    pub(crate) fn mask(&self, positions: &[i64]) -> Option<BooleanBuffer> {
        let first = u64::try_from(*positions.first()?).ok()?;
        let mut kept = BooleanBufferBuilder::new(positions.len());
        kept.append_n(positions.len(), true);
        let mut any = false;
        if positions.is_sorted_by(|one, next| one.checked_add(1) == Some(*next)) {
            let mut deleted = self.0.iter();
            deleted.advance_to(first);
            let offsets = deleted.map_while(|position| usize::try_from(position - first).ok());
            for offset in offsets.take_while(|offset| *offset < positions.len()) {
                kept.set_bit(offset, false);
                any = true;
            }
        } else {
            // Pages were skipped in between.
            for (offset, position) in positions.iter().enumerate() {
                if u64::try_from(*position).is_ok_and(|position| self.0.contains(position)) {
                    kept.set_bit(offset, false);
                    any = true;
                }
            }
        }
        any.then(|| kept.finish())
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
            let selection = deleted.selection(rows).unwrap();
            let covered: usize = selection.iter().map(|run| run.row_count).sum();
            assert_eq!((selection.row_count(), covered as u64), (kept, rows), "{positions:?}");
        }
    }

    #[test]
    fn selection_is_made_of_few_runs_only() {
        let runs = RUNS_MAX as u64;
        let gaps = |count: u64| (0..count).map(|gap| gap * 2 + 1).collect::<DeletedRows>();
        assert!(gaps(runs).selection(3 * runs).is_some());
        assert!(gaps(runs + 1).selection(3 * runs).is_none());
        let long: DeletedRows = (5..1_000_000).collect();
        assert!(long.selection(1_000_005).is_some(), "one gap, however long");
    }

    #[test]
    fn position_beyond_the_file_is_an_error_that_names_it() {
        let deleted: DeletedRows = [1, 7].into_iter().collect();
        let error = deleted.check("a/b.parquet", 7).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CorruptSource);
        assert!(error.message().contains("a/b.parquet"), "{error:?}");
        deleted.check("a/b.parquet", 8).unwrap();
    }

    #[test]
    fn mask_is_of_the_positions_that_were_read() {
        let deleted: DeletedRows = [2, 3, 1 << 33, (1 << 33) + 2].into_iter().collect();
        let far = 1 << 33;
        let cases: [(&[i64], Option<&[bool]>); 7] = [
            (&[], None),
            (&[4, 5, 6], None),
            (&[0, 1, 2], Some(&[true, true, false])),
            (&[3, 4], Some(&[false, true])),
            (&[far - 1, far, far + 1, far + 2], Some(&[true, false, true, false])),
            (&[1, 3, 7, far], Some(&[true, false, true, false])),
            (&[4, 5, 2, 3], Some(&[true, true, false, false])),
        ];
        for (positions, expected) in cases {
            let mask = deleted.mask(positions).map(|mask| mask.iter().collect::<Vec<_>>());
            assert_eq!(mask.as_deref(), expected, "{positions:?}");
        }
    }
}
