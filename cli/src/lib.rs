//! Samite: a federated SQL query engine over a data mesh.
//!
//! ```text
//! Mesh ──compose──▶ Engine ◀── MeshFolder (catalog-bridge), connectors, stores
//!   │                 ▲
//!   └──session──▶ Session::sql ──▶ rows          samite serve: flight-server in front
//! ```
//!
//! A program that embeds Samite opens a [`Mesh`] and asks it:
//!
//! ```no_run
//! use samite::{Collect, Mesh, Principal};
//!
//! # async fn example() -> samite::Result<()> {
//! let mesh = Mesh::open("mesh-demo").await?;
//! let session = mesh.session(Principal::user("ada"));
//! let rows = session
//!     .sql("SELECT stage_name FROM artists.profiles.artists WHERE country = 'SE'")
//!     .await?
//!     .collect()
//!     .await?;
//! println!("{} batches", rows.len());
//! # Ok(())
//! # }
//! ```
//!
//! The program `samite` is this library too: see [`commands`].

pub mod audit;
pub mod commands;
pub mod config;
pub mod lineage;
pub mod telemetry;
pub mod users_file;

mod collect;
mod compose;
mod mesh;
mod output;
mod recorders;

pub use collect::Collect;
pub use config::{Configuration, Environment};
pub use mesh::{Mesh, MeshBuilder};

pub use samite_engine::connector::ScanReport;
pub use samite_engine::execute::QueryStream;
pub use samite_engine::session::{Principal, Session};
pub use samite_engine::{Clock, Engine, Error, ErrorKind, Result};
