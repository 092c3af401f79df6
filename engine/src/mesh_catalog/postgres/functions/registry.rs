//! Numbers of things by their names, and names by numbers: what stands behind `::regclass` and its like.
//!
//! `pg_regclass_oid` takes a name or a number and gives the number, `pg_regclass_name` the name;
//! `to_regclass` is NULL where the former is an error.

use super::super::PG_CATALOG;
use super::super::database::{ROLE_OID, Relation};
use super::super::names::{parts, quoted};
use super::super::procedures;
use super::super::types::{FoundType, format_type};
use super::value::{Answer, Gives, Takes, Value};
use super::{Call, Database, Definition};
use crate::error::{Error, ErrorKind, Result};

/// A kind of things that have names and numbers.
struct Registry {
    /// What a thing of the kind is called in messages.
    noun: &'static str,
    find: fn(&Database, &str) -> Option<i32>,
    name: fn(&Database, i32) -> Option<String>,
}

static RELATIONS: Registry = Registry { noun: "relation", find: relation, name: relation_name };
static TYPES: Registry = Registry {
    noun: "type",
    find: |_, name| FoundType::by_name(name).map(FoundType::oid),
    name: |_, oid| FoundType::by_oid(oid).map(|_| format_type(oid, None)),
};
static NAMESPACES: Registry = Registry {
    noun: "schema",
    find: |database, name| {
        let parts = parts(name)?;
        let [name] = parts.as_slice() else { return None };
        database.namespaces.iter().find(|known| known.name == *name).map(|known| known.oid)
    },
    name: |database, oid| database.namespace(oid).map(|known| quoted(&known.name)),
};
static ROLES: Registry = Registry {
    noun: "role",
    find: |database, name| {
        let parts = parts(name)?;
        (parts.as_slice() == std::slice::from_ref(&database.principal)).then_some(ROLE_OID)
    },
    name: |database, oid| (oid == ROLE_OID).then(|| quoted(&database.principal)),
};
static FUNCTIONS_OF_TYPES: Registry = Registry {
    noun: "function",
    find: |_, name| {
        let parts = parts(name.split_once('(').map_or(name, |(name, _)| name))?;
        let name = parts.last()?;
        procedures::functions().into_iter().find(|(_, known)| known == name).map(|(oid, _)| oid)
    },
    name: |_, oid| procedures::functions().remove(&oid),
};
/// What Samite has none of.
static NOTHING: Registry = Registry { noun: "object", find: |_, _| None, name: |_, _| None };

pub(super) static FUNCTIONS: [Definition; 26] = [
    number("pg_regclass_oid", |database, values| oid_of(&RELATIONS, database, values)),
    shown("pg_regclass_name", |database, values| name_of(&RELATIONS, database, values)),
    number("pg_regtype_oid", |database, values| oid_of(&TYPES, database, values)),
    shown("pg_regtype_name", |database, values| name_of(&TYPES, database, values)),
    number("pg_regnamespace_oid", |database, values| oid_of(&NAMESPACES, database, values)),
    shown("pg_regnamespace_name", |database, values| name_of(&NAMESPACES, database, values)),
    number("pg_regrole_oid", |database, values| oid_of(&ROLES, database, values)),
    shown("pg_regrole_name", |database, values| name_of(&ROLES, database, values)),
    number("pg_regproc_oid", |database, values| oid_of(&FUNCTIONS_OF_TYPES, database, values)),
    shown("pg_regproc_name", |database, values| name_of(&FUNCTIONS_OF_TYPES, database, values)),
    number("pg_regprocedure_oid", |database, values| oid_of(&FUNCTIONS_OF_TYPES, database, values)),
    shown("pg_regprocedure_name", |database, values| {
        name_of(&FUNCTIONS_OF_TYPES, database, values)
    }),
    number("pg_regoper_oid", |database, values| oid_of(&NOTHING, database, values)),
    shown("pg_regoper_name", |database, values| name_of(&NOTHING, database, values)),
    number("pg_regoperator_oid", |database, values| oid_of(&NOTHING, database, values)),
    shown("pg_regoperator_name", |database, values| name_of(&NOTHING, database, values)),
    number("pg_regconfig_oid", |database, values| oid_of(&NOTHING, database, values)),
    shown("pg_regconfig_name", |database, values| name_of(&NOTHING, database, values)),
    number("pg_regdictionary_oid", |database, values| oid_of(&NOTHING, database, values)),
    shown("pg_regdictionary_name", |database, values| name_of(&NOTHING, database, values)),
    number("to_regclass", |database, values| Ok(found(&RELATIONS, database, values).into())),
    number("to_regtype", |database, values| Ok(found(&TYPES, database, values).into())),
    number("to_regnamespace", |database, values| Ok(found(&NAMESPACES, database, values).into())),
    number("to_regrole", |database, values| Ok(found(&ROLES, database, values).into())),
    number(
        "to_regproc",
        |database, values| Ok(found(&FUNCTIONS_OF_TYPES, database, values).into()),
    ),
    number("to_regprocedure", |database, values| {
        Ok(found(&FUNCTIONS_OF_TYPES, database, values).into())
    }),
];

