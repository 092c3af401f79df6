//! `pg_description` and `pg_shdescription`: what products, tables and columns say of themselves.

use std::sync::Arc;

use datafusion::catalog::TableProvider;

use super::database::Database;
use crate::error::Result;
use crate::mesh_catalog::builder::TableBuilder;

/// The numbers of the tables that describe schemas, relations and databases.
pub(super) const NAMESPACES: i32 = 2615;
pub(super) const RELATIONS: i32 = 1259;
const DATABASES: i32 = 1262;

/// One description: of what, in which table, of which column (0 for all of it).
pub(super) struct Description<'a> {
    pub(super) object: i32,
    pub(super) class: i32,
    pub(super) column: i16,
    pub(super) text: &'a str,
}

/// Every description of a database.
pub(super) fn all(database: &Database) -> Vec<Description<'_>> {
    let mut found = Vec::new();
    for schema in &database.namespaces {
        if let Some(text) = &schema.description {
            found.push(Description { object: schema.oid, class: NAMESPACES, column: 0, text });
        }
    }
    for relation in database.relations.iter().filter(|relation| !relation.is_system) {
        let (object, class) = (relation.oid, RELATIONS);
        if let Some(text) = relation.description() {
            found.push(Description { object, class, column: 0, text });
        }
        for facts in relation.columns() {
            if let Some(text) = facts.description {
                found.push(Description { object, class, column: facts.number, text });
            }
        }
    }
    found
}

pub(super) fn table(database: &Database) -> Result<Arc<dyn TableProvider>> {
    let rows = all(database);
    TableBuilder::new(&rows)
        .oid("objoid", |row| Some(row.object))
        .oid("classoid", |row| Some(row.class))
        .int("objsubid", |row| Some(i32::from(row.column)))
        .text("description", |row| Some(row.text))
        .build()
}

/// What is said of databases: of a domain, nothing yet.
pub(super) fn shared(database: &Database) -> Result<Arc<dyn TableProvider>> {
    let mesh = database.databases.iter().filter(|(name, _)| name == crate::resolve::MESH_CATALOG);
    let rows: Vec<&(String, i32)> = mesh.collect();
    TableBuilder::new(&rows)
        .oid("objoid", |row| Some(row.1))
        .oid("classoid", |_| Some(DATABASES))
        .text("description", |_| Some(MESH))
        .build()
}

/// What is said of the database `mesh`.
pub(super) const MESH: &str = "what there is in the mesh, and what runs";
