//! Entries of manifests as files of the scan: place, size, bounds, and what the partition tells.

use chrono::{DateTime, Utc};
use datafusion::scalar::ScalarValue;
use iceberg::spec::{DataFile, Literal, Manifest, PrimitiveLiteral, PrimitiveType, Transform};
use samite_engine::{Error, ErrorKind, Result};

use super::columns::IcebergColumn;
use super::live::LiveFile;
use super::manifests::{Listed, ManifestReader};
use super::transforms::source_bounds;
use super::values::{Side, bound, is_exact, scalar};
use crate::scan::{Bounds, Bucket, LakeFile};
use crate::source_table::view_file;

/// How manifests are partitioned; each manifest has a spec of its own.
#[derive(Debug)]
pub(super) struct Specs<'a> {
    manifests: &'a [Listed],
    fields: Vec<Vec<SpecField>>,
}

/// One field of a spec.
#[derive(Debug, Clone)]
pub(super) struct SpecField {
    /// The place of its value in a file's partition.
    pub(super) place: usize,
    /// The column that it is made from.
    pub(super) source_id: i32,
    pub(super) transform: Transform,
    /// The type of its values.
    pub(super) written_as: Option<PrimitiveType>,
}

impl<'a> Specs<'a> {
    /// The specs of `manifests`.
    ///
    /// # Errors
    ///
    /// If one of them contradicts the schema of its manifest.
    pub(super) fn new(reader: &ManifestReader<'_>, manifests: &'a [Listed]) -> Result<Self> {
        let fields = manifests.iter().map(|(_, manifest)| spec_fields(reader, manifest));
        Ok(Self { manifests, fields: fields.collect::<Result<_>>()? })
    }

    /// The id of a manifest's spec.
    pub(super) fn id(&self, manifest: usize) -> i32 {
        self.manifests.get(manifest).map_or(0, |(file, _)| file.partition_spec_id)
    }

    /// True if the spec of a manifest does not part its files.
    pub(super) fn is_unpartitioned(&self, manifest: usize) -> bool {
        let fields = self.fields.get(manifest).map(Vec::as_slice).unwrap_or_default();
        fields.iter().all(|field| field.transform == Transform::Void)
    }

    /// The fields of the spec of each manifest.
    pub(super) fn into_fields(self) -> Vec<Vec<SpecField>> {
        self.fields
    }
}

fn spec_fields(reader: &ManifestReader<'_>, manifest: &Manifest) -> Result<Vec<SpecField>> {
    let spec = manifest.metadata().partition_spec();
    let types = spec.partition_type(manifest.metadata().schema()).map_err(|error| {
        Error::new(
            ErrorKind::CorruptSource,
            format!("a manifest of table \"{}\" does not tell its partitions", reader.name),
        )
        .with_source(error)
    })?;
    let fields = spec.fields().iter().zip(types.fields()).enumerate();
    Ok(fields
        .map(|(place, (field, partition))| SpecField {
            place,
            source_id: field.source_id,
            transform: field.transform,
            written_as: partition.field_type.as_primitive_type().cloned(),
        })
        .collect())
}

/// Makes files of the scan.
pub(super) struct LakeFiles<'a> {
    reader: &'a ManifestReader<'a>,
    columns: &'a [IcebergColumn],
    /// For each manifest, the columns that a field of its spec is made from.
    told: Vec<Vec<(usize, &'a SpecField)>>,
}

