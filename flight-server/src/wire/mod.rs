//! The form in which values travel: types that clients can read, one schema for each query.
//!
//! ```text
//! plan schema ── types (by profile) ── column_metadata ─▶ WireSchema ◀─ GetSchema, Prepare, FlightInfo, DoGet
//! batch ───────────────────────────────── convert ─────────────▲
//! ```

mod column_metadata;
mod convert;
mod profile;
mod schema;
mod types;
mod views;

pub(crate) use column_metadata::TableOrigin;
pub(crate) use profile::Profile;
pub(crate) use schema::WireSchema;
