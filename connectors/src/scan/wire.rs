//! The parts of a scan that DataFusion's own encoding of a Parquet scan has no place for, as bytes.

use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::error::Result as DataFusionResult;
use datafusion::scalar::ScalarValue;
use datafusion_proto::protobuf;
use roaring::RoaringTreemap;
use samite_engine::{Error, ErrorKind, Result};

use super::columns::Columns;
use super::file_rows::FileRows;
use super::source::Scanned;
use super::{DeletedRows, FileLineage, Identity, Lineage, SnapshotColumn};

/// One scan.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WireScan {
    /// The plan, as a plain Parquet scan.
    #[prost(message, optional, tag = "1")]
    pub(super) plan: Option<protobuf::PhysicalPlanNode>,
    /// The store's name.
    #[prost(string, tag = "2")]
    pub(super) store: String,
    /// What the store truly is; never with a credential in it.
    #[prost(string, tag = "3")]
    pub(super) root: String,
    /// The files, in the order in which the plan has them.
    #[prost(message, repeated, tag = "4")]
    pub(super) files: Vec<WireFile>,
    /// The names, types and nullability of the columns.
    #[prost(message, optional, tag = "5")]
    pub(super) fields: Option<protobuf::Schema>,
    /// What else belongs to each column.
    #[prost(message, repeated, tag = "6")]
    pub(super) columns: Vec<WireColumn>,
    #[prost(string, tag = "7")]
    pub(super) table: String,
    #[prost(string, tag = "8")]
    pub(super) snapshot: String,
    #[prost(uint64, tag = "9")]
    pub(super) files_total: u64,
    #[prost(uint64, tag = "10")]
    pub(super) bytes_total: u64,
    #[prost(bool, tag = "11")]
    pub(super) has_no_nan: bool,
    #[prost(uint64, optional, tag = "12")]
    pub(super) limit: Option<u64>,
    #[prost(bool, tag = "13")]
    pub(super) preserve_order: bool,
}

/// One file, or a part of one.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WireFile {
    #[prost(string, optional, tag = "1")]
    pub(super) e_tag: Option<String>,
    /// What its table says of its rows.
    #[prost(message, optional, tag = "2")]
    pub(super) rows: Option<WireRows>,
}

/// What a table says of the rows of a file.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WireRows {
    /// All rows.
    #[prost(uint64, tag = "1")]
    pub(super) total: u64,
    /// The positions of the deleted ones: 64-bit Roaring, portable.
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(super) deleted: Option<Vec<u8>>,
    /// The id of the first row, with the sequence number of the file.
    #[prost(int64, optional, tag = "3")]
    pub(super) first_row_id: Option<i64>,
    #[prost(int64, optional, tag = "4")]
    pub(super) sequence_number: Option<i64>,
}

/// One column.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WireColumn {
    #[prost(int32, optional, tag = "1")]
    pub(super) field_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(super) physical_name: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub(super) when_missing: Option<protobuf::ScalarValue>,
    /// True if the field id is one that is reserved for row lineage.
    #[prost(bool, tag = "4")]
    pub(super) is_lineage: bool,
}

impl WireScan {
    /// Takes over what every part of the table's scan shares.
    ///
    /// # Errors
    ///
    /// When a type or value has no encoding.
    pub(super) fn with_scanned(mut self, scanned: &Scanned) -> DataFusionResult<Self> {
        let columns = scanned.columns.as_slice();
        let fields: Vec<_> = columns.iter().map(|column| Arc::clone(&column.field)).collect();
        self.fields = Some((&Schema::new(fields)).try_into()?);
        self.columns = columns.iter().map(wire_column).collect::<DataFusionResult<_>>()?;
        self.table.clone_from(&scanned.table);
        self.snapshot.clone_from(&scanned.snapshot);
        self.files_total = scanned.files_total;
        self.bytes_total = scanned.bytes_total;
        self.has_no_nan = scanned.has_no_nan;
        Ok(self)
    }

