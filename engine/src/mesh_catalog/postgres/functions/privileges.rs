//! Functions that say what may be done: everything that is listed may be read, nothing may be written.

use super::value::{Answer, Gives, Takes, Value};
use super::{Database, Definition};
use crate::error::Result;

use Takes::{Object, Text};

pub(super) static FUNCTIONS: [Definition; 14] = [
    may("has_any_column_privilege", &[Object, Object, Text]),
    may("has_column_privilege", &[Object, Object, Object, Text]),
    may("has_database_privilege", &[Object, Object, Text]),
    may("has_foreign_data_wrapper_privilege", &[Object, Object, Text]),
    may("has_function_privilege", &[Object, Object, Text]),
    may("has_language_privilege", &[Object, Object, Text]),
    may("has_parameter_privilege", &[Object, Object, Text]),
    may("has_schema_privilege", &[Object, Object, Text]),
    may("has_sequence_privilege", &[Object, Object, Text]),
    may("has_server_privilege", &[Object, Object, Text]),
    may("has_table_privilege", &[Object, Object, Text]),
    may("has_tablespace_privilege", &[Object, Object, Text]),
    may("has_type_privilege", &[Object, Object, Text]),
    may("pg_has_role", &[Object, Object, Text]),
];

const fn may(name: &'static str, takes: &'static [Takes]) -> Definition {
    Definition { name, least: 2, takes, gives: Gives::Flag, call: may_be_done }
}

/// True if one of the privileges, which are named last, is one of reading.
fn may_be_done(_: &Database, values: &[Value<'_>]) -> Result<Answer> {
    if values.contains(&Value::Null) {
        return Ok(Answer::Null);
    }
    let Some(Value::Text(privileges)) = values.last() else { return Ok(Answer::Null) };
    let reads = |privilege: &str| {
        matches!(
            privilege.trim().to_ascii_uppercase().as_str(),
            "SELECT" | "USAGE" | "CONNECT" | "EXECUTE" | "MEMBER" | "SET"
        )
    };
    Ok(Answer::Flag(privileges.split(',').any(reads)))
}
