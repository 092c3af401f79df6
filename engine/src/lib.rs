//! The Samite query engine: values, seams and stages.
//!
//! ```text
//!  SQL text
//!    │
//!    ▼
//!  Session ──resolve──▶ ResolvedQuery ──govern──▶ GovernedQuery ──plan──▶ QueryPlan ──execute──▶ QueryStream
//!    principal,           every name is a           every table carries       DataFusion            Arrow batches,
//!    settings             port at a snapshot        its decision              physical plan         metrics, snapshots
//! ```
//!
//! Four seams are filled by others: [`catalog::ProductCatalog`] knows the products,
//! [`authorizer::Authorizer`] decides on access, a [`connector::Connector`] opens the ports of one
//! kind, an [`events::EventSink`] records what happened.

pub mod product;

mod audit;
pub mod authorizer;
pub mod catalog;
pub mod connector;
pub mod events;

pub mod config;
pub mod engine;
pub mod error;
#[doc(hidden)]
pub mod fuzzing;
mod health;
pub mod session;

pub mod execute;
pub mod govern;
pub mod plan;
pub mod resolve;

pub mod compatibility;
pub mod mesh_catalog;
pub mod nearest;
pub mod polysemes;
pub mod promises;
pub mod quality;
mod sealed;
mod snapshot_token;
pub mod telemetry;
pub mod type_class;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use engine::{Clock, Engine, EngineBuilder};
pub use error::{Error, ErrorKind, Result};
pub use snapshot_token::SnapshotToken;

#[cfg(test)]
mod tests;
