//! How many rows have no value in a column, over all files of a snapshot.
//!
//! | of a file is known | at least | at most |
//! | --- | --- | --- |
//! | its NULLs, no row deleted | that | that |
//! | its NULLs, and so many rows are deleted | the rest | that |
//! | its NULLs, and rows are deleted by their keys | none | that |
//! | the one value of all rows, which is NULL | as many as there are rows | the same |
//! | nothing | none | nobody knows |

use samite_engine::connector::NullCount;

use super::{KnownColumn, LakeFile};

/// How many rows have no value in the column at `index`. `is_complete` is false if there are more files than
/// `files`.
pub(crate) fn nulls_of<'a>(
    files: impl Iterator<Item = &'a LakeFile>,
    index: usize,
    is_complete: bool,
) -> NullCount {
    let nothing = NullCount { at_least: 0, at_most: is_complete.then_some(0) };
    files.fold(nothing, |all, file| {
        let one = of_file(file, index);
        let at_most = all.at_most.zip(one.at_most).map(|(all, one)| all.saturating_add(one));
        NullCount { at_least: all.at_least.saturating_add(one.at_least), at_most }
    })
}

fn of_file(file: &LakeFile, index: usize) -> NullCount {
    let nulls = match file.column(index) {
        KnownColumn::NoRows => Some(0),
        KnownColumn::NoValues => file.rows,
        KnownColumn::Constant(_) => Some(0),
        KnownColumn::Bounds(bounds) => bounds.nulls,
        KnownColumn::Unknown => None,
    };
    let Some(nulls) = nulls else { return NullCount::default() };
    let deleted = file.rows.zip(file.live_rows()).map(|(rows, live)| rows.saturating_sub(live));
    let at_least = match deleted {
        Some(deleted) => nulls.saturating_sub(deleted),
        None if file.may_lack_rows() => 0,
        None => nulls,
    };
    NullCount { at_least, at_most: Some(nulls) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::DateTime;
    use datafusion::scalar::ScalarValue;
    use object_store::ObjectMeta;
    use object_store::path::Path;

    use super::*;
    use crate::scan::{Bounds, Deletes};
    use crate::testing::Folder;

    fn file(folder: &Folder, rows: Option<u64>, nulls: Option<u64>) -> LakeFile {
        let store = folder.stores.resolve(&folder.location(), None).expect("a place").store;
        let meta = ObjectMeta {
            location: Path::from("a.parquet"),
            last_modified: DateTime::UNIX_EPOCH,
            size: 1,
            e_tag: None,
            version: None,
        };
        let bounds = vec![Bounds { nulls, ..Bounds::default() }];
        LakeFile { rows, bounds, ..LakeFile::new(Arc::clone(&store), meta) }
    }

    #[test]
    fn nulls_are_claimed_only_where_every_reader_would_see_them() {
        let folder = Folder::new();
        let of = |rows, nulls| file(&folder, rows, nulls);
        let (some, none, unknown) = (of(Some(5), Some(3)), of(Some(5), Some(0)), of(Some(5), None));
        let deleted = Deletes::Held(Arc::new([1, 2].into_iter().collect()));
        let deleted = LakeFile { deleted_rows: Some(deleted), ..some.clone() };
        let keyed = LakeFile { has_deleted_keys: true, ..some.clone() };
        let null = ScalarValue::Int64(None);
        let constant = LakeFile { constants: vec![(0, null)], ..unknown.clone() };
        let uncounted = of(None, Some(3));
        let empty = of(Some(0), None);
        for (name, files, is_complete, at_least, at_most) in [
            ("no file", vec![], true, 0, Some(0)),
            ("some", vec![&some, &none, &empty], true, 3, Some(3)),
            ("more files", vec![&some], false, 3, None),
            ("one unknown", vec![&some, &unknown], true, 3, None),
            ("deleted rows", vec![&deleted], true, 1, Some(3)),
            ("deleted keys", vec![&keyed, &some], true, 3, Some(6)),
            ("a constant", vec![&constant], true, 5, Some(5)),
            ("rows unknown", vec![&uncounted], true, 3, Some(3)),
        ] {
            let expected = NullCount { at_least, at_most };
            assert_eq!(nulls_of(files.into_iter(), 0, is_complete), expected, "{name}");
        }
    }
}
