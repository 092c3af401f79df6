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
pub mod parquet;
mod percent;
pub mod scan;
mod slots;
mod source_table;
pub mod stores;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use samite_engine::connector::Connector;

use delta::{DeltaConfig, DeltaConnector};
use iceberg::{IcebergConfig, IcebergConnector};
use parquet::{ParquetConfig, ParquetConnector};

/// The connectors of all kinds that Samite reads, over one registry of stores.
#[must_use]
pub fn connectors(stores: stores::Stores) -> Vec<Arc<dyn Connector>> {
    vec![
        Arc::new(ParquetConnector::new(stores.clone(), ParquetConfig::default())),
        Arc::new(DeltaConnector::new(stores.clone(), DeltaConfig::default())),
        Arc::new(IcebergConnector::new(stores, IcebergConfig::default())),
    ]
}