const fn number(name: &'static str, call: Call) -> Definition {
    Definition { name, least: 1, takes: &[Takes::Object], gives: Gives::Oid, call }
}

const fn shown(name: &'static str, call: Call) -> Definition {
    Definition { name, least: 1, takes: &[Takes::Object], gives: Gives::Text, call }
}

/// The number of what is named, or the number itself.
fn found(registry: &Registry, database: &Database, values: &[Value<'_>]) -> Option<i32> {
    let value = *values.first()?;
    match value {
        Value::Text("-") => Some(0),
        Value::Text(name) => value.oid().or_else(|| (registry.find)(database, name)),
        other => other.oid(),
    }
}

fn oid_of(registry: &Registry, database: &Database, values: &[Value<'_>]) -> Result<Answer> {
    match (values.first(), found(registry, database, values)) {
        (_, Some(oid)) => Ok(Answer::Oid(oid)),
        (Some(Value::Text(name)), None) => {
            let message = format!("{} \"{name}\" does not exist", registry.noun);
            Err(Error::new(ErrorKind::NotFound, message))
        }
        (_, None) => Ok(Answer::Null),
    }
}

/// The name of what has a number; the number for what does not exist, as PostgreSQL shows it.
fn name_of(registry: &Registry, database: &Database, values: &[Value<'_>]) -> Result<Answer> {
    let Answer::Oid(oid) = oid_of(registry, database, values)? else { return Ok(Answer::Null) };
    if oid == 0 {
        return Ok(Answer::Text("-".to_owned()));
    }
    Ok(Answer::Text((registry.name)(database, oid).unwrap_or_else(|| oid.to_string())))
}

/// The relation or index with a name of one to three parts.
fn relation(database: &Database, name: &str) -> Option<i32> {
    let parts = parts(name)?;
    let (schema, name) = match parts.as_slice() {
        [name] => (None, name),
        [schema, name] => (Some(schema.as_str()), name),
        [catalog, schema, name] if *catalog == database.name => (Some(schema.as_str()), name),
        _ => return None,
    };
    if let Some(relation) = database.find(schema, name) {
        return Some(relation.oid);
    }
    let matches = |table: &Relation| match schema {
        Some(schema) => table.schema == schema,
        None => database.is_visible(table),
    };
    let mut keys = database.keys.iter().filter(|key| key.name == *name);
    keys.find(|key| database.table_of(key).is_some_and(matches)).map(|key| key.index)
}

/// The name, with the schema unless that is the session's.
fn relation_name(database: &Database, oid: i32) -> Option<String> {
    let (schema, name) = match database.relation(oid) {
        Some(relation) => (&relation.schema, &relation.name),
        None => {
            let key = database.key_of_index(oid)?;
            (&database.table_of(key)?.schema, &key.name)
        }
    };
    let is_bare = schema == PG_CATALOG || database.path().contains(&schema.as_str());
    Some(if is_bare { quoted(name) } else { format!("{}.{}", quoted(schema), quoted(name)) })
}
