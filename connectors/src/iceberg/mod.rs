//! Iceberg ports: table metadata and manifests become a [`SourceTable`](crate::source_table::SourceTable).
//!
//! ```text
//! open: location ──metadata──▶ schema, snapshot ──manifest list──▶ columns, totals
//! scan: filters ──summaries──▶ manifests ──bounds──▶ data files ──▶ their deletes
//! ```
//!
//! The `iceberg` crate parses metadata and nothing else: it is built on another Arrow, so that no
//! Arrow value of its crosses into Samite, and its scan planning drops what pruning needs.

mod columns;
mod config;
mod connector;
mod equality_deletes;
mod kept;
mod lake_files;
mod listing;
mod live;
mod manifests;
mod metadata;
mod moment;
mod name_mapping;
mod partition_names;
mod position_deletes;
mod snapshot;
mod summaries;
mod survivors;
mod tables;
mod transforms;
mod unread;
mod values;
mod vectors;

pub use config::IcebergConfig;
pub use connector::IcebergConnector;
