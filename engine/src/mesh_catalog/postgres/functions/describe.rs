//! Functions that say what something is: types, keys, comments.

use super::super::descriptions;
use super::super::types::format_type;
use super::super::views::{index_definition, key_columns};
use super::value::{Answer, Gives, Takes, Value};
use super::{Call, Database, Definition};
use crate::error::Result;
use crate::resolve::MESH_CATALOG;

use Takes::{Flag, Number, Object, Text};

pub(super) static FUNCTIONS: [Definition; 23] = [
    describes("format_type", (2, &[Number, Number]), type_name),
    describes("pg_get_constraintdef", (1, &[Number, Flag]), constraint),
    describes("pg_get_indexdef", (1, &[Number, Number, Flag]), index),
    // What is kept in a catalog as a tree of an expression is always NULL here, and stays so.
    describes("pg_get_expr", (2, &[Text, Number, Flag]), |_, values| {
        Ok(values.first().and_then(|value| value.text()).into())
    }),
    describes("pg_get_viewdef", (1, &[Object, Object]), nothing),
    describes("pg_get_ruledef", (1, &[Number, Flag]), nothing),
    describes("pg_get_triggerdef", (1, &[Number, Flag]), nothing),
    describes("pg_get_partkeydef", (1, &[Number]), nothing),
    describes("pg_get_partition_constraintdef", (1, &[Number]), nothing),
    describes("pg_get_statisticsobjdef", (1, &[Number]), nothing),
    describes("pg_get_statisticsobjdef_columns", (1, &[Number]), nothing),
    describes("pg_get_serial_sequence", (2, &[Text, Text]), nothing),
    describes("pg_get_functiondef", (1, &[Number]), nothing),
    describes("pg_get_function_arguments", (1, &[Number]), internal),
    describes("pg_get_function_identity_arguments", (1, &[Number]), internal),
    describes("pg_get_function_arg_default", (2, &[Number, Number]), nothing),
    describes("pg_get_function_result", (1, &[Number]), internal),
    describes("pg_get_function_sqlbody", (1, &[Number]), nothing),
    describes("pg_describe_object", (3, &[Number, Number, Number]), nothing),
    describes("pg_tablespace_location", (1, &[Number]), |_, _| Ok(Answer::Text(String::new()))),
    describes("obj_description", (1, &[Number, Text]), object_description),
    describes("col_description", (2, &[Number, Number]), column_description),
    describes("shobj_description", (2, &[Number, Text]), shared_description),
];

const fn describes(
    name: &'static str,
    (least, takes): (usize, &'static [Takes]),
    call: Call,
) -> Definition {
    Definition { name, least, takes, gives: Gives::Text, call }
}

/// There is nothing of the kind.
fn nothing(_: &Database, _: &[Value<'_>]) -> Result<Answer> {
    Ok(Answer::Null)
}

/// The functions that are listed read and write values inside the server.
fn internal(_: &Database, _: &[Value<'_>]) -> Result<Answer> {
    Ok(Answer::Text("internal".to_owned()))
}

fn type_name(_: &Database, values: &[Value<'_>]) -> Result<Answer> {
    let [oid, modifier] = values else { return Ok(Answer::Null) };
    Ok(oid.oid().map(|oid| format_type(oid, modifier.oid())).into())
}

fn constraint(database: &Database, values: &[Value<'_>]) -> Result<Answer> {
    let oid = values.first().and_then(|value| value.oid());
    let key = oid.and_then(|oid| database.key_of_constraint(oid));
    let definition = key.and_then(|key| {
        let columns = key_columns(key, database.table_of(key)?);
        Some(format!("PRIMARY KEY ({})", columns.join(", ")))
    });
    Ok(definition.into())
}

/// The whole of an index, or one of its columns.
fn index(database: &Database, values: &[Value<'_>]) -> Result<Answer> {
    let oid = values.first().and_then(|value| value.oid());
    let column = values.get(1).and_then(|value| value.oid()).unwrap_or(0);
    let key = oid.and_then(|oid| database.key_of_index(oid));
    let definition = key.and_then(|key| {
        let table = database.table_of(key)?;
        match usize::try_from(column).ok()?.checked_sub(1) {
            None => Some(index_definition(key, table)),
            Some(place) => key_columns(key, table).into_iter().nth(place),
        }
    });
    Ok(definition.into())
}

fn object_description(database: &Database, values: &[Value<'_>]) -> Result<Answer> {
    let Some(oid) = values.first().and_then(|value| value.oid()) else { return Ok(Answer::Null) };
    let relation = || database.relation(oid)?.description().map(str::to_owned);
    let namespace = || database.namespace(oid)?.description.clone();
    let found = match values.get(1) {
        None => relation().or_else(namespace),
        Some(Value::Text("pg_class")) => relation(),
        Some(Value::Text("pg_namespace")) => namespace(),
        Some(_) => None,
    };
    Ok(found.into())
}

fn column_description(database: &Database, values: &[Value<'_>]) -> Result<Answer> {
    let [table, column] = values else { return Ok(Answer::Null) };
    let found = || {
        let number = i16::try_from(column.oid()?).ok()?;
        let columns = database.relation(table.oid()?)?.columns();
        columns.iter().find(|facts| facts.number == number)?.description.map(str::to_owned)
    };
    Ok(found().into())
}

fn shared_description(database: &Database, values: &[Value<'_>]) -> Result<Answer> {
    let oid = values.first().and_then(|value| value.oid());
    let is_mesh = |(name, own): &(String, i32)| Some(*own) == oid && name == MESH_CATALOG;
    let found = database.databases.iter().any(is_mesh);
    Ok(found.then(|| descriptions::MESH.to_owned()).into())
}
