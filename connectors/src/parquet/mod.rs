//! Parquet ports: a file, a folder, a glob, with or without hive-style partition folders.
//!
//! ```text
//! location ──listing──▶ files ──footers──▶ schema and bounds ──snapshot──▶ TableSnapshot
//! ```
//!
//! Such a port has no history: its snapshot is a fingerprint of the files that are there now.

mod bounds;
mod config;
mod connector;
mod hive;
mod listing;
mod pattern;
mod schema;
mod snapshot;
mod variant;

#[cfg(test)]
mod tests;

pub use config::ParquetConfig;
pub use connector::ParquetConnector;