impl<'a> LakeFiles<'a> {
    /// Makes files with `columns`.
    pub(super) fn new(
        reader: &'a ManifestReader<'a>,
        columns: &'a [IcebergColumn],
        specs: &'a Specs<'_>,
    ) -> Self {
        let told_by = |field: &'a SpecField| {
            let of_field =
                move |(_, column): &(usize, &IcebergColumn)| column.id == field.source_id;
            columns.iter().enumerate().filter(of_field).map(move |(at, _)| (at, field))
        };
        let of_spec = |fields: &'a Vec<SpecField>| fields.iter().flat_map(told_by).collect();
        Self { reader, columns, told: specs.fields.iter().map(of_spec).collect() }
    }

    /// The file of an entry.
    ///
    /// # Errors
    ///
    /// If it lies where nothing may be read, or a value of its partition cannot be understood.
    pub(super) fn make(&self, live: &LiveFile<'_>) -> Result<LakeFile> {
        let file = live.file;
        let place = self.reader.place(file.file_path())?;
        let mut made = LakeFile {
            store: place.store,
            path: place.path,
            size: file.file_size_in_bytes(),
            last_modified: DateTime::<Utc>::UNIX_EPOCH,
            e_tag: None,
            rows: Some(file.record_count()),
            bounds: self.columns.iter().map(|column| bounds(file, column)).collect(),
            constants: Vec::new(),
            buckets: Vec::new(),
            deleted_rows: None,
            has_deleted_keys: false,
            lineage: live.lineage(),
        };
        for (at, field) in self.told.get(live.manifest).into_iter().flatten() {
            if let Some(column) = self.columns.get(*at) {
                self.tell(&mut made, file, (*at, column), field)?;
            }
        }
        view_file(&mut made);
        Ok(made)
    }

    /// Adds what a field of the partition tells about the column that it is made from.
    fn tell(
        &self,
        made: &mut LakeFile,
        file: &DataFile,
        (at, column): (usize, &IcebergColumn),
        field: &SpecField,
    ) -> Result<()> {
        if field.transform != Transform::Identity {
            narrow(made, file, (at, column), field);
            return Ok(());
        }
        let constant = field.constant(self.reader, column, file.partition().fields())?;
        made.constants.push((at, constant));
        Ok(())
    }
}

impl SpecField {
    /// True if this field is `column`, unchanged.
    pub(super) fn is_whole(&self, column: &IcebergColumn) -> bool {
        self.transform == Transform::Identity && self.source_id == column.id
    }

    /// The value that a column, which this field takes unchanged, has in all rows of `partition`.
    ///
    /// # Errors
    ///
    /// If the value cannot be understood.
    pub(super) fn constant(
        &self,
        reader: &ManifestReader<'_>,
        column: &IcebergColumn,
        partition: &[Option<Literal>],
    ) -> Result<ScalarValue> {
        let unread = || {
            Error::new(
                ErrorKind::CorruptSource,
                format!("table \"{}\" has a partition value that cannot be read", reader.name),
            )
        };
        let Some(literal) = partition.get(self.place).ok_or_else(unread)? else {
            return column.column.field.data_type().try_into().map_err(|_| unread());
        };
        literal
            .as_primitive_literal()
            .zip(column.primitive.as_ref())
            .zip(self.written_as.as_ref())
            .and_then(|((literal, to), written_as)| scalar(&literal, written_as, to))
            .ok_or_else(unread)
    }
}

/// Adds what a transformed value says about the column: bounds, or a bucket.
fn narrow(
    made: &mut LakeFile,
    file: &DataFile,
    (at, column): (usize, &IcebergColumn),
    field: &SpecField,
) {
    let literal = file.partition().fields().get(field.place).and_then(Option::as_ref);
    let literal = literal.and_then(Literal::as_primitive_literal);
    let (Some(literal), Some(to)) = (literal, &column.primitive) else { return };
    if let (Transform::Bucket(buckets), PrimitiveLiteral::Int(number)) = (field.transform, &literal)
    {
        let number = u32::try_from(*number).ok();
        let bucket = |number| Bucket { column: at, buckets, first: number, last: number };
        made.buckets.extend(number.map(bucket));
        return;
    }
    let Some(bounds) = made.bounds.get_mut(at) else { return };
    narrow_to(bounds, source_bounds(field.transform, &literal, to));
}

/// Narrows bounds by others that hold as well.
pub(super) fn narrow_to(
    bounds: &mut Bounds,
    (min, max): (Option<ScalarValue>, Option<ScalarValue>),
) {
    if min.is_some() && min > bounds.min {
        (bounds.min, bounds.attained) = (min, false);
    }
    if max.is_some() && bounds.max.as_ref().is_none_or(|held| max.as_ref() < Some(held)) {
        (bounds.max, bounds.attained) = (max, false);
    }
}

fn bounds(file: &DataFile, column: &IcebergColumn) -> Bounds {
    let Some(to) = &column.primitive else { return Bounds::default() };
    let id = &column.id;
    let min = file.lower_bounds().get(id);
    let max = file.upper_bounds().get(id);
    Bounds {
        min: min.and_then(|min| bound(min.literal(), min.data_type(), to, Side::Min)),
        max: max.and_then(|max| bound(max.literal(), max.data_type(), to, Side::Max)),
        nulls: file.null_value_counts().get(id).copied(),
        attained: is_exact(to),
        rounded_us: None,
        has_no_nan: file.nan_value_counts().get(id) == Some(&0),
    }
}
