//! The options of the PostgreSQL listener.

use std::time::Duration;

/// The options of the PostgreSQL listener, each with a default that holds.
#[derive(Debug, Clone, PartialEq)]
pub struct PgConfig {
    /// Connections at once; one more is told so and closed.
    pub connections_max: usize,
    /// Size of a message of a client, in bytes.
    pub message_bytes_max: usize,
    /// Prepared statements, and as many portals, of one connection.
    pub statements_max: usize,
    /// Time from a connection until its user is known.
    pub startup_timeout: Duration,
    /// Silence after which the system asks whether a client is still there.
    pub keepalive_interval: Duration,
    /// Time for running statements to end after the stop of the server was asked for.
    pub drain_timeout: Duration,
}

impl Default for PgConfig {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            message_bytes_max: 16 << 20,
            statements_max: 1000,
            startup_timeout: Duration::from_secs(10),
            keepalive_interval: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(30),
        }
    }
}
