//! The bytes of the PostgreSQL protocol, version 3
//! (<https://www.postgresql.org/docs/current/protocol-message-formats.html>).
//!
//! What a server says is written by `pgwire`. What a client says is read here: the decoder of
//! `pgwire` panics where a message is shorter than it claims, takes a length of a gigabyte from
//! anybody, and replaces what is not UTF-8.

mod codec;
mod fields;
mod first;
mod frontend;

pub(crate) use codec::{Backend, Codec};
pub(crate) use first::{First, Startup, read_first};
pub(crate) use frontend::{Bind, Frontend, Parse, Target};
