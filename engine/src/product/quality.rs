//! What a contract promises of the quality of its data.

use std::fmt;

use super::ColumnReference;

/// One rule of a contract (ODCS 3.2.0, `quality[]`), or one that another of its words implies.
#[derive(Debug, Clone, PartialEq)]
pub struct QualityRule {
    /// What tells it from all other rules of its table or column, for instance `quality[2]`.
    pub key: String,
    /// Its id, else its name, else what it measures.
    pub name: String,
    /// What it says.
    pub description: Option<String>,
    /// Who makes the rule.
    pub kind: RuleKind,
    /// The side of quality that it is about, for instance `completeness`.
    pub dimension: Option<String>,
    /// How much it matters that it is kept.
    pub severity: Option<String>,
    /// What is measured.
    pub measure: Measure,
    /// What that is held against; `None` for what is not run.
    pub expectation: Option<Expectation>,
    /// True if rows are measured in percent of all.
    pub is_percent: bool,
    /// When its owner runs it, as it is written.
    pub schedule: Option<String>,
    /// The line of the document that it begins on, from 1; 0 if no document tells.
    pub line: u64,
}

/// Who makes a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleKind {
    /// A word of the standard's library of metrics.
    Library,
    /// A query of the owner.
    Sql,
    /// Another word of the contract, such as `required`.
    Implicit,
    /// Prose.
    Text,
    /// Another program.
    Custom,
}

impl RuleKind {
    /// The word in `mesh.discovery.quality`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Library => "library",
            Self::Sql => "sql",
            Self::Implicit => "implicit",
            Self::Text => "text",
            Self::Custom => "custom",
        }
    }
}

/// What a rule measures.
#[derive(Debug, Clone, PartialEq)]
pub enum Measure {
    /// The rows of the table.
    RowCount,
    /// The rows without a value.
    NullValues,
    /// The rows without a value, or with one that stands for none.
    MissingValues(Vec<RuleValue>),
    /// The rows with another value than these, or with one that the pattern is not found in.
    InvalidValues {
        /// The values; any if absent.
        valid: Option<Vec<RuleValue>>,
        /// A regular expression of ECMA-262 that is searched for.
        pattern: Option<String>,
    },
    /// The keys that several rows have: of these columns, or of the column that the rule belongs to if there
    /// are none.
    DuplicateValues(Vec<String>),
    /// The rows with a value beyond a limit.
    Beyond(ValueLimit),
    /// The rows whose key is not found in another table.
    MissingReferences {
        /// The columns of the key, each with the fields inside of it.
        from: Vec<Vec<String>>,
        /// The columns that they are found in.
        to: Vec<ColumnReference>,
    },
    /// What a query gives.
    Query {
        /// The query, cut where names are put in.
        parts: Vec<QueryPart>,
        /// The dialect that it is written in; that of Samite if absent.
        dialect: Option<String>,
    },
    /// Nothing, as no engine of ours could: why.
    Nothing(String),
    /// Nothing, as the rule is wrong: why.
    Impossible(String),
}

impl Measure {
    /// The word of the contract for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::RowCount => "rowCount",
            Self::NullValues => "nullValues",
            Self::MissingValues(_) => "missingValues",
            Self::InvalidValues { .. } => "invalidValues",
            Self::DuplicateValues(_) => "duplicateValues",
            Self::Beyond(limit) => limit.as_str(),
            Self::MissingReferences { .. } => "foreignKey",
            Self::Query { .. } => "query",
            Self::Nothing(_) | Self::Impossible(_) => "nothing",
        }
    }
}

/// A part of a query that measures something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryPart {
    /// SQL as it is written.
    Text(String),
    /// The name of the table.
    Table,
    /// The name of the column.
    Column,
}

/// A limit of the values of a column (ODCS 3.2.0, `enum` and `logicalTypeOptions`).
#[derive(Debug, Clone, PartialEq)]
pub enum ValueLimit {
    /// One of these.
    OneOf(Vec<RuleValue>),
    /// Not below.
    AtLeast(RuleValue),
    /// Not above.
    AtMost(RuleValue),
    /// Above.
    Above(RuleValue),
    /// Below.
    Below(RuleValue),
    /// A multiple.
    MultipleOf(RuleValue),
    /// At least so many characters.
    LengthAtLeast(u64),
    /// At most so many characters.
    LengthAtMost(u64),
    /// A regular expression of ECMA-262 is found in it.
    Matches(String),
    /// At least so many items.
    ItemsAtLeast(u64),
    /// At most so many items.
    ItemsAtMost(u64),
    /// No item twice.
    ItemsUnique,
    /// At least so many fields have a value.
    FieldsAtLeast(u64),
    /// At most so many fields have a value.
    FieldsAtMost(u64),
    /// Written in this format, for instance `uuid`.
    Format(String),
}

impl ValueLimit {
    /// The word of the contract for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::OneOf(_) => "enum",
            Self::AtLeast(_) => "minimum",
            Self::AtMost(_) => "maximum",
            Self::Above(_) => "exclusiveMinimum",
            Self::Below(_) => "exclusiveMaximum",
            Self::MultipleOf(_) => "multipleOf",
            Self::LengthAtLeast(_) => "minLength",
            Self::LengthAtMost(_) => "maxLength",
            Self::Matches(_) => "pattern",
            Self::ItemsAtLeast(_) => "minItems",
            Self::ItemsAtMost(_) => "maxItems",
            Self::ItemsUnique => "uniqueItems",
            Self::FieldsAtLeast(_) => "minProperties",
            Self::FieldsAtMost(_) => "maxProperties",
            Self::Format(_) => "format",
        }
    }
}

/// What is measured, or what that is held against.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleValue {
    /// A whole number.
    Whole(i128),
    /// Any other number.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// Text, a day or an instant.
    Text(String),
}

impl fmt::Display for RuleValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// What a measured value is held against.
#[derive(Debug, Clone, PartialEq)]
pub enum Expectation {
    /// It is this (`mustBe`).
    Is(RuleValue),
    /// It is not this (`mustNotBe`).
    IsNot(RuleValue),
    /// It is above (`mustBeGreaterThan`).
    Above(RuleValue),
    /// It is not below (`mustBeGreaterOrEqualTo`).
    AtLeast(RuleValue),
    /// It is below (`mustBeLessThan`).
    Below(RuleValue),
    /// It is not above (`mustBeLessOrEqualTo`).
    AtMost(RuleValue),
    /// It is one of the two or between them (`mustBeBetween`).
    Between(RuleValue, RuleValue),
    /// It is neither one of the two nor between them (`mustNotBeBetween`).
    NotBetween(RuleValue, RuleValue),
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(value) => write!(f, "= {value}"),
            Self::IsNot(value) => write!(f, "<> {value}"),
            Self::Above(value) => write!(f, "> {value}"),
            Self::AtLeast(value) => write!(f, ">= {value}"),
            Self::Below(value) => write!(f, "< {value}"),
            Self::AtMost(value) => write!(f, "<= {value}"),
            Self::Between(low, high) => write!(f, "between {low} and {high}"),
            Self::NotBetween(low, high) => write!(f, "not between {low} and {high}"),
        }
    }
}
