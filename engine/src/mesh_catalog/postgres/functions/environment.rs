//! Functions that say how the server is: settings, encodings, sizes, addresses.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};

use super::super::{PG_CATALOG, namespaces, parameters};
use super::value::{Answer, Gives, Takes, Value};
use super::{Call, Database, Definition};
use crate::error::{Error, ErrorKind, Result};

use Takes::{Flag, Number, Object, Text};

/// When the catalog of this program was first asked for its age.
static FIRST_ASKED: LazyLock<DateTime<Utc>> = LazyLock::new(Utc::now);

pub(super) static FUNCTIONS: [Definition; 40] = [
    tells("current_setting", (1, &[Text, Flag]), Gives::Text, current_setting),
    tells("set_config", (3, &[Text, Text, Flag]), Gives::Text, set_config),
    tells("current_schemas", (1, &[Flag]), Gives::Texts, current_schemas),
    tells("pg_encoding_to_char", (1, &[Number]), Gives::Text, encoding_name),
    tells("pg_char_to_encoding", (1, &[Text]), Gives::Number, encoding_number),
    tells("getdatabaseencoding", (0, &[]), Gives::Text, utf8),
    tells("pg_client_encoding", (0, &[]), Gives::Text, utf8),
    unknown("pg_relation_size", &[Object, Text]),
    unknown("pg_table_size", &[Object]),
    unknown("pg_indexes_size", &[Object]),
    unknown("pg_total_relation_size", &[Object]),
    unknown("pg_database_size", &[Object]),
    unknown("pg_tablespace_size", &[Object]),
    unknown("pg_relation_filenode", &[Object]),
    unknown("pg_stat_get_live_tuples", &[Number]),
    unknown("pg_stat_get_dead_tuples", &[Number]),
    tells("pg_size_pretty", (1, &[Number]), Gives::Text, pretty_size),
    tells("pg_backend_pid", (0, &[]), Gives::Number, |_, _| Ok(Answer::Number(0))),
    tells("pg_my_temp_schema", (0, &[]), Gives::Oid, |_, _| Ok(Answer::Oid(0))),
    tells("pg_postmaster_start_time", (0, &[]), Gives::Instant, first_asked),
    tells("pg_conf_load_time", (0, &[]), Gives::Instant, first_asked),
    never("pg_is_in_recovery", &[]),
    never("pg_is_wal_replay_paused", &[]),
    never("pg_jit_available", &[]),
    never("pg_relation_is_publishable", &[Object]),
    never("pg_column_is_updatable", &[Object, Number, Flag]),
    never("pg_is_other_temp_schema", &[Number]),
    never("pg_index_column_has_property", &[Object, Number, Text]),
    never("pg_index_has_property", &[Object, Text]),
    never("pg_indexam_has_property", &[Number, Text]),
    tells("pg_relation_is_updatable", (2, &[Object, Flag]), Gives::Number, |_, _| {
        Ok(Answer::Number(0))
    }),
    tells("txid_current", (0, &[]), Gives::Number, |_, _| Ok(Answer::Number(1))),
    tells("txid_current_if_assigned", (0, &[]), Gives::Number, nothing),
    tells("pg_current_xact_id_if_assigned", (0, &[]), Gives::Number, nothing),
    tells("inet_server_addr", (0, &[]), Gives::Text, nothing),
    tells("inet_client_addr", (0, &[]), Gives::Text, nothing),
    tells("inet_server_port", (0, &[]), Gives::Number, nothing),
    tells("inet_client_port", (0, &[]), Gives::Number, nothing),
    tells("pg_last_wal_replay_lsn", (0, &[]), Gives::Text, nothing),
    tells("pg_last_xact_replay_timestamp", (0, &[]), Gives::Instant, nothing),
];

