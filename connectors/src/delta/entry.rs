//! One data file as the log lists it.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use deltalake_core::arrow::array::{
    Array, AsArray, Int32Array, Int64Array, MapArray, RecordBatch, StringArray, StructArray,
};
use deltalake_core::kernel::{DeletionVectorDescriptor, LogicalFileView};

use crate::percent::decoded;

/// One data file as the log lists it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// Its path, without percent signs that stand for others.
    pub(super) path: String,
    /// Its bytes.
    pub(super) size: i64,
    /// When it was written, in milliseconds since 1970.
    pub(super) modified_ms: i64,
    /// Its statistics, as JSON.
    pub(super) stats: Option<String>,
    /// Its partition values, as text.
    pub(super) values: HashMap<String, Option<String>>,
    /// What deletes rows of it.
    pub(super) vector: Option<DeletionVectorDescriptor>,
}

impl Entry {
    /// What the library shows of a file; else what of it cannot be understood.
    ///
    /// # Errors
    ///
    /// The name of the part that is damaged.
    pub(super) fn of_view(view: &LogicalFileView) -> Result<Self, String> {
        let path = view.path().into_owned();
        // The library panics where the log holds what cannot be a vector.
        let found = catch_unwind(AssertUnwindSafe(|| view.deletion_vector_descriptor()));
        let vector = found.map_err(|_| of_vector(&path))?;
        Ok(Self {
            size: view.size(),
            modified_ms: view.modification_time(),
            stats: view.stats(),
            values: view.partition_values_map(),
            vector,
            path,
        })
    }

    /// The files of a batch of the kernel's rows; else what of them cannot be understood.
    ///
    /// # Errors
    ///
    /// The name of the part that is damaged.
    pub(super) fn of_rows(rows: &RecordBatch) -> Result<Vec<Self>, String> {
        let columns = Columns::of(rows).ok_or("the list of files")?;
        (0..rows.num_rows()).map(|at| columns.entry(at)).collect()
    }
}

fn of_vector(path: &str) -> String {
    format!("the deletion vector of file \"{}\"", crate::stores::shown(path))
}

/// The columns of the kernel's rows, one of which is a file.
struct Columns<'a> {
    paths: &'a StringArray,
    sizes: &'a Int64Array,
    modified: &'a Int64Array,
    stats: Option<&'a StringArray>,
    vectors: Option<&'a StructArray>,
    values: &'a MapArray,
}

impl<'a> Columns<'a> {
    fn of(rows: &'a RecordBatch) -> Option<Self> {
        let column = |name| rows.column_by_name(name);
        let constants = column("fileConstantValues")?.as_struct_opt()?;
        Some(Self {
            paths: column("path")?.as_string_opt()?,
            sizes: column("size")?.as_primitive_opt()?,
            modified: column("modificationTime")?.as_primitive_opt()?,
            stats: column("stats").and_then(|column| column.as_string_opt()),
            vectors: column("deletionVector").and_then(|column| column.as_struct_opt()),
            values: constants.column_by_name("partitionValues")?.as_map_opt()?,
        })
    }

    fn entry(&self, at: usize) -> Result<Entry, String> {
        let raw = text(self.paths, at).ok_or("a file without a path")?;
        let path = decoded(&raw).ok_or("the path of a file")?;
        let number = |numbers: &Int64Array| numbers.is_valid(at).then(|| numbers.value(at));
        let numbers = number(self.sizes).zip(number(self.modified));
        let (size, modified_ms) = numbers
            .ok_or_else(|| format!("the entry of file \"{}\"", crate::stores::shown(&path)))?;
        let vector = match self.vectors.filter(|vectors| vectors.is_valid(at)) {
            Some(vectors) => Some(vector(vectors, at).ok_or_else(|| of_vector(&path))?),
            None => None,
        };
        let stats = self.stats.and_then(|stats| text(stats, at));
        let values = self.values(at).ok_or("the partition values of a file")?;
        Ok(Entry { path, size, modified_ms, stats, values, vector })
    }

    fn values(&self, at: usize) -> Option<HashMap<String, Option<String>>> {
        if self.values.is_null(at) {
            return Some(HashMap::new());
        }
        let entries = self.values.value(at);
        let [names, texts] = entries.columns() else { return None };
        let (names, texts) = (names.as_string_opt::<i32>()?, texts.as_string_opt::<i32>()?);
        (0..entries.len()).map(|at| Some((text(names, at)?, text(texts, at)))).collect()
    }
}

fn text(texts: &StringArray, at: usize) -> Option<String> {
    texts.is_valid(at).then(|| texts.value(at).to_owned())
}

fn vector(vectors: &StructArray, at: usize) -> Option<DeletionVectorDescriptor> {
    let texts = |name| vectors.column_by_name(name)?.as_string_opt::<i32>();
    let small = |name| -> Option<&Int32Array> { vectors.column_by_name(name)?.as_primitive_opt() };
    let cardinality: &Int64Array = vectors.column_by_name("cardinality")?.as_primitive_opt()?;
    let offset = small("offset")?;
    Some(DeletionVectorDescriptor {
        storage_type: text(texts("storageType")?, at)?.parse().ok()?,
        path_or_inline_dv: text(texts("pathOrInlineDv")?, at)?,
        offset: offset.is_valid(at).then(|| offset.value(at)),
        size_in_bytes: small("sizeInBytes").filter(|sizes| sizes.is_valid(at))?.value(at),
        cardinality: cardinality.is_valid(at).then(|| cardinality.value(at))?,
    })
}
