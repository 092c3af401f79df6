//! Connectors: one folder for each kind of port, the shared lakehouse scan, the object stores.

pub mod stores;
