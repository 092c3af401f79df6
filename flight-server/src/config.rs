//! The options of the Flight SQL server.

use std::time::Duration;

/// The options of the Flight SQL server, each with a default that holds.
#[derive(Debug, Clone, PartialEq)]
pub struct FlightConfig {
    /// Size that an outgoing message may have, in bytes; a single row that is larger goes alone.
    pub message_bytes_max: usize,
    /// Size that a single row may have, in bytes; a larger one ends the query with an error.
    pub row_bytes_max: usize,
    /// Rows up to which small batches are joined into one message.
    pub joined_rows_max: usize,
    /// Size up to which small batches are joined into one message, in bytes.
    pub joined_bytes_max: usize,
    /// Encoded messages that wait for a slow reader, for each stream.
    pub stream_messages_max: usize,
    /// Size that an incoming message may have, in bytes.
    pub request_bytes_max: usize,
    /// Size of all parameters of one statement, in bytes.
    pub parameter_bytes_max: usize,
    /// Size of the parameters of all statements and queries together, in bytes.
    pub all_parameter_bytes_max: usize,
    /// Rows of parameters of one statement: it runs once for each.
    pub parameter_rows_max: usize,
    /// What one principal may have of sessions, statements, queries and parameters, in percent; who is
    /// not logged in may have all.
    pub principal_share_percent: usize,
    /// Sessions that have something set.
    pub sessions_max: usize,
    /// Time after which an unused session ends.
    pub session_idle: Duration,
    /// Prepared statements of all clients.
    pub statements_max: usize,
    /// Time after which an unused prepared statement is closed.
    pub statement_idle: Duration,
    /// Planned queries that wait for being fetched, or run.
    pub queries_max: usize,
    /// Time for which a planned query can be fetched.
    pub query_lifetime: Duration,
    /// Time for which a query that was fetched can be fetched again.
    pub query_linger: Duration,
    /// Connections at once; one more is closed at once.
    pub connections_max: usize,
    /// Calls at once on one connection.
    pub connection_streams_max: u32,
    /// Age at which a connection is asked to end; none if it may stay. A session without cookie and
    /// token ends with its connection.
    pub connection_age_max: Option<Duration>,
    /// Size of all headers of a call, in bytes.
    pub header_bytes_max: u32,
    /// Time between two signs of life on a silent connection.
    pub keepalive_interval: Duration,
    /// Time for the answer to a sign of life.
    pub keepalive_timeout: Duration,
    /// Time for running queries to end after the stop of the server was asked for.
    pub drain_timeout: Duration,
    /// Tables whose schemas are read at once for one listing.
    pub listing_tables_at_once: usize,
    /// Time for reading the schemas of one listing.
    pub listing_timeout: Duration,
}

impl Default for FlightConfig {
    fn default() -> Self {
        Self {
            message_bytes_max: 2 << 20,
            row_bytes_max: 256 << 20,
            joined_rows_max: 32 << 10,
            joined_bytes_max: 1 << 20,
            stream_messages_max: 4,
            request_bytes_max: 16 << 20,
            parameter_bytes_max: 64 << 20,
            all_parameter_bytes_max: 512 << 20,
            parameter_rows_max: 10_000,
            principal_share_percent: 25,
            sessions_max: 10_000,
            session_idle: Duration::from_secs(12 * 3600),
            statements_max: 10_000,
            statement_idle: Duration::from_secs(3600),
            queries_max: 1000,
            query_lifetime: Duration::from_secs(300),
            query_linger: Duration::from_secs(15),
            connections_max: 4096,
            connection_streams_max: 100,
            connection_age_max: None,
            header_bytes_max: 64 << 10,
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            drain_timeout: Duration::from_secs(30),
            listing_tables_at_once: 8,
            listing_timeout: Duration::from_secs(60),
        }
    }
}
