//! Between which values those of a column lie, over all files of a snapshot.
//!
//! | of a file is known | the greatest value is at least | at most |
//! | --- | --- | --- |
//! | bounds that both occur, no row deleted | its maximum | its maximum |
//! | instants that were rounded, no row deleted | its maximum less the rest | its maximum |
//! | bounds, cut or rounded, no row deleted | its minimum | its maximum |
//! | bounds, and rows are deleted | nothing | its maximum |
//! | only NULLs, or no rows | it does not count | it does not count |
//! | nothing | nothing | nothing, for the whole table |
//!
//! And the other way round for the least value.

use std::cmp::Ordering;

use datafusion::scalar::ScalarValue;
use samite_engine::connector::{ColumnRange, Extreme, ValueRange};

use super::{Bounds, KnownColumn, LakeFile};

/// Between which values those of the column at `index` lie. `is_complete` is false if there are
/// more files than `files`.
pub(crate) fn range_of<'a>(
    files: impl Iterator<Item = &'a LakeFile>,
    index: usize,
    is_complete: bool,
) -> ColumnRange {
    let mut told = Told { is_bounded: is_complete, ..Told::default() };
    for file in files {
        told.add(file, index);
    }
    let Told { has_values, is_bounded, bounds, occurring } = told;
    if !has_values {
        return if is_bounded { ColumnRange::Empty } else { ColumnRange::Unknown };
    }
    let (floor, ceiling) = if is_bounded { bounds } else { (None, None) };
    let (highest_of_least, lowest_of_greatest) = occurring;
    ColumnRange::Values(Box::new(ValueRange {
        least: Extreme { at_least: floor, at_most: highest_of_least },
        greatest: Extreme { at_least: lowest_of_greatest, at_most: ceiling },
    }))
}

/// The same range if any row may have been deleted: no value is known to be there.
pub(crate) fn with_deletes(range: ColumnRange) -> ColumnRange {
    match range {
        ColumnRange::Values(mut range) => {
            range.least.at_most = None;
            range.greatest.at_least = None;
            ColumnRange::Values(range)
        }
        ColumnRange::Unknown | ColumnRange::Empty => range,
    }
}

type Pair = (Option<ScalarValue>, Option<ScalarValue>);

/// What the files told so far.
#[derive(Default)]
struct Told {
    has_values: bool,
    /// False once a file had values of which nothing is known.
    is_bounded: bool,
    /// No value lies outside.
    bounds: Pair,
    /// The least value is not greater than the first, the greatest not less than the second.
    occurring: Pair,
}

impl Told {
    fn add(&mut self, file: &LakeFile, index: usize) {
        match file.column(index) {
            KnownColumn::NoRows | KnownColumn::NoValues => {}
            KnownColumn::Constant(value) => {
                // In a file that may be empty, the value may not occur.
                let occurs = !file.may_lack_rows() && file.rows.is_some();
                self.bounded((value, value), occurs.then_some((value, value)));
            }
            KnownColumn::Bounds(bounds) => self.add_bounds(file, bounds),
            KnownColumn::Unknown => self.unknown(),
        }
    }

    fn add_bounds(&mut self, file: &LakeFile, bounds: &Bounds) {
        let (Some(min), Some(max)) = (&bounds.min, &bounds.max) else { return self.unknown() };
        if min.is_null() || max.is_null() {
            return self.unknown();
        }
        let has_value = bounds.attained
            || matches!((file.rows, bounds.nulls), (Some(rows), Some(nulls)) if nulls < rows);
        let occurring = match (has_value && !file.may_lack_rows(), bounds.rounded_us) {
            (false, _) => None,
            (true, _) if bounds.attained => Some((min.clone(), max.clone())),
            (true, Some(rounded)) => moved(min, rounded).zip(moved(max, -rounded)),
            // Some value is there, and it lies between the two.
            (true, None) => Some((max.clone(), min.clone())),
        };
        let occurring = occurring.as_ref().map(|(low, high)| (low, high));
        self.bounded((min, max), occurring);
    }

    fn unknown(&mut self) {
        self.has_values = true;
        self.is_bounded = false;
    }

    fn bounded(
        &mut self,
        (min, max): (&ScalarValue, &ScalarValue),
        occurring: Option<(&ScalarValue, &ScalarValue)>,
    ) {
        self.has_values = true;
        keep(&mut self.bounds.0, min, Ordering::Less);
        keep(&mut self.bounds.1, max, Ordering::Greater);
        if let Some((low, high)) = occurring {
            keep(&mut self.occurring.0, low, Ordering::Less);
            keep(&mut self.occurring.1, high, Ordering::Greater);
        }
    }
}

/// An instant so much later.
fn moved(value: &ScalarValue, by_us: i64) -> Option<ScalarValue> {
    match value {
        ScalarValue::TimestampMicrosecond(Some(at), zone) => {
            Some(ScalarValue::TimestampMicrosecond(Some(at.checked_add(by_us)?), zone.clone()))
        }
        _ => None,
    }
}

