//! The sections of `samite.toml`.

/// What each section is about, in the order of the reference.
pub(crate) const SECTIONS: &[(&str, &str)] = &[
    ("server", "The Flight SQL service of `samite serve`."),
    (
        "auth",
        "Who may call. With none of `users_file`, `jwks` and `certificates` everybody may, as `anonymous`.",
    ),
    (
        "log",
        "What `samite serve` logs, on standard error. Each line about a query has its id and its principal.",
    ),
    (
        "audit",
        "The record of every statement ([audit.md](audit.md)). `mesh.runtime.audit` is there in any case; with `file` records are written to a file, too.",
    ),
    (
        "openlineage",
        "What queries read, as events of OpenLineage. They can be lost: the record is that of `[audit]`.",
    ),
    ("telemetry", "Traces for OpenTelemetry, and what metrics name."),
    ("mesh", "How the documents of the mesh are read."),
    (
        "quality",
        "When the rules of contracts about the quality of data are checked ([contracts.md](contracts.md#quality)).",
    ),
    ("locations", "What may be read outside the mesh's own folder."),
    ("storage", "How bytes are fetched from remote stores."),
    ("limits", "What queries may use. Every limit holds; there is no \"unlimited\"."),
];