    /// Gives back what every part of the table's scan shares.
    ///
    /// # Errors
    ///
    /// When a part is missing or has no meaning.
    pub(super) fn scanned(&self) -> DataFusionResult<Scanned> {
        let fields = self.fields.as_ref().ok_or_else(|| broken("the columns are missing"))?;
        let schema: Schema = fields.try_into()?;
        if schema.fields().len() != self.columns.len() {
            return Err(broken("a column has no identity").into());
        }
        let columns = schema
            .fields()
            .iter()
            .zip(&self.columns)
            .map(|(field, wire)| {
                Ok(SnapshotColumn {
                    field: Arc::clone(field),
                    identity: identity(wire)?,
                    when_missing: wire
                        .when_missing
                        .as_ref()
                        .map(ScalarValue::try_from)
                        .transpose()?,
                })
            })
            .collect::<DataFusionResult<Vec<_>>>()?;
        Ok(Scanned {
            table: self.table.clone(),
            snapshot: self.snapshot.clone(),
            files_total: self.files_total,
            bytes_total: self.bytes_total,
            has_no_nan: self.has_no_nan,
            columns: Arc::new(Columns::new(columns)?),
        })
    }
}

fn wire_column(column: &SnapshotColumn) -> DataFusionResult<WireColumn> {
    let (field_id, physical_name) = match &column.identity {
        Identity::FieldId(id) => (Some(*id), None),
        Identity::PhysicalName(name) => (None, Some(name.clone())),
        Identity::Lineage(lineage) => (Some(lineage.field_id()), None),
    };
    let is_lineage = matches!(column.identity, Identity::Lineage(_));
    let when_missing =
        column.when_missing.as_ref().map(protobuf::ScalarValue::try_from).transpose()?;
    Ok(WireColumn { field_id, physical_name, when_missing, is_lineage })
}

fn identity(wire: &WireColumn) -> Result<Identity> {
    let lineage = |id| Lineage::ALL.into_iter().find(|lineage| lineage.field_id() == id);
    match (wire.field_id, &wire.physical_name) {
        (Some(id), None) if wire.is_lineage => {
            lineage(id).map(Identity::Lineage).ok_or_else(|| broken("a column has no identity"))
        }
        (Some(id), None) => Ok(Identity::FieldId(id)),
        (None, Some(name)) => Ok(Identity::PhysicalName(name.clone())),
        _ => Err(broken("a column has no identity")),
    }
}

impl WireRows {
    /// What a table says of a file's rows, as bytes.
    ///
    /// # Errors
    ///
    /// When the deleted rows have no encoding.
    pub(super) fn new(rows: &FileRows) -> DataFusionResult<Self> {
        let encoded = |deleted: &Arc<DeletedRows>| {
            let mut bytes = Vec::new();
            deleted
                .positions()
                .serialize_into(&mut bytes)
                .map_err(|error| broken(&error.to_string()))?;
            Ok::<_, Error>(bytes)
        };
        Ok(Self {
            total: rows.total,
            deleted: rows.deleted.as_ref().map(encoded).transpose()?,
            first_row_id: rows.lineage.map(|lineage| lineage.first_row_id),
            sequence_number: rows.lineage.map(|lineage| lineage.sequence_number),
        })
    }

    /// What the table said.
    ///
    /// # Errors
    ///
    /// When the bytes name no rows.
    pub(super) fn rows(&self) -> Result<FileRows> {
        let decoded = |bytes: &Vec<u8>| {
            let positions = RoaringTreemap::deserialize_from(bytes.as_slice())
                .map_err(|error| broken(&error.to_string()))?;
            Ok::<_, Error>(Arc::new(DeletedRows::new(positions)))
        };
        let deleted = self.deleted.as_ref().map(decoded).transpose()?;
        let lineage = self.first_row_id.zip(self.sequence_number);
        let lineage = lineage
            .map(|(first_row_id, sequence_number)| FileLineage { first_row_id, sequence_number });
        Ok(FileRows { total: self.total, deleted, lineage })
    }
}

/// The error of bytes that are no scan.
pub(super) fn broken(detail: &str) -> Error {
    Error::new(ErrorKind::Internal, "a part of a plan cannot be read").with_detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_back() {
        for deleted in [None, Some(vec![]), Some(vec![0, 5, 1 << 40])] {
            let deleted = deleted.map(|rows| Arc::new(rows.into_iter().collect::<DeletedRows>()));
            let lineage = deleted
                .is_some()
                .then_some(FileLineage { first_row_id: 1 << 42, sequence_number: 7 });
            let rows = FileRows { total: 1 << 41, deleted, lineage };
            let read = WireRows::new(&rows).unwrap().rows().unwrap();
            assert_eq!((read.total, read.deleted), (rows.total, rows.deleted));
            assert_eq!(read.lineage, lineage);
        }
        let cut = WireRows { total: 1, deleted: Some(vec![1, 0, 0]), ..WireRows::default() };
        assert!(cut.rows().is_err());
    }
}
