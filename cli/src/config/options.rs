//! Every option of `samite.toml`: section, key, field, text.
//!
//! The one list behind the file's reader, the environment's reader and `docs/configuration.md`.

mod records;
mod server;

use super::definition::option;
pub(crate) use super::definition::{Field, OptionDefinition};

/// Every option but those of `[stores]`, in the order of the reference.
pub(crate) fn options() -> impl Iterator<Item = &'static OptionDefinition> {
    server::SERVER.iter().chain(records::RECORDS).chain(OTHERS)
}

/// The options of all other sections.
const OTHERS: &[OptionDefinition] = &[
    option(
        "auth",
        "users_file",
        Field::OptionalPath(|all| &mut all.security.users_file),
        "File of the users who may log in with a password; `samite user add` writes it. It is read again when it changes. Once any option of this section says how to log in, nobody gets in without.",
    ),
    option(
        "auth",
        "certificates",
        Field::Switch(|all| &mut all.security.has_certificates),
        "A client that shows no other credentials is whom the common name of its certificate says; with `users_file` that must be a user there.",
    ),
    option(
        "auth",
        "login_lifetime",
        Field::Duration(|all| &mut all.security.login_lifetime),
        "Time for which the token of a login holds; a client that uses it gets a new one in time.",
    ),
    option(
        "auth",
        "login_failures",
        Field::Count(1, |all| &mut all.security.login_failures_max),
        "Failed logins in a row after which a name is locked for the address they came from; ten times as many lock the address.",
    ),
    option(
        "auth",
        "login_lockout",
        Field::Duration(|all| &mut all.security.login_lockout),
        "Time for which it is locked first; each further failure doubles it, up to 15 minutes.",
    ),
    option(
        "auth",
        "jwks",
        Field::Text(|all| &mut all.security.jwks),
        "File or URL (https) of the keys (JWKS) that bearer tokens (JWT) are signed with; without it no such tokens are accepted.",
    ),
    option(
        "auth",
        "jwks_refresh",
        Field::Duration(|all| &mut all.security.jwks_refresh),
        "Time after which the keys are read again; a token with an unknown key makes them be read earlier. While they cannot be read, those that are known hold.",
    ),
    option(
        "auth",
        "jwt_issuers",
        Field::List(|all| &mut all.security.jwt_issuers),
        "Issuers (`iss`) whose tokens are accepted; needed with `jwks`.",
    ),
    option(
        "auth",
        "jwt_audiences",
        Field::List(|all| &mut all.security.jwt_audiences),
        "Audiences (`aud`) of which a token must have one; needed with `jwks`.",
    ),
    option(
        "auth",
        "jwt_algorithms",
        Field::List(|all| &mut all.security.jwt_algorithms),
        "Algorithms that are accepted, of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA.",
    ),
    option(
        "auth",
        "jwt_name",
        Field::Text(|all| &mut all.security.jwt_name_claim),
        "Claim that holds the name of the principal.",
    ),
    option(
        "auth",
        "jwt_groups",
        Field::Text(|all| &mut all.security.jwt_groups_claim),
        "Claim that holds its groups: a list of texts, or one text with spaces between.",
    ),
    option(
        "auth",
        "jwt_attributes",
        Field::List(|all| &mut all.security.jwt_attributes),
        "Attributes of the principal, each `attribute=claim`, or one name for both.",
    ),
    option(
        "auth",
        "jwt_leeway",
        Field::Duration(|all| &mut all.security.jwt_leeway),
        "Difference of clocks that is forgiven.",
    ),
    option(
        "auth",
        "administrators",
        Field::List(|all| &mut all.engine.administrators),
        "Groups whose members see the queries of all in `mesh.runtime.queries`, and may end them (`KILL`).",
    ),
    option(
        "log",
        "format",
        Field::Text(|all| &mut all.log_format),
        "How lines are written: `text`, or `json`, one object a line.",
    ),
    option(
        "log",
        "level",
        Field::Text(|all| &mut all.log_filter),
        "What is logged (`warn`, `info`, `debug`, or `samite_connectors=debug,info`); `SAMITE_LOG` overrides it. A level by itself is that of Samite; libraries say more than `info` only by name (`datafusion=debug`), and then values of tables too. At `info` each query that ends is a line, but for those that read no table and went well.",
    ),
    option(
        "log",
        "statements",
        Field::Switch(|all| &mut all.engine.has_logged_sql),
        "Logs and traces hold the text of statements, which can hold what is confidential.",
    ),
    option(
        "telemetry",
        "otlp_endpoint",
        Field::OptionalText(|all| &mut all.otlp_endpoint),
        "Collector that traces are sent to (OTLP over gRPC), for instance `http://127.0.0.1:4317`, or `https://...`. If absent, the variable `OTEL_EXPORTER_OTLP_ENDPOINT` counts; without both there are no traces.",
    ),
    option(
        "telemetry",
        "otlp_ca_file",
        Field::OptionalPath(|all| &mut all.otlp_ca_file),
        "Authority (PEM) that has signed the certificate of an `https` collector; by default those that the machine trusts.",
    ),
    option(
        "telemetry",
        "service_name",
        Field::Text(|all| &mut all.service_name),
        "Name of this server in traces; the variable `OTEL_SERVICE_NAME` counts where it is not set.",
    ),
    option(
        "mesh",
        "refresh",
        Field::Duration(|all| &mut all.mesh_refresh),
        "Documents are looked at this often at the latest; a change is served from then on.",
    ),
    option(
        "mesh",
        "lost_after",
        Field::Duration(|all| &mut all.mesh_lost_after),
        "Time without a look at the documents that went well, after which the server says that it is not ready; it still answers from what it read last.",
    ),
    option(
        "mesh",
        "variables",
        Field::List(|all| &mut all.mesh_variables),
        "Names of the variables of the environment that documents may use as `${NAME}`. All others are treated as absent, so that a document cannot read secrets of the process.",
    ),
    option(
        "mesh",
        "deprecation_window",
        Field::OptionalDuration(|all| &mut all.deprecation_window),
        "Shortest time between the day on which the end of life of a version is told and that end; `samite check --against` refuses a shorter one.",
    ),
    option(
        "mesh",
        "pushdown",
        Field::Text(|all| &mut all.mesh_pushdown),
        "Which predicates of a query skip files of a table of which policies hide something: `leakproof`, those that can neither fail nor show a value, or `strict`, the same but none where a column of the contract is classified `restricted`: how long a query takes then tells nothing of its hidden rows.",
    ),
    option(
        "quality",
        "every",
        Field::OptionalDuration(|all| &mut all.quality_every),
        "Time from one check of all quality rules to the next, one table at a time, while a server runs; tables with a rule that has a `schedule` (cron, UTC) are checked then, too. Absent, it checks none.",
    ),
    option(
        "quality",
        "rule_timeout",
        Field::Duration(|all| &mut all.engine.quality_timeout),
        "Time for one quality rule, or for the one scan of a table that all of its rules about rows have in common.",
    ),
    option(
        "locations",
        "allow",
        Field::List(|all| &mut all.stores.allow),
        "Prefixes of locations that may be read besides the mesh's own folder, for instance `\"file:///data/\"` or `\"s3://bucket/prefix/\"`.",
    ),
    option(
        "storage",
        "footer_cache",
        Field::Size(|all| &mut all.stores.footers_bytes_max),
        "Memory for the footers of data files; the ones not used for longest go first.",
    ),
    option(
        "storage",
        "read_ahead",
        Field::Size(|all| &mut all.stores.ahead_bytes_max),
        "Memory for what is read of remote data files before it is asked for; nothing is read ahead while it is used up, or if it is 0.",
    ),
    option(
        "storage",
        "small_tables",
        Field::Size(|all| &mut all.stores.whole_files_bytes_max),
        "Memory for the files of small remote tables (of 8 to 16 MiB at most), which are read whole; those that were read longest ago go first.",
    ),
    option(
        "storage",
        "request_timeout",
        Field::Duration(|all| &mut all.stores.request_timeout),
        "Time for one attempt of a request to a remote store, its answer included.",
    ),
    option(
        "storage",
        "stall_timeout",
        Field::Duration(|all| &mut all.stores.stall_timeout),
        "Time in which the answer of a remote store must begin, and then bring at least 4 KiB or its end; an attempt that is slower has failed.",
    ),
    option(
        "storage",
        "store_requests",
        Field::Count(1, |all| &mut all.stores.store_requests_max),
        "Requests to one remote store at once; one more waits for its turn.",
    ),
    option(
        "storage",
        "connect_timeout",
        Field::Duration(|all| &mut all.stores.connect_timeout),
        "Time for connecting to a remote store.",
    ),
    option(
        "storage",
        "retries",
        Field::Count(0, |all| &mut all.stores.retries_max),
        "How often a request that failed for a passing reason is sent again.",
    ),
    option(
        "storage",
        "retry_timeout",
        Field::Duration(|all| &mut all.stores.retry_timeout),
        "Time from the first attempt after which no other one is made.",
    ),
    option(
        "limits",
        "memory",
        Field::Size(|all| &mut all.engine.memory_bytes_max),
        "Memory that all queries together may use for sorting, joining and grouping.",
    ),
    option(
        "limits",
        "query_memory",
        Field::Size(|all| &mut all.engine.query_memory_bytes_max),
        "Memory of that which one query may use; at most `memory`.",
    ),
    option(
        "limits",
        "spill",
        Field::Size(|all| &mut all.engine.spill_bytes_max),
        "Disk that all queries together may use when memory does not suffice.",
    ),
    option(
        "limits",
        "spill_folder",
        Field::OptionalPath(|all| &mut all.engine.spill_folder),
        "Folder for what does not fit into memory; the system's temporary folder if absent.",
    ),
    option(
        "limits",
        "query_timeout",
        Field::Duration(|all| &mut all.engine.query_timeout),
        "Time from the start of a query to its last row.",
    ),
    option(
        "limits",
        "resolve_timeout",
        Field::Duration(|all| &mut all.engine.resolve_timeout),
        "Time for finding and opening all tables of a statement.",
    ),
    option(
        "limits",
        "concurrent_queries",
        Field::Count(1, |all| &mut all.engine.concurrent_queries_max),
        "Queries that run at once; one more waits for its turn. Those of principals that run fewer go first.",
    ),
    option(
        "limits",
        "concurrent_queries_per_principal",
        Field::Count(0, |all| &mut all.engine.principal_queries_max),
        "Queries of one principal among them, even where nobody else waits; all if 0. Whoever is not logged in may have all.",
    ),
    option(
        "limits",
        "queue_timeout",
        Field::Duration(|all| &mut all.engine.queue_timeout),
        "The longest wait of a query for its turn; then it is refused.",
    ),
    option(
        "limits",
        "queue_length",
        Field::Count(0, |all| &mut all.engine.queue_length_max),
        "Queries that wait for their turn; one more is refused at once, or the last one of the principal that has most of them waiting.",
    ),
    option(
        "limits",
        "target_partitions",
        Field::Count(0, |all| &mut all.engine.target_partitions),
        "Partitions that a plan is split into; the number of processor cores if 0.",
    ),
    option(
        "limits",
        "batch_rows",
        Field::Count(1, |all| &mut all.engine.batch_rows),
        "Rows of a batch inside the engine.",
    ),
    option(
        "limits",
        "sql_length",
        Field::Length(|all| &mut all.engine.sql_bytes_max),
        "Length of a statement.",
    ),
];

/// The option with this section and key.
pub(crate) fn find(section: &str, key: &str) -> Option<&'static OptionDefinition> {
    options().find(|option| option.section == section && option.key == key)
}

#[cfg(test)]
mod tests {
    use super::super::sections::SECTIONS;
    use super::*;

    #[test]
    fn option_is_listed_once_in_a_known_section() {
        let mut variables = std::collections::BTreeSet::new();
        for option in options() {
            assert!(variables.insert(option.variable()), "{} is listed twice", option.variable());
            assert!(
                SECTIONS.iter().any(|(section, _)| *section == option.section),
                "[{}] has no text",
                option.section
            );
            assert!(option.text.ends_with('.'), "{} {}", option.section, option.key);
        }
    }
}
