//! `pg_proc`, `pg_am` and `pg_language`: as much of them as clients need to understand types.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::catalog::TableProvider;

use super::database::{Database, PG_CATALOG_OID, ROLE_OID};
use super::type_numbers::OID;
use super::types::TYPES;
use crate::error::Result;
use crate::mesh_catalog::builder::TableBuilder;

/// The number of the way in which tables are stored.
pub(super) const HEAP: i32 = 2;

/// The number of the kind of index that keys have.
pub(super) const BTREE: i32 = 403;

/// The number of the language that builtin functions are written in.
const INTERNAL: i32 = 12;

/// The number of `pg_language` itself.
const LANGUAGES: i32 = 2612;

/// The numbers of the functions that read and write arrays, as in `pg_proc.dat`.
const ARRAYS: [(&str, i32); 4] =
    [("array_in", 750), ("array_out", 751), ("array_recv", 2400), ("array_send", 2401)];

/// What the functions that read and write a type are called after it.
const WORDS: [&str; 4] = ["in", "out", "recv", "send"];

/// The first number of the functions of other types.
const FIRST: i32 = 9_000;

/// The functions that read and write the values of types, by number.
pub(super) fn functions() -> BTreeMap<i32, String> {
    let mut found: BTreeMap<i32, String> =
        ARRAYS.iter().map(|(name, oid)| (*oid, (*name).to_owned())).collect();
    for known in &TYPES {
        for (word, oid) in WORDS.iter().zip(of_type(known.name)) {
            found.insert(oid, format!("{}{word}", known.function_stem()));
        }
    }
    found
}

/// The numbers of the functions that read and write a type: in, out, receive, send.
pub(super) fn of_type(name: &str) -> [i32; 4] {
    let place = TYPES.iter().position(|known| known.name == name).unwrap_or_default();
    let first = i32::try_from(place).unwrap_or_default().saturating_mul(4).saturating_add(FIRST);
    [first, first + 1, first + 2, first + 3]
}

/// The same of every array.
pub(super) fn of_arrays() -> [i32; 4] {
    ARRAYS.map(|(_, oid)| oid)
}

pub(super) fn table(_: &Database) -> Result<Arc<dyn TableProvider>> {
    let functions: Vec<(i32, String)> = functions().into_iter().collect();
    let list = |name: &str, item| Field::new_list(name, Field::new_list_field(item, true), true);
    TableBuilder::new(&functions)
        .oid("oid", |(oid, _)| Some(*oid))
        .text("proname", |(_, name)| Some(name))
        .oid("pronamespace", |_| Some(PG_CATALOG_OID))
        .oid("proowner", |_| Some(ROLE_OID))
        .oid("prolang", |_| Some(INTERNAL))
        .real("procost", |_| Some(1.0))
        .real("prorows", |_| Some(0.0))
        .oid("provariadic", |_| Some(0))
        .oid("prosupport", |_| Some(0))
        .text("prokind", |_| Some("f"))
        .flag("prosecdef", |_| false)
        .flag("proleakproof", |_| false)
        .flag("proisstrict", |_| true)
        .flag("proretset", |_| false)
        .text("provolatile", |_| Some("i"))
        .text("proparallel", |_| Some("s"))
        .small("pronargs", |_| Some(0))
        .small("pronargdefaults", |_| Some(0))
        .oid("prorettype", |_| Some(OID))
        .vector("proargtypes", "oidvector", |_| Some(Vec::new()))
        .nothing(list("proallargtypes", DataType::Int32))
        .nothing(list("proargmodes", DataType::Utf8))
        .nothing(list("proargnames", DataType::Utf8))
        .text("proargdefaults", |_| None::<&str>)
        .text("prosrc", |(_, name)| Some(name))
        .text("probin", |_| None::<&str>)
        .text("prosqlbody", |_| None::<&str>)
        .nothing(list("proconfig", DataType::Utf8))
        .nothing(list("proacl", DataType::Utf8))
        .build()
}

pub(super) fn access_methods(_: &Database) -> Result<Arc<dyn TableProvider>> {
    TableBuilder::new(&[(HEAP, "heap", "t"), (BTREE, "btree", "i")])
        .oid("oid", |(oid, ..)| Some(*oid))
        .text("amname", |(_, name, _)| Some(name))
        .oid("amhandler", |_| Some(0))
        .text("amtype", |(.., kind)| Some(kind))
        .build()
}

pub(super) fn languages(_: &Database) -> Result<Arc<dyn TableProvider>> {
    TableBuilder::new(&[(INTERNAL, "internal"), (14, "sql")])
        .oid("oid", |(oid, _)| Some(*oid))
        .text("lanname", |(_, name)| Some(name))
        .oid("lanowner", |_| Some(ROLE_OID))
        .flag("lanispl", |_| false)
        .flag("lanpltrusted", |_| false)
        .oid("lanplcallfoid", |_| Some(0))
        .oid("laninline", |_| Some(0))
        .oid("lanvalidator", |_| Some(0))
        .nothing(Field::new_list("lanacl", Field::new_list_field(DataType::Utf8, true), true))
        .oid("tableoid", |_| Some(LANGUAGES))
        .build()
}
