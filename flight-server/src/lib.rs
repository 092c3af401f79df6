//! The Flight SQL service of Samite.
//!
//! ```text
//!  gRPC ──▶ server (listener, limits, health, drain)
//!             │
//!             ▼
//!           service ── auth (who calls) ── status (the only way out of an error)
//!             │  bytes ◀─ protocol ─▶ commands
//!             ├── statement, prepared ──▶ queries, statements (handles: bounded, expiring)
//!             ├── sessions, metadata
//!             ▼
//!           stream: QueryStream ─ wire (types that clients read) ─▶ encode ─▶ bounded channel ─▶ message ─▶ gRPC
//! ```
//!
//! Plans and runs nothing itself: that is the engine's.

mod auth;
mod config;
mod connection;
mod constants;
mod encode;
mod expiring;
#[doc(hidden)]
pub mod fuzzing;
mod message;
mod metadata;
mod metrics;
mod prepared;
mod protocol;
mod query;
mod server;
mod service;
mod sessions;
mod share;
mod status;
mod stream;
mod ticket;
mod tls;
mod trace;
mod wire;

pub use auth::{
    AuthConfig, Authenticator, Credentials, KeySource, TokenConfig, User, Users, hash_password,
};
pub use config::FlightConfig;
pub use server::FlightServer;
pub use tls::{Tls, TlsFiles, certificate_name};