/// Keeps the more extreme of two values.
fn keep(known: &mut Option<ScalarValue>, value: &ScalarValue, wanted: Ordering) {
    let is_further = |old: &ScalarValue| value.partial_cmp(old) == Some(wanted);
    if known.as_ref().is_none_or(is_further) {
        *known = Some(value.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::DateTime;
    use object_store::ObjectMeta;
    use object_store::path::Path;

    use super::*;
    use crate::scan::{Bounds, Deletes};
    use crate::testing::Folder;

    fn int(value: i64) -> ScalarValue {
        ScalarValue::Int64(Some(value))
    }

    fn bounds(min: i64, max: i64, attained: bool) -> Bounds {
        Bounds {
            min: Some(int(min)),
            max: Some(int(max)),
            nulls: Some(0),
            attained,
            has_no_nan: true,
            ..Bounds::default()
        }
    }

    fn file(folder: &Folder, rows: Option<u64>, bounds: Vec<Bounds>) -> LakeFile {
        let store = folder.stores.resolve(&folder.location(), None).expect("a place").store;
        let meta = ObjectMeta {
            location: Path::from("a.parquet"),
            last_modified: DateTime::UNIX_EPOCH,
            size: 1,
            e_tag: None,
            version: None,
        };
        LakeFile { rows, bounds, ..LakeFile::new(Arc::clone(&store), meta) }
    }

    fn values(least: [Option<i64>; 2], greatest: [Option<i64>; 2]) -> ColumnRange {
        let extreme = |[at_least, at_most]: [Option<i64>; 2]| Extreme {
            at_least: at_least.map(int),
            at_most: at_most.map(int),
        };
        let (least, greatest) = (extreme(least), extreme(greatest));
        ColumnRange::Values(Box::new(ValueRange { least, greatest }))
    }

    #[test]
    fn range_claims_only_what_every_reader_would_see() {
        let folder = Folder::new();
        let of = |rows, bounds| file(&folder, rows, bounds);
        let exact = of(Some(3), vec![bounds(2, 5, true)]);
        let rounded = of(Some(3), vec![bounds(1, 9, false)]);
        let unknown = of(Some(3), Vec::new());
        let nulls = of(Some(3), vec![Bounds { nulls: Some(3), ..Bounds::default() }]);
        let none = of(Some(0), Vec::new());
        let keyed = LakeFile { has_deleted_keys: true, ..exact.clone() };
        let deleted = LakeFile {
            deleted_rows: Some(Deletes::Held(Arc::new([1].into_iter().collect()))),
            ..exact.clone()
        };
        let constant = LakeFile { constants: vec![(0, int(7))], ..of(Some(1), Vec::new()) };
        let null =
            LakeFile { constants: vec![(0, ScalarValue::Int64(None))], ..of(Some(1), Vec::new()) };
        for (name, files, is_complete, expected) in [
            ("exact", vec![&exact], true, values([Some(2), Some(2)], [Some(5), Some(5)])),
            ("rounded", vec![&rounded], true, values([Some(1), Some(9)], [Some(1), Some(9)])),
            ("both", vec![&exact, &rounded], true, values([Some(1), Some(2)], [Some(5), Some(9)])),
            ("more", vec![&exact], false, values([None, Some(2)], [Some(5), None])),
            ("one unknown", vec![&exact, &unknown], true, values([None, Some(2)], [Some(5), None])),
            ("keys", vec![&keyed], true, values([Some(2), None], [None, Some(5)])),
            ("deleted", vec![&deleted], true, values([Some(2), None], [None, Some(5)])),
            ("constant", vec![&constant], true, values([Some(7), Some(7)], [Some(7), Some(7)])),
            ("no value", vec![&nulls, &none, &null], true, ColumnRange::Empty),
            ("no file", vec![], true, ColumnRange::Empty),
            ("no file yet", vec![], false, ColumnRange::Unknown),
            ("unknown", vec![&unknown], true, values([None, None], [None, None])),
        ] {
            assert_eq!(range_of(files.into_iter(), 0, is_complete), expected, "{name}");
        }
        let at = |us: i64| ScalarValue::TimestampMicrosecond(Some(us), None);
        let instants = Bounds {
            min: Some(at(1_000)),
            max: Some(at(90_999)),
            rounded_us: Some(999),
            ..bounds(0, 0, false)
        };
        let instants = of(Some(3), vec![instants]);
        assert_eq!(
            range_of([&instants].into_iter(), 0, true),
            ColumnRange::Values(Box::new(ValueRange {
                least: Extreme { at_least: Some(at(1_000)), at_most: Some(at(1_999)) },
                greatest: Extreme { at_least: Some(at(90_000)), at_most: Some(at(90_999)) },
            }))
        );
        let one = range_of([&exact].into_iter(), 0, true);
        assert_eq!(with_deletes(one), values([Some(2), None], [None, Some(5)]));
    }
}
