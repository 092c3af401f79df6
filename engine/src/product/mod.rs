//! The mesh as values: what domains promise, as plain data.
//!
//! ```text
//! Mesh ─ Domain ─ DataProduct ─ OutputPort ─ Contract ─ Table ─ Column
//!                                               └────── Server, Slo, QualityRule
//! ```
//!
//! Nothing here does I/O, and nothing here knows how a document is written or a table is read.

mod column;
mod contract;
mod data_product;
mod definition;
mod mesh;
mod output_port;
mod problem;
mod quality;
mod relationship;
mod server;
mod slo;
mod status;
mod table;
mod table_name;
mod version;
mod view;

pub use column::{Column, LogicalType};
pub use contract::{Contract, LifeStage};
pub use data_product::{DataProduct, Owner};
pub use definition::Definition;
pub use mesh::{Domain, Mesh};
pub use output_port::OutputPort;
pub use problem::{Problem, ProblemLevel};
pub use quality::{Expectation, Measure, QualityRule, QueryPart, RuleKind, RuleValue, ValueLimit};
pub use relationship::{ColumnReference, Relationship};
pub use server::{Moment, Server};
pub use slo::{OnBreach, Slo};
pub use status::Status;
pub use table::Table;
pub use table_name::{ProductSelector, TableName, VersionSelector};
pub use version::Version;
pub use view::View;
