//! The options of `[audit]` and `[openlineage]`, and what metrics name.

use super::{Field, OptionDefinition, option};

/// The options of what is recorded of statements.
pub(super) const RECORDS: &[OptionDefinition] = &[
    option(
        "audit",
        "file",
        Field::OptionalPath(|all| &mut all.audit.file),
        "File that a record for each table of each statement is appended to, when it begins to run and when it ends: JSON lines in the form of OCSF, in a chain of hashes that `samite audit verify` checks. One process writes it.",
    ),
    option(
        "audit",
        "file_size",
        Field::Size(|all| &mut all.audit.file_bytes_max),
        "Size from which on the next file is begun; the full one gets the number of its last record, and the chain goes on.",
    ),
    option(
        "audit",
        "files",
        Field::Count(0, |all| &mut all.audit.files_max),
        "Full files that stay; the oldest ones are deleted. All stay if 0.",
    ),
    option(
        "audit",
        "sync",
        Field::Text(|all| &mut all.audit.sync),
        "When records are made to outlast a loss of power: `always` after they are written, each `second`, or `never`, when the system does it by itself.",
    ),
    option(
        "audit",
        "on_failure",
        Field::Text(|all| &mut all.audit.on_failure),
        "What happens while the file cannot be written: `refuse` statements, or `warn` in the log and let them run without a record.",
    ),
    option(
        "audit",
        "queue",
        Field::Count(1, |all| &mut all.audit.queue_max),
        "Statements whose records wait for being written; while there are as many, further ones wait, and are refused after 10 s.",
    ),
    option(
        "audit",
        "history",
        Field::Count(0, |all| &mut all.engine.audit_statements_max),
        "Statements that `mesh.runtime.audit` remembers; none if 0.",
    ),
    option(
        "audit",
        "movement_lines",
        Field::Count(1, |all| &mut all.engine.movement_lines_max),
        "Lines of `mesh.runtime.data_movement`; for a further one those of the oldest day go, or purposes are counted together.",
    ),
    option(
        "openlineage",
        "url",
        Field::OptionalText(|all| &mut all.lineage.url),
        "Address that takes events, such as `http://marquez:5000/api/v1/lineage`.",
    ),
    option(
        "openlineage",
        "file",
        Field::OptionalPath(|all| &mut all.lineage.file),
        "File that events are appended to, one a line.",
    ),
    option(
        "openlineage",
        "namespace",
        Field::OptionalText(|all| &mut all.lineage.namespace),
        "What the names of tables are below; `samite://` and `[server] listen` if absent.",
    ),
    option(
        "openlineage",
        "credential",
        Field::OptionalText(|all| &mut all.lineage.credential),
        "Section `[credentials.NAME]` whose `bearer_token` is sent with each event.",
    ),
    option(
        "openlineage",
        "timeout",
        Field::Duration(|all| &mut all.lineage.timeout),
        "Time for the answer to one event; it is sent three times at most.",
    ),
    option(
        "openlineage",
        "queue",
        Field::Count(1, |all| &mut all.lineage.queue_max),
        "Events that wait for being sent; further ones are lost, and counted in the metrics.",
    ),
    option(
        "telemetry",
        "product_metrics",
        Field::Switch(|all| &mut all.engine.has_product_metrics),
        "Metrics count what is read by port and between domains, too: then they name domains and products to whoever reads metrics.",
    ),
];
