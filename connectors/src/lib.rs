//! Opens Parquet, Delta Lake and Iceberg ports.
//!
//! ```text
//! connectors() ─┬─ parquet ─┐
//!               ├─ delta ───┼──▶ scan::TableSnapshot ──▶ one lakehouse scan
//!               └─ iceberg ─┘         │
//!                                   stores: what may be read, with which credential
//! ```

pub mod delta;
pub mod iceberg;
pub mod scan;
mod slots;
mod source_table;
pub mod stores;
