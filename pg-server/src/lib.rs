//! The PostgreSQL protocol of Samite: for psql, and for tools that know PostgreSQL only.
//!
//! ```text
//!  TCP ──▶ server (listener, limits, drain) ─▶ startup (TLS, who calls, database) ─▶ conversation
//!                                                                                       │
//!            protocol (bytes ◀─▶ messages) ◀─ link ◀──────────────────────────────────┤
//!            parameters (their values ─▶ Arrow) ─▶ Session, QueryPlan of the engine ───┤
//!            rows ◀─ values (Arrow ─▶ their values) ◀─ QueryStream ◀────────────────────┘
//! ```
//!
//! Plans and runs nothing itself: that is the engine's. Who calls is found out by the authenticator
//! of the Flight SQL server, so that both listeners have the same users and lock out together.

mod cancel;
mod command;
mod config;
mod conversation;
mod copy;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod kind;
mod link;
mod parameters;
mod protocol;
mod rows;
mod server;
mod split;
mod startup;
mod trace;
mod values;
mod words;

pub use config::PgConfig;
pub use server::PgServer;
