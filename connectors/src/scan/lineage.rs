//! Row lineage: which row this has always been, and which commit changed it last.
//!
//! ```text
//! the file has a value ──▶ that value           (rows that were rewritten)
//! it has none          ──▶ row id: first id of the file + position; sequence number: the file's
//! ```
//!
//! Of a file that has no first id, nothing is known. Iceberg, "Row Lineage" (version 3).

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::datatypes::Int64Type;

/// A column of row lineage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Lineage {
    /// Which row it has always been.
    RowId,
    /// The sequence number of the commit that changed the row last.
    LastUpdated,
}

/// What the rows of a file inherit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileLineage {
    /// The id of the first row.
    pub(crate) first_row_id: i64,
    /// The sequence number of the file.
    pub(crate) sequence_number: i64,
}

impl Lineage {
    /// Both of them.
    pub(crate) const ALL: [Self; 2] = [Self::RowId, Self::LastUpdated];

    /// The field id that the specification reserves for it.
    pub(crate) const fn field_id(self) -> i32 {
        match self {
            Self::RowId => i32::MAX - 107,
            Self::LastUpdated => i32::MAX - 108,
        }
    }

    /// The name that the specification reserves for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RowId => "_row_id",
            Self::LastUpdated => "_last_updated_sequence_number",
        }
    }

    /// `held`, which a file has, with what it lacks from the file; `None` if it is no column of
    /// numbers.
    pub(crate) fn of(
        self,
        held: &ArrayRef,
        positions: &[i64],
        file: Option<FileLineage>,
    ) -> Option<ArrayRef> {
        let Some(file) = file.filter(|_| held.null_count() > 0) else {
            return Some(Arc::clone(held));
        };
        let held = held.as_primitive_opt::<Int64Type>()?;
        let inherited = |position: i64| match self {
            Self::RowId => file.first_row_id.checked_add(position),
            Self::LastUpdated => Some(file.sequence_number),
        };
        let rows = held.iter().zip(positions);
        let filled = rows.map(|(held, position)| held.or_else(|| inherited(*position)));
        Some(Arc::new(filled.collect::<Int64Array>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_does_not_tell_is_inherited() {
        let held: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(7), None]));
        let file = FileLineage { first_row_id: 100, sequence_number: 3 };
        for (column, of_file, expected) in [
            (Lineage::RowId, Some(file), [Some(100), Some(7), Some(105)]),
            (Lineage::LastUpdated, Some(file), [Some(3), Some(7), Some(3)]),
            (Lineage::RowId, None, [None, Some(7), None]),
        ] {
            let found = column.of(&held, &[0, 2, 5], of_file).expect("they are numbers");
            let found: Vec<_> = found.as_primitive::<Int64Type>().iter().collect();
            assert_eq!(found, expected, "{column:?}");
        }
    }
}
