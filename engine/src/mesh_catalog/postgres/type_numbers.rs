//! The numbers of those types that Samite itself decides by: `pg_type.dat` of PostgreSQL 16.

/// The number of `boolean`.
pub(crate) const BOOLEAN: i32 = 16;

/// The number of `bytea`.
pub(crate) const BYTEA: i32 = 17;

/// The number of `bigint`.
pub(crate) const BIGINT: i32 = 20;

/// The number of `smallint`.
pub(crate) const SMALLINT: i32 = 21;

/// The number of `integer`.
pub(crate) const INTEGER: i32 = 23;

/// The number of `text`.
pub(crate) const TEXT: i32 = 25;

/// The number of `oid`.
pub(crate) const OID: i32 = 26;

/// The number of `json`.
pub(crate) const JSON: i32 = 114;

/// The number of `real`.
pub(crate) const REAL: i32 = 700;

/// The number of `double precision`.
pub(crate) const DOUBLE: i32 = 701;

/// The number of `character`.
pub(crate) const BPCHAR: i32 = 1042;

/// The number of `character varying`.
pub(crate) const VARCHAR: i32 = 1043;

/// The number of `date`.
pub(crate) const DATE: i32 = 1082;

/// The number of `time`.
pub(crate) const TIME: i32 = 1083;

/// The number of `timestamp`.
pub(crate) const TIMESTAMP: i32 = 1114;

/// The number of `timestamp with time zone`.
pub(crate) const TIMESTAMPTZ: i32 = 1184;

/// The number of `interval`.
pub(crate) const INTERVAL: i32 = 1186;

/// The number of `numeric`.
pub(crate) const NUMERIC: i32 = 1700;
