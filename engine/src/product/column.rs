//! One column that a contract promises.

use super::{QualityRule, Relationship, ValueLimit};

/// What a column means, independent of how it is stored (ODCS 3.2.0, `logicalType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogicalType {
    /// Text.
    String,
    /// A day.
    Date,
    /// An instant, or a local date and time.
    Timestamp,
    /// A time of day.
    Time,
    /// Any number, whole or not.
    Number,
    /// A whole number.
    Integer,
    /// Named fields.
    Object,
    /// Items of one type.
    Array,
    /// True or false.
    Boolean,
    /// Keys with values.
    Map,
    /// A fixed number of floats.
    Vector,
}

impl LogicalType {
    /// The name in a contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Time => "time",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Object => "object",
            Self::Array => "array",
            Self::Boolean => "boolean",
            Self::Map => "map",
            Self::Vector => "vector",
        }
    }
}

/// One column that a contract promises (ODCS 3.2.0, `schema[].properties[]`).
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of its own in a contract")]
pub struct Column {
    /// What references call it, if its owner gives it an id.
    pub id: Option<String>,
    /// The name in SQL.
    pub name: String,
    /// The name in the source, where it differs.
    pub physical_name: Option<String>,
    /// What it means.
    pub logical_type: Option<LogicalType>,
    /// How its owner calls the type, for instance `BIGINT` or `decimal(18,2)`.
    pub physical_type: Option<String>,
    /// What it says.
    pub description: Option<String>,
    /// How confidential it is.
    pub classification: Option<String>,
    /// True if its owner calls it critical.
    pub is_critical: bool,
    /// True if it holds no NULL.
    pub is_required: bool,
    /// True if no value occurs twice.
    pub is_unique: bool,
    /// Its place in the primary key, from 1.
    pub primary_key_position: Option<u32>,
    /// Its place among the partition columns, from 1.
    pub partition_position: Option<u32>,
    /// True if it will go away.
    pub is_deprecated: bool,
    /// The key of the definition that it is bound to (a polyseme): see [`Mesh::definitions`](super::Mesh::definitions),
    /// or a URL beyond the mesh.
    pub semantic_definition: Option<String>,
    /// What its values are held to.
    pub limits: Vec<ValueLimit>,
    /// The rules about its quality.
    pub quality: Vec<QualityRule>,
    /// What it is made from, by its owner's word (`transformSourceObjects`): addresses of tables or columns.
    pub source_objects: Vec<String>,
    /// Where its values are found in other tables.
    pub relationships: Vec<Relationship>,
    /// The fields of an object, the item of an array, key and value of a map.
    pub children: Vec<Column>,
    /// The line of the document that it begins on, from 1; 0 if no document tells.
    pub line: u64,
}

impl Column {
    /// The name that the source knows it by.
    #[must_use]
    pub fn source_name(&self) -> &str {
        self.physical_name.as_deref().unwrap_or(&self.name)
    }

    /// True if the contract promises that no value is NULL: a column of the primary key has none.
    #[must_use]
    pub fn promises_values(&self) -> bool {
        self.is_required || self.primary_key_position.is_some()
    }
}
