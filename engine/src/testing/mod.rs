//! Fakes for the seams, for tests of everything that stands on the engine.
//!
//! ```text
//! FixedCatalog (a mesh in memory) ─▶ Engine ◀─ MemoryConnector (tables in memory)
//!                                      ▲
//!                          FixedPolicies (decisions)
//! ```

mod fakes;
mod fixtures;
pub mod governed_pairs;
mod policies;

pub use fakes::{FixedCatalog, MemoryConnector};
pub use fixtures::{contract, engine_with, mesh_of, port, virtual_contract};
pub use policies::FixedPolicies;
