//! Delta Lake ports: the transaction log becomes a [`SourceTable`](crate::source_table::SourceTable).
//!
//! ```text
//! _delta_log ──deltalake-core──▶ protocol, schema, file views ──▶ columns, files with statistics
//! ```
//!
//! The library replays the log and nothing else: how a file is read is the scan's business. What a
//! table needs of its readers is held against a list of our own ([`protocol`]), whatever the
//! library would load.

mod columns;
mod commit_info;
mod config;
mod connector;
mod deletion_vector;
mod entry;
mod history;
mod in_commit;
mod listing;
mod log;
mod partition;
mod protocol;
mod replayed;
mod snapshot;
mod statistics;
mod tables;
#[cfg(test)]
mod tests;
mod unhinted;
mod vectors;

pub use config::DeltaConfig;
pub use connector::DeltaConnector;
