//! `pg_type`: the types that columns can have, and the arrays of them.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::catalog::TableProvider;

use super::database::{Database, PG_CATALOG_OID, ROLE_OID};
use super::procedures;
use super::types::{FoundType, TYPES};
use crate::error::Result;
use crate::mesh_catalog::builder::TableBuilder;

struct Row {
    found: FoundType,
    category: &'static str,
    kind: &'static str,
    is_preferred: bool,
    element: i32,
    array: i32,
    functions: [i32; 4],
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::with_capacity(TYPES.len() * 2);
    for known in &TYPES {
        rows.push(Row {
            found: FoundType::Scalar(known),
            category: known.category,
            kind: known.kind(),
            is_preferred: known.is_preferred(),
            element: known.element(),
            array: known.array,
            functions: procedures::of_type(known.name),
        });
        if known.array != 0 {
            rows.push(Row {
                found: FoundType::Array(known),
                category: "A",
                kind: if known.kind() == "p" { "p" } else { "b" },
                is_preferred: false,
                element: known.oid,
                array: 0,
                functions: procedures::of_arrays(),
            });
        }
    }
    rows
}

pub(super) fn table(_: &Database) -> Result<Arc<dyn TableProvider>> {
    let rows = rows();
    let list = Field::new_list("typacl", Field::new_list_field(DataType::Utf8, true), true);
    TableBuilder::new(&rows)
        .oid("oid", |row| Some(row.found.oid()))
        .text("typname", |row| Some(row.found.name()))
        .oid("typnamespace", |_| Some(PG_CATALOG_OID))
        .oid("typowner", |_| Some(ROLE_OID))
        .small("typlen", |row| Some(row.found.length()))
        .flag("typbyval", |row| matches!(row.found.length(), 1 | 2 | 4 | 8))
        .text("typtype", |row| Some(row.kind))
        .text("typcategory", |row| Some(row.category))
        .flag("typispreferred", |row| row.is_preferred)
        .flag("typisdefined", |_| true)
        .text("typdelim", |_| Some(","))
        .oid("typrelid", |_| Some(0))
        .oid("typsubscript", |_| Some(0))
        .oid("typelem", |row| Some(row.element))
        .oid("typarray", |row| Some(row.array))
        .oid("typinput", |row| Some(row.functions[0]))
        .oid("typoutput", |row| Some(row.functions[1]))
        .oid("typreceive", |row| Some(row.functions[2]))
        .oid("typsend", |row| Some(row.functions[3]))
        .oid("typmodin", |_| Some(0))
        .oid("typmodout", |_| Some(0))
        .oid("typanalyze", |_| Some(0))
        .text("typalign", |row| Some(if row.found.length() == 8 { "d" } else { "i" }))
        .text("typstorage", |row| Some(if row.found.length() < 0 { "x" } else { "p" }))
        .flag("typnotnull", |_| false)
        .oid("typbasetype", |_| Some(0))
        .int("typtypmod", |_| Some(-1))
        .int("typndims", |_| Some(0))
        .oid("typcollation", |_| Some(0))
        .text("typdefaultbin", |_| None::<&str>)
        .text("typdefault", |_| None::<&str>)
        .nothing(list)
        .build()
}
