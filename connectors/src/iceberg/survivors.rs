//! The data files that a scan reads, and which deletes may count for one of them.
//!
//! | delete | may count for a data file |
//! | --- | --- |
//! | vector | that it names, and that is not younger |
//! | file of positions that names one data file | as a vector |
//! | other file of positions | of the same spec and partition, that is not younger and whose path its bounds take in |
//! | file of keys | that is older; of the same spec and partition, if its spec has any |
//!
//! What may count is loaded, and compared exactly then. Parts are compared by value: what was an
//! `int` in one manifest may be a `long` in another. Paths are compared as they are written.

use std::collections::HashMap;

use iceberg::spec::{DataFile, Datum, Literal, PrimitiveLiteral};

use super::lake_files::Specs;
use super::live::LiveFile;

/// The field of a delete file that holds the paths of data files.
const FILE_PATH_ID: i32 = i32::MAX - 101;

/// A partition: the spec, and its values in the widest form of their types.
pub(super) type Part = (i32, Vec<Option<Literal>>);

/// The partition with these values.
pub(super) fn part_of(spec: i32, values: &[Option<Literal>]) -> Part {
    let widest = |value: &Option<Literal>| {
        Some(match value.as_ref()? {
            Literal::Primitive(PrimitiveLiteral::Int(value)) => Literal::long(i64::from(*value)),
            Literal::Primitive(PrimitiveLiteral::Float(value)) => Literal::double(value.0),
            other => other.clone(),
        })
    };
    (spec, values.iter().map(widest).collect())
}

/// The partition of a file.
pub(super) fn part(specs: &Specs<'_>, file: &LiveFile<'_>) -> Part {
    part_of(specs.id(file.manifest), file.file.partition().fields())
}

/// The data files that a scan reads.
#[derive(Debug, Default)]
pub(super) struct Survivors<'a> {
    /// The age of each by its raw path; of one that is there twice, the greater age.
    ages: HashMap<&'a str, i64>,
    paths: Vec<&'a str>,
    /// The age of the oldest of each part.
    parts: HashMap<Part, i64>,
}

impl<'a> Survivors<'a> {
    /// The files with these paths, ages and parts.
    pub(super) fn new(files: impl IntoIterator<Item = (&'a str, i64, Part)>) -> Self {
        let mut found = Self::default();
        for (path, age, part) in files {
            let known = found.ages.entry(path).or_insert(age);
            *known = age.min(*known);
            let oldest = found.parts.entry(part).or_insert(age);
            *oldest = age.min(*oldest);
        }
        found.paths = found.ages.keys().copied().collect();
        found.paths.sort_unstable();
        found
    }

    /// True if a vector for the data file at `path` may count.
    pub(super) fn has_as_old(&self, path: &str, age: i64) -> bool {
        self.ages.get(path).is_some_and(|known| *known <= age)
    }

    /// True if a file of positions may name rows of one of these files.
    pub(super) fn may_lose_positions(&self, specs: &Specs<'_>, delete: &LiveFile<'_>) -> bool {
        if let Some(path) = delete.file.referenced_data_file() {
            return self.has_as_old(&path, delete.age);
        }
        let (min, max) = path_bounds(delete.file);
        if !self.has_path_within(min, max) {
            return false;
        }
        if min.is_some() && min == max {
            return true;
        }
        self.parts.get(&part(specs, delete)).is_some_and(|oldest| *oldest <= delete.age)
    }

    /// True if keys of a file may be those of rows of one of these files.
    pub(super) fn may_lose_keys(&self, specs: &Specs<'_>, delete: &LiveFile<'_>) -> bool {
        if specs.is_unpartitioned(delete.manifest) {
            return self.parts.values().any(|oldest| *oldest < delete.age);
        }
        self.parts.get(&part(specs, delete)).is_some_and(|oldest| *oldest < delete.age)
    }

    /// True if a path is not less than `min`, and not greater than `max` or something that begins
    /// with it: a writer may have cut it.
    fn has_path_within(&self, min: Option<&str>, max: Option<&str>) -> bool {
        let first = self.paths.partition_point(|path| min.is_some_and(|min| *path < min));
        let Some(path) = self.paths.get(first) else { return false };
        max.is_none_or(|max| *path <= max || path.starts_with(max))
    }
}

fn path_bounds(file: &DataFile) -> (Option<&str>, Option<&str>) {
    (path_bound(file.lower_bounds()), path_bound(file.upper_bounds()))
}

fn path_bound(bounds: &HashMap<i32, Datum>) -> Option<&str> {
    match bounds.get(&FILE_PATH_ID)?.literal() {
        PrimitiveLiteral::String(path) => Some(path),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_take_in_paths_between_them_and_those_that_were_cut() {
        let files = ["s3://b/t/b", "s3://b/t/d"].map(|path| (path, 1, (0, Vec::new())));
        let survivors = Survivors::new(files);
        for (min, max, found) in [
            (None, None, true),
            (Some("s3://b/t/a"), Some("s3://b/t/c"), true),
            (Some("s3://b/t/b"), Some("s3://b/t/b"), true),
            (Some("s3://b/t/c"), Some("s3://b/t/c1"), false),
            (Some("s3://b/t/e"), None, false),
            (None, Some("s3://b/t/a"), false),
            (Some("s3://b"), Some("s3://b/t/"), true),
        ] {
            assert_eq!(survivors.has_path_within(min, max), found, "{min:?} {max:?}");
        }
        assert!(!Survivors::default().has_path_within(None, None));
    }

    #[test]
    fn delete_counts_for_what_is_not_younger() {
        let survivors = Survivors::new([("a", 3, (0, Vec::new())), ("a", 5, (0, Vec::new()))]);
        for (path, age, found) in [("a", 2, false), ("a", 3, true), ("a", 9, true), ("b", 9, false)]
        {
            assert_eq!(survivors.has_as_old(path, age), found, "{path} {age}");
        }
    }

    #[test]
    fn parts_are_compared_by_value() {
        let int = [Some(Literal::int(3)), None];
        let long = [Some(Literal::long(3)), None];
        assert_eq!(part_of(1, &int), part_of(1, &long));
        assert_ne!(part_of(1, &int), part_of(2, &long));
    }
}
