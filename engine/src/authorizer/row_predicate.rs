//! Which rows may be seen.

use chrono::{DateTime, Utc};

/// Which rows may be seen, over the columns of one table by their names in SQL. It has the three values of SQL; a row is
/// seen where it is true.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RowPredicate {
    /// The same for each row.
    Constant(bool),
    /// A column beside a value; NULL where the column is.
    Compare {
        /// The column.
        column: String,
        /// How.
        comparison: Comparison,
        /// The value, on the right.
        value: Value,
    },
    /// A column among values; NULL where the column is.
    In {
        /// The column.
        column: String,
        /// The values; among none of them is nothing.
        values: Vec<Value>,
    },
    /// True where the column is NULL.
    IsNull(String),
    /// All are true; of none: true.
    And(Vec<Self>),
    /// One is true; of none: false.
    Or(Vec<Self>),
    /// The contrary.
    Not(Box<Self>),
}

/// How a column is compared with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A value of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number with four digits after the point, in ten-thousandths.
    Decimal(i64),
    /// Text.
    Text(String),
    /// An instant; for a column of days its first instant in UTC.
    Instant(DateTime<Utc>),
}
