//! The options of `[server]`.

use super::{Field, OptionDefinition, option};

/// Every option of `[server]`.
pub(super) const SERVER: &[OptionDefinition] = &[
    option(
        "server",
        "listen",
        Field::Text(|all| &mut all.listen),
        "Address and port to listen on; port 0 picks a free one. An address beyond loopback is refused without TLS and logins, unless `--insecure` is given.",
    ),
    option(
        "server",
        "metrics_listen",
        Field::OptionalText(|all| &mut all.metrics_listen),
        "Address and port for metrics (Prometheus, `/metrics`) and health (`/livez`, `/readyz`) over plain HTTP, without logins; they name no principal and no statement, and products only with `[telemetry] product_metrics`.",
    ),
    option(
        "server",
        "pg_listen",
        Field::OptionalText(|all| &mut all.pg_listen),
        "Address and port for clients that speak the PostgreSQL protocol, such as psql; with the same users, TLS and limits.",
    ),
    option(
        "server",
        "tls_certificate",
        Field::OptionalPath(|all| &mut all.security.tls_certificate),
        "Certificate of the server with those between it and a root, as PEM. With it connections are encrypted. It is read again when it changes.",
    ),
    option(
        "server",
        "tls_key",
        Field::OptionalPath(|all| &mut all.security.tls_key),
        "Private key of the certificate, as PEM.",
    ),
    option(
        "server",
        "tls_client_ca",
        Field::OptionalPath(|all| &mut all.security.tls_client_authorities),
        "Authorities, as PEM, one of which must have signed the certificate that each client then has to show.",
    ),
    option(
        "server",
        "connections",
        Field::Count(1, |all| &mut all.flight.connections_max),
        "Connections at once; one more is closed at once.",
    ),
    option(
        "server",
        "connection_streams",
        Field::Count32(|all| &mut all.flight.connection_streams_max),
        "Calls at once on one connection.",
    ),
    option(
        "server",
        "connection_age",
        Field::OptionalDuration(|all| &mut all.flight.connection_age_max),
        "Age at which a connection is asked to end; it may stay if absent. A session without cookie and token ends with its connection.",
    ),
    option(
        "server",
        "keepalive_interval",
        Field::Duration(|all| &mut all.flight.keepalive_interval),
        "Time between two signs of life on a silent connection.",
    ),
    option(
        "server",
        "keepalive_timeout",
        Field::Duration(|all| &mut all.flight.keepalive_timeout),
        "Time for the answer to a sign of life.",
    ),
    option(
        "server",
        "header_size",
        Field::Length32(|all| &mut all.flight.header_bytes_max),
        "Size of all headers of a call.",
    ),
    option(
        "server",
        "request_size",
        Field::Length(|all| &mut all.flight.request_bytes_max),
        "Size of an incoming message.",
    ),
    option(
        "server",
        "parameter_size",
        Field::Length(|all| &mut all.flight.parameter_bytes_max),
        "Size of all parameters of one statement.",
    ),
    option(
        "server",
        "all_parameters_size",
        Field::Length(|all| &mut all.flight.all_parameter_bytes_max),
        "Size of all parameters of all statements together.",
    ),
    option(
        "server",
        "parameter_rows",
        Field::Count(1, |all| &mut all.flight.parameter_rows_max),
        "Rows of parameters of one statement: it runs once for each.",
    ),
    option(
        "server",
        "message_size",
        Field::Length(|all| &mut all.flight.message_bytes_max),
        "Size of an outgoing message; a single row that is larger goes alone.",
    ),
    option(
        "server",
        "row_size",
        Field::Length(|all| &mut all.flight.row_bytes_max),
        "Size of a single row; a larger one ends the query with an error.",
    ),
    option(
        "server",
        "joined_rows",
        Field::Count(1, |all| &mut all.flight.joined_rows_max),
        "Rows up to which small batches are joined into one message.",
    ),
    option(
        "server",
        "joined_size",
        Field::Length(|all| &mut all.flight.joined_bytes_max),
        "Size up to which small batches are joined into one message.",
    ),
    option(
        "server",
        "stream_messages",
        Field::Count(1, |all| &mut all.flight.stream_messages_max),
        "Encoded messages that wait for a slow reader, for each stream.",
    ),
    option(
        "server",
        "principal_share",
        Field::Count(1, |all| &mut all.flight.principal_share_percent),
        "What one principal may have of `sessions`, `statements`, `queries` and `all_parameters_size`, in percent. Whoever is not logged in may have all.",
    ),
    option(
        "server",
        "sessions",
        Field::Count(1, |all| &mut all.flight.sessions_max),
        "Sessions that have something set.",
    ),
    option(
        "server",
        "session_idle",
        Field::Duration(|all| &mut all.flight.session_idle),
        "Time after which an unused session ends.",
    ),
    option(
        "server",
        "statements",
        Field::Count(1, |all| &mut all.flight.statements_max),
        "Prepared statements of all clients.",
    ),
    option(
        "server",
        "statement_idle",
        Field::Duration(|all| &mut all.flight.statement_idle),
        "Time after which an unused prepared statement is closed.",
    ),
    option(
        "server",
        "queries",
        Field::Count(1, |all| &mut all.flight.queries_max),
        "Planned queries that wait for being fetched, or run.",
    ),
    option(
        "server",
        "query_lifetime",
        Field::Duration(|all| &mut all.flight.query_lifetime),
        "Time for which a planned query can be fetched.",
    ),
    option(
        "server",
        "query_linger",
        Field::Duration(|all| &mut all.flight.query_linger),
        "Time for which a query that was fetched can be fetched again.",
    ),
    option(
        "server",
        "drain_timeout",
        Field::Duration(|all| &mut all.flight.drain_timeout),
        "Time for running queries to end after the stop of the server was asked for.",
    ),
    option(
        "server",
        "listing_tables",
        Field::Count(1, |all| &mut all.flight.listing_tables_at_once),
        "Tables whose schemas are read at once for one listing.",
    ),
    option(
        "server",
        "listing_timeout",
        Field::Duration(|all| &mut all.flight.listing_timeout),
        "Time for reading the schemas of one listing.",
    ),
];
