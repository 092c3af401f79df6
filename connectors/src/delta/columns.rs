//! The schema of a Delta table as columns of a snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit};
use datafusion::parquet::arrow::PARQUET_FIELD_ID_META_KEY;
use deltalake_core::kernel::{
    ColumnMetadataKey, DataType as DeltaType, MetadataValue, PrimitiveType, StructField, StructType,
};
use samite_engine::{Error, ErrorKind, Result};

use crate::scan::{Identity, SnapshotColumn};

/// How a file's column is found (table property `delta.columnMapping.mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnMapping {
    /// By its name.
    None,
    /// By its physical name.
    Name,
    /// By its field id.
    Id,
}

impl ColumnMapping {
    /// Reads the table property, which counts only if the protocol turns the mapping on.
    ///
    /// # Errors
    ///
    /// If the mode is unknown.
    pub(super) fn parse(table: &str, mode: Option<&str>, is_enabled: bool) -> Result<Self> {
        match mode {
            None | Some("none") => Ok(Self::None),
            Some(_) if !is_enabled => Ok(Self::None),
            Some("name") => Ok(Self::Name),
            Some("id") => Ok(Self::Id),
            Some(other) => Err(Error::new(
                ErrorKind::Unsupported,
                format!("table \"{table}\" has column mapping mode \"{other}\", which is not read"),
            )),
        }
    }
}

/// One column of the table with what the log knows it by.
#[derive(Debug, Clone)]
pub(super) struct DeltaColumn {
    /// The column as the scan sees it.
    pub(super) column: SnapshotColumn,
    /// The key of its statistics and partition values in the log.
    pub(super) log_name: String,
    /// Its type in the log.
    pub(super) primitive: Option<PrimitiveType>,
    /// True if its values are those of the partition.
    pub(super) is_partition: bool,
}

/// The columns of a schema.
///
/// # Errors
///
/// `Unsupported` for a type that is not read, `CorruptSource` for a mapped column without its id or
/// physical name.
pub(super) fn columns(
    table: &str,
    schema: &StructType,
    partitions: &[String],
    mapping: ColumnMapping,
) -> Result<Vec<DeltaColumn>> {
    let reader = SchemaReader { table, mapping };
    schema
        .fields()
        .map(|field| {
            let is_partition = partitions.contains(field.name());
            let arrow = reader.field(field)?;
            // A partition value may be NULL whatever the schema says, and the writer did not check.
            let nullable = arrow.is_nullable() || is_partition;
            let arrow = Field::new(arrow.name(), arrow.data_type().clone(), nullable);
            let identity = reader.identity(field)?;
            let log_name = match mapping {
                ColumnMapping::None => field.name().clone(),
                ColumnMapping::Name | ColumnMapping::Id => reader.physical_name(field)?,
            };
            Ok(DeltaColumn {
                column: SnapshotColumn { field: Arc::new(arrow), identity, when_missing: None },
                log_name,
                primitive: field.data_type().as_primitive_opt().cloned(),
                is_partition,
            })
        })
        .collect()
}

struct SchemaReader<'a> {
    table: &'a str,
    mapping: ColumnMapping,
}

impl SchemaReader<'_> {
    fn identity(&self, field: &StructField) -> Result<Identity> {
        match self.mapping {
            ColumnMapping::None => Ok(Identity::PhysicalName(field.name().clone())),
            ColumnMapping::Name => Ok(Identity::PhysicalName(self.physical_name(field)?)),
            ColumnMapping::Id => Ok(Identity::FieldId(self.field_id(field)?)),
        }
    }

    fn physical_name(&self, field: &StructField) -> Result<String> {
        match field.get_config_value(&ColumnMetadataKey::ColumnMappingPhysicalName) {
            Some(MetadataValue::String(name)) => Ok(name.clone()),
            _ => Err(self.unmapped(field)),
        }
    }

    fn field_id(&self, field: &StructField) -> Result<i32> {
        field
            .column_mapping_id()
            .and_then(|id| i32::try_from(id).ok())
            .ok_or_else(|| self.unmapped(field))
    }

    fn unmapped(&self, field: &StructField) -> Error {
        Error::new(
            ErrorKind::CorruptSource,
            format!("column \"{}\" of table \"{}\" is not mapped", field.name(), self.table),
        )
        .with_detail("the schema in the Delta log gives it no id or physical name")
    }

    fn field(&self, field: &StructField) -> Result<Field> {
        let data_type = self.data_type(field.name(), field.data_type())?;
        Ok(Field::new(field.name(), data_type, field.is_nullable()))
    }

    /// A field within a struct: a file knows it by what the mapping says.
    fn nested(&self, field: &StructField) -> Result<FieldRef> {
        let key = match self.mapping {
            ColumnMapping::None => return Ok(Arc::new(self.field(field)?)),
            ColumnMapping::Name => (
                ColumnMetadataKey::ColumnMappingPhysicalName.as_ref().to_owned(),
                self.physical_name(field)?,
            ),
            ColumnMapping::Id => {
                (PARQUET_FIELD_ID_META_KEY.to_owned(), self.field_id(field)?.to_string())
            }
        };
        Ok(Arc::new(self.field(field)?.with_metadata(HashMap::from([key]))))
    }

    fn data_type(&self, column: &str, data_type: &DeltaType) -> Result<DataType> {
        match data_type {
            DeltaType::Primitive(primitive) => self.primitive(column, primitive),
            DeltaType::Struct(fields) => {
                let fields: Result<Fields> = fields.fields().map(|f| self.nested(f)).collect();
                Ok(DataType::Struct(fields?))
            }
            DeltaType::Array(array) => {
                let item = self.data_type(column, array.element_type())?;
                Ok(DataType::List(Arc::new(Field::new("element", item, array.contains_null()))))
            }
            DeltaType::Map(map) => {
                let key = self.data_type(column, map.key_type())?;
                let value = self.data_type(column, map.value_type())?;
                let entries = Fields::from(vec![
                    Field::new("key", key, false),
                    Field::new("value", value, map.value_contains_null()),
                ]);
                let entries = Field::new("key_value", DataType::Struct(entries), false);
                Ok(DataType::Map(Arc::new(entries), false))
            }
            DeltaType::Variant(_) => Err(self.unread(column, "variant")),
        }
    }

    fn primitive(&self, column: &str, primitive: &PrimitiveType) -> Result<DataType> {
        Ok(match primitive {
            PrimitiveType::String => DataType::Utf8,
            PrimitiveType::Long => DataType::Int64,
            PrimitiveType::Integer => DataType::Int32,
            PrimitiveType::Short => DataType::Int16,
            PrimitiveType::Byte => DataType::Int8,
            PrimitiveType::Float => DataType::Float32,
            PrimitiveType::Double => DataType::Float64,
            PrimitiveType::Boolean => DataType::Boolean,
            PrimitiveType::Binary => DataType::Binary,
            PrimitiveType::Date => DataType::Date32,
            PrimitiveType::Timestamp => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            PrimitiveType::TimestampNtz => DataType::Timestamp(TimeUnit::Microsecond, None),
            PrimitiveType::Decimal(decimal) => {
                let scale = i8::try_from(decimal.scale())
                    .map_err(|_| self.unread(column, &format!("{primitive:?}")))?;
                DataType::Decimal128(decimal.precision(), scale)
            }
            other => return Err(self.unread(column, &format!("{other:?}"))),
        })
    }

    fn unread(&self, column: &str, data_type: &str) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            format!(
                "column \"{column}\" of table \"{}\" has type {}, which is not read",
                self.table,
                data_type.to_lowercase()
            ),
        )
    }
}
