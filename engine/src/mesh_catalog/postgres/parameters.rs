//! The parameters of a server of PostgreSQL: what `SHOW`, `current_setting` and `pg_settings` say.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::catalog::TableProvider;

use super::database::Database;
use crate::error::Result;
use crate::mesh_catalog::builder::TableBuilder;

/// The version of PostgreSQL whose catalog this is.
pub const SERVER_VERSION: &str = "16.6";

/// The same as a number.
pub const SERVER_VERSION_NUMBER: &str = "160006";

/// One parameter that is the same for every session.
#[derive(Debug)]
struct Parameter {
    name: &'static str,
    value: &'static str,
    kind: &'static str,
    description: &'static str,
}

const fn parameter(
    name: &'static str,
    value: &'static str,
    kind: &'static str,
    description: &'static str,
) -> Parameter {
    Parameter { name, value, kind, description }
}

/// The parameters, by name.
static PARAMETERS: [Parameter; 36] = [
    parameter("application_name", "", "string", "The name of the client's program."),
    parameter("array_nulls", "on", "bool", "NULL is an element of an array."),
    parameter("block_size", "8192", "integer", "The size of a block of a disk."),
    parameter("bytea_output", "hex", "enum", "How bytes are written as text."),
    parameter("client_encoding", "UTF8", "string", "The encoding of the client."),
    parameter("client_min_messages", "notice", "enum", "The least level of messages."),
    parameter("datestyle", "ISO, YMD", "string", "How dates are written."),
    parameter("default_tablespace", "", "string", "Where new tables are put."),
    parameter("default_transaction_isolation", "read committed", "enum", "The usual isolation."),
    parameter("default_transaction_read_only", "on", "bool", "Samite only reads."),
    parameter("extra_float_digits", "1", "integer", "Numbers are written exactly."),
    parameter("idle_in_transaction_session_timeout", "0", "integer", "Without one."),
    parameter("in_hot_standby", "off", "bool", "Samite is no replica."),
    parameter("integer_datetimes", "on", "bool", "Instants are whole numbers."),
    parameter("intervalstyle", "postgres", "enum", "How intervals are written."),
    parameter("is_superuser", "off", "bool", "Nobody is one."),
    parameter("jit", "off", "bool", "Plans are not compiled."),
    parameter("lc_collate", "C", "string", "Texts are ordered by their bytes."),
    parameter("lc_ctype", "C", "string", "Letters are those of Unicode."),
    parameter("lc_messages", "C", "string", "Messages are in English."),
    parameter("lock_timeout", "0", "integer", "There are no locks."),
    parameter("max_identifier_length", "63", "integer", "Names that clients make fit in it."),
    parameter("max_index_keys", "32", "integer", "Columns of a key."),
    parameter("row_security", "on", "bool", "Policies hold for everybody."),
    parameter("server_encoding", "UTF8", "string", "The encoding of all texts."),
    parameter("server_version", SERVER_VERSION, "string", "The version that clients adapt to."),
    parameter("server_version_num", SERVER_VERSION_NUMBER, "integer", "The same as a number."),
    parameter("ssl", "on", "bool", "Connections may be encrypted."),
    parameter("standard_conforming_strings", "on", "bool", "A backslash is a backslash."),
    parameter("synchronous_commit", "on", "enum", "Nothing is written."),
    parameter("transaction_deferrable", "off", "bool", "Each statement is one transaction."),
    parameter("transaction_isolation", "read committed", "enum", "Of each statement."),
    parameter("transaction_read_only", "on", "bool", "Samite only reads."),
    parameter("wal_level", "replica", "enum", "Nothing is written."),
    parameter("work_mem", "4096", "integer", "Set by the server's own limits."),
    parameter("xmlbinary", "base64", "enum", "How bytes are written in XML."),
];

/// True for a parameter that changes no answer, whatever it is set to.
pub(super) fn changes_nothing(name: &str) -> bool {
    matches!(
        name,
        "application_name"
            | "bytea_output"
            | "client_min_messages"
            | "extra_float_digits"
            | "idle_in_transaction_session_timeout"
            | "intervalstyle"
            | "jit"
            | "lock_timeout"
            | "synchronous_commit"
            | "work_mem"
    )
}

/// The value of a parameter that is the same for every session.
pub(crate) fn fixed(name: &str) -> Option<&'static str> {
    let known = PARAMETERS.binary_search_by_key(&name, |known| known.name).ok();
    known.and_then(|at| PARAMETERS.get(at)).map(|known| known.value)
}

/// The value of a parameter in one session.
pub(super) fn of_session(database: &Database, name: &str) -> Option<String> {
    match name.to_ascii_lowercase().as_str() {
        "search_path" => Some(database.settings.schema().unwrap_or_default().to_owned()),
        "timezone" => Some(database.settings.get("timezone").unwrap_or("UTC").to_owned()),
        "session_authorization" | "role" => Some(database.principal.clone()),
        "statement_timeout" => {
            Some(database.settings.get("statement_timeout").unwrap_or("0").to_owned())
        }
        other => fixed(other).map(str::to_owned),
    }
}

/// The parameters whose values belong to a session.
const OF_SESSION: [(&str, &str, &str); 3] = [
    ("search_path", "string", "The product of names with one part."),
    ("statement_timeout", "integer", "The longest time of a statement, in seconds."),
    ("timezone", "string", "The zone of timestamps with a zone."),
];

pub(super) fn table(database: &Database) -> Result<Arc<dyn TableProvider>> {
    let mut rows: Vec<(&str, String, &str, &str)> = PARAMETERS
        .iter()
        .map(|known| (known.name, known.value.to_owned(), known.kind, known.description))
        .collect();
    for (name, kind, description) in OF_SESSION {
        rows.push((name, of_session(database, name).unwrap_or_default(), kind, description));
    }
    rows.sort_unstable();
    let list = Field::new_list("enumvals", Field::new_list_field(DataType::Utf8, true), true);
    TableBuilder::new(&rows)
        .text("name", |row| Some(row.0))
        .text("setting", |row| Some(&row.1))
        .text("unit", |_| None::<&str>)
        .text("category", |_| Some("Samite"))
        .text("short_desc", |row| Some(row.3))
        .text("extra_desc", |_| None::<&str>)
        .text("context", |_| Some("internal"))
        .text("vartype", |row| Some(row.2))
        .text("source", |_| Some("default"))
        .text("min_val", |_| None::<&str>)
        .text("max_val", |_| None::<&str>)
        .nothing(list)
        .text("boot_val", |row| Some(&row.1))
        .text("reset_val", |row| Some(&row.1))
        .text("sourcefile", |_| None::<&str>)
        .int("sourceline", |_| None)
        .flag("pending_restart", |_| false)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_in_order() {
        assert!(PARAMETERS.is_sorted_by_key(|known| known.name));
        assert_eq!(fixed("server_version_num"), Some(SERVER_VERSION_NUMBER));
        assert_eq!(fixed("nothing"), None);
    }
}
