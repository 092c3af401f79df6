//! Fakes for the seams, for tests of everything that stands on the engine.
//!
//! ```text
//! FixedCatalog (a mesh in memory) ─▶ Engine ◀─ MemoryConnector (tables in memory)
//! ```

mod fakes;
mod fixtures;

pub use fakes::{FixedCatalog, MemoryConnector};
pub use fixtures::{contract, engine_with, mesh_of, port};