const fn tells(
    name: &'static str,
    (least, takes): (usize, &'static [Takes]),
    gives: Gives,
    call: Call,
) -> Definition {
    Definition { name, least, takes, gives, call }
}

/// A number that nobody knows before a port is opened.
const fn unknown(name: &'static str, takes: &'static [Takes]) -> Definition {
    Definition { name, least: 1, takes, gives: Gives::Number, call: nothing }
}

const fn never(name: &'static str, takes: &'static [Takes]) -> Definition {
    let call: Call = |_, _| Ok(Answer::Flag(false));
    Definition { name, least: takes.len(), takes, gives: Gives::Flag, call }
}

fn nothing(_: &Database, _: &[Value<'_>]) -> Result<Answer> {
    Ok(Answer::Null)
}

fn utf8(_: &Database, _: &[Value<'_>]) -> Result<Answer> {
    Ok(Answer::Text("UTF8".to_owned()))
}

fn encoding_name(_: &Database, values: &[Value<'_>]) -> Result<Answer> {
    let is_utf8 = values.first().and_then(|value| value.oid()) == Some(namespaces::UTF8);
    Ok(Answer::Text(if is_utf8 { "UTF8" } else { "" }.to_owned()))
}

fn encoding_number(_: &Database, values: &[Value<'_>]) -> Result<Answer> {
    let name = values.first().and_then(|value| value.text()).unwrap_or_default();
    let is_utf8 = matches!(name.to_ascii_lowercase().as_str(), "utf8" | "utf-8" | "unicode");
    Ok(Answer::Number(if is_utf8 { i64::from(namespaces::UTF8) } else { -1 }))
}

fn first_asked(_: &Database, _: &[Value<'_>]) -> Result<Answer> {
    Ok(Answer::Instant(FIRST_ASKED.timestamp_micros()))
}

fn current_setting(database: &Database, values: &[Value<'_>]) -> Result<Answer> {
    let Some(name) = values.first().and_then(|value| value.text()) else { return Ok(Answer::Null) };
    match parameters::of_session(database, &name) {
        Some(value) => Ok(Answer::Text(value)),
        None if values.get(1) == Some(&Value::Flag(true)) => Ok(Answer::Null),
        None => Err(no_setting(&name)),
    }
}

fn no_setting(name: &str) -> Error {
    Error::new(ErrorKind::InvalidQuery, format!("setting \"{name}\" does not exist"))
        .with_hint("pg_settings lists the settings")
}

/// A query changes nothing, so that only what changes no answer is taken.
fn set_config(database: &Database, values: &[Value<'_>]) -> Result<Answer> {
    let [name, value, _] = values else { return Ok(Answer::Null) };
    let (Some(name), Some(value)) = (name.text(), value.text()) else {
        return Err(Error::new(ErrorKind::InvalidQuery, "set_config takes a name and a value"));
    };
    let folded = name.to_ascii_lowercase();
    let now = parameters::of_session(database, &folded).ok_or_else(|| no_setting(&name))?;
    let changes_nothing = value.eq_ignore_ascii_case(&now)
        || parameters::changes_nothing(&folded)
        // Names in full mean the same without a path.
        || (folded == "search_path" && matches!(value.trim(), "" | PG_CATALOG));
    match changes_nothing {
        true => Ok(Answer::Text(value)),
        false => {
            let message = format!("set_config of \"{name}\" is not supported");
            Err(Error::new(ErrorKind::Unsupported, message)
                .with_hint(format!("write SET {name} = '...' as a statement of its own")))
        }
    }
}

fn current_schemas(database: &Database, values: &[Value<'_>]) -> Result<Answer> {
    let with_implicit = values.first() == Some(&Value::Flag(true));
    let implicit = with_implicit.then_some(PG_CATALOG);
    let schemas = implicit.into_iter().chain(database.path());
    Ok(Answer::Texts(schemas.map(str::to_owned).collect()))
}

fn pretty_size(_: &Database, values: &[Value<'_>]) -> Result<Answer> {
    let Some(Value::Number(bytes)) = values.first() else { return Ok(Answer::Null) };
    let mut size = *bytes;
    for unit in ["bytes", "kB", "MB", "GB"] {
        if size.unsigned_abs() < 10_240 {
            return Ok(Answer::Text(format!("{size} {unit}")));
        }
        size = size.saturating_add(512 * size.signum()) / 1024;
    }
    Ok(Answer::Text(format!("{size} TB")))
}
