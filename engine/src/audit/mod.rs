//! The ledger: what each statement wanted of which table, what was decided, and what was read.
//!
//! ```text
//! resolve, govern ──▶ Noted (one TableAccess for each table) ──▶ QueryEvent ──▶ History     mesh.runtime.audit
//!                                                                    │     └─▶ Movement    mesh.runtime.data_movement
//!                                                                    └───────▶ EventSink   files, other systems
//! ```
//!
//! It is made by the engine where it decides and where it reads, so that no client gets past it: there is no
//! setting, header or statement that turns it off.

mod access;
mod counters;
mod history;
mod movement;
mod noted;
mod statement_text;

pub use access::{AccessDecision, PortAddress, TableAccess, TableReads};
pub(crate) use counters::Counters;
pub(crate) use history::{History, ToldStatement};
pub use movement::{MovedData, MovementKey, to_domain};
pub(crate) use movement::{Movement, OTHERS};
pub(crate) use noted::Noted;
pub(crate) use statement_text::{StatementText, redacted};
