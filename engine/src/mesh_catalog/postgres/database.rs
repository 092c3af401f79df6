//! One database as clients of PostgreSQL see it: a domain with its products as schemas.
//!
//! ```text
//! domain ─▶ database     product ─▶ schema     table ─▶ relation     contract's key ─▶ index and constraint
//! ```
//!
//! Made from one picture of the mesh, without opening a port.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::SchemaRef;

use super::oids::Oids;
use super::system::{self, SystemRelation};
use super::type_of::{PostgresType, pg_type_of, promised};
use crate::error::Result;
use crate::mesh_catalog::{ListedTable, Picture, TableKind, listing};
use crate::product::{ProductSelector, Table, VersionSelector};
use crate::resolve::{INFORMATION_SCHEMA, MESH_CATALOG};
use crate::session::Settings;

/// The schema of the tables that describe the database.
pub(crate) const PG_CATALOG: &str = "pg_catalog";

/// The number of the schema `pg_catalog`.
pub(super) const PG_CATALOG_OID: i32 = 11;

/// The number of the schema `information_schema`.
const INFORMATION_SCHEMA_OID: i32 = 13_000;

/// The number of the only role: whoever asks.
pub(super) const ROLE_OID: i32 = 10;

/// One database, at one moment, as one principal sees it.
#[derive(Debug)]
pub(crate) struct Database {
    pub(super) name: String,
    pub(super) oid: i32,
    /// All databases that there are, each with its number.
    pub(super) databases: Vec<(String, i32)>,
    /// Who asks.
    pub(super) principal: String,
    pub(super) settings: Settings,
    pub(super) now: DateTime<Utc>,
    pub(super) namespaces: Vec<Namespace>,
    pub(super) relations: Vec<Relation>,
    pub(super) keys: Vec<Key>,
    /// Where the relation with a number stands.
    places: HashMap<i32, usize>,
    /// Where the key stands whose index has a number, and whose constraint has one.
    index_places: HashMap<i32, usize>,
    constraint_places: HashMap<i32, usize>,
}

/// A schema.
#[derive(Debug)]
pub(super) struct Namespace {
    pub(super) oid: i32,
    pub(super) name: String,
    pub(super) description: Option<String>,
}

/// A table or a view.
#[derive(Debug)]
pub(super) struct Relation {
    pub(super) oid: i32,
    pub(super) namespace: i32,
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) is_view: bool,
    /// True for a table that Samite makes itself.
    pub(super) is_system: bool,
    pub(super) has_key: bool,
    source: Columns,
}

/// Where the columns of a relation are known from.
#[derive(Debug)]
enum Columns {
    Promised(Arc<Table>),
    Known(SchemaRef),
}

/// One column.
#[derive(Debug, Clone, Copy)]
pub(super) struct ColumnFacts<'a> {
    /// Its place, from 1.
    pub(super) number: i16,
    pub(super) name: &'a str,
    pub(super) kind: PostgresType,
    pub(super) is_required: bool,
    pub(super) description: Option<&'a str>,
}

/// A primary key.
#[derive(Debug)]
pub(super) struct Key {
    /// The number of its index.
    pub(super) index: i32,
    /// The number of the constraint.
    pub(super) constraint: i32,
    /// Where its table stands among the relations.
    pub(super) place: usize,
    pub(super) name: String,
    /// The numbers of its columns, in the order of the key.
    pub(super) columns: Vec<i16>,
}

impl Database {
    /// The database that a session with `settings` is in, or the one that is named.
    ///
    /// # Errors
    ///
    /// When the tables cannot be listed.
    pub(crate) fn new(
        picture: Picture<'_>,
        name: Option<&str>,
        settings: &Settings,
    ) -> Result<Self> {
        let name = name.or(settings.catalog()).unwrap_or(MESH_CATALOG);
        let mut made = Self::blank(name, picture.principal, picture.now);
        made.settings = settings.clone();
        let mut oids = Oids::of("database");
        let names = picture.mesh.domains.keys().map(String::as_str).chain([MESH_CATALOG]);
        made.databases = names.map(|name| (name.to_owned(), oids.give(&[name]))).collect();
        made.databases.sort();
        let own = made.databases.iter().find(|(known, _)| known == name);
        made.oid = own.map_or(0, |(_, oid)| *oid);
        let listed = listing::list_catalog(picture, name)?;
        made.add_namespaces(picture, &listed);
        made.add_relations(listed);
        Ok(made)
    }

    /// A database without anything, to learn the columns of its tables.
    pub(super) fn blank(name: &str, principal: &str, now: DateTime<Utc>) -> Self {
        Self {
            name: name.to_owned(),
            oid: 0,
            databases: Vec::new(),
            principal: principal.to_owned(),
            settings: Settings::default(),
            now,
            namespaces: Vec::new(),
            relations: Vec::new(),
            keys: Vec::new(),
            places: HashMap::new(),
            index_places: HashMap::new(),
            constraint_places: HashMap::new(),
        }
    }

    fn add_namespaces(&mut self, picture: Picture<'_>, listed: &[ListedTable]) {
        let plain = |oid, name: &str, description: &str| Namespace {
            oid,
            name: name.to_owned(),
            description: Some(description.to_owned()),
        };
        self.namespaces.push(plain(PG_CATALOG_OID, PG_CATALOG, "system catalog schema"));
        let mut oids = Oids::of("namespace");
        for table in listed {
            if self.namespaces.last().is_some_and(|last| last.name == table.schema) {
                continue;
            }
            if table.schema == INFORMATION_SCHEMA {
                let meaning = "the catalog of the SQL standard";
                self.namespaces.push(plain(INFORMATION_SCHEMA_OID, INFORMATION_SCHEMA, meaning));
                continue;
            }
            let selector = ProductSelector::parse(&table.schema).ok();
            let product =
                selector.and_then(|selector| picture.mesh.product(&self.name, &selector.product));
            self.namespaces.push(Namespace {
                oid: oids.give(&[&self.name, &table.schema]),
                name: table.schema.clone(),
                description: product.and_then(|product| product.description.clone()),
            });
        }
    }

    fn add_relations(&mut self, listed: Vec<ListedTable>) {
        let numbers: HashMap<String, i32> =
            self.namespaces.iter().map(|known| (known.name.clone(), known.oid)).collect();
        let mut relations = Oids::of("relation");
        let mut constraints = Oids::of("constraint");
        for table in listed {
            let full = [self.name.as_str(), &table.schema, &table.table];
            let key = key_of(&table);
            let oid = relations.give(&full);
            if !key.is_empty() {
                self.keys.push(Key {
                    index: relations.give(&[&self.name, &table.schema, &table.table, "pkey"]),
                    constraint: constraints.give(&full),
                    place: self.relations.len(),
                    name: format!("{}_pkey", table.table),
                    columns: key.clone(),
                });
            }
            let source = match (table.promise, table.known_schema) {
                (Some(promise), _) => Columns::Promised(promise),
                (None, Some(schema)) => Columns::Known(schema),
                (None, None) => continue,
            };
            self.push(Relation {
                oid,
                namespace: numbers.get(&table.schema).copied().unwrap_or_default(),
                schema: table.schema,
                name: table.table,
                is_view: table.kind != TableKind::Table,
                is_system: table.kind == TableKind::SystemTable,
                has_key: !key.is_empty(),
                source,
            });
        }
        let places = |number: fn(&Key) -> i32, keys: &[Key]| {
            keys.iter().enumerate().map(|(place, key)| (number(key), place)).collect()
        };
        self.index_places = places(|key| key.index, &self.keys);
        self.constraint_places = places(|key| key.constraint, &self.keys);
        for known in system::relations() {
            self.push(Relation::of_system(known));
        }
    }

    fn push(&mut self, relation: Relation) {
        self.places.insert(relation.oid, self.relations.len());
        self.relations.push(relation);
    }

    /// The relation with this number.
    pub(super) fn relation(&self, oid: i32) -> Option<&Relation> {
        self.places.get(&oid).and_then(|place| self.relations.get(*place))
    }

    /// The key whose index has this number.
    pub(super) fn key_of_index(&self, oid: i32) -> Option<&Key> {
        self.index_places.get(&oid).and_then(|place| self.keys.get(*place))
    }

    /// The key whose constraint has this number.
    pub(super) fn key_of_constraint(&self, oid: i32) -> Option<&Key> {
        self.constraint_places.get(&oid).and_then(|place| self.keys.get(*place))
    }

    /// The table of a key.
    pub(super) fn table_of(&self, key: &Key) -> Option<&Relation> {
        self.relations.get(key.place)
    }

    /// The schema with this number.
    pub(super) fn namespace(&self, oid: i32) -> Option<&Namespace> {
        self.namespaces.iter().find(|known| known.oid == oid)
    }

    /// The relation that a name means: with its schema, or one that is visible.
    pub(super) fn find(&self, schema: Option<&str>, name: &str) -> Option<&Relation> {
        let matches = |relation: &&Relation| {
            relation.name == name
                && match schema {
                    Some(schema) => relation.schema == schema,
                    None => self.is_visible(relation),
                }
        };
        let system = |relation: &&Relation| relation.schema == PG_CATALOG;
        let mut found = self.relations.iter().filter(matches);
        match schema {
            Some(_) => found.next(),
            // As a name in FROM: `pg_catalog` comes first.
            None => {
                let all: Vec<&Relation> = found.collect();
                all.iter().copied().find(system).or_else(|| all.first().copied())
            }
        }
    }

    /// True for a relation that is listed without naming its schema: that of the session's schema. While
    /// none is set, that of every product in its newest version.
    pub(super) fn is_visible(&self, relation: &Relation) -> bool {
        if relation.schema == PG_CATALOG {
            return true;
        }
        match self.settings.schema() {
            Some(schema) => relation.schema == schema,
            None if relation.is_system => self.name == MESH_CATALOG,
            None => is_newest(&relation.schema),
        }
    }

    /// The schemas that names without one are looked for in.
    pub(super) fn path(&self) -> Vec<&str> {
        self.settings.schema().into_iter().collect()
    }
}

fn is_newest(schema: &str) -> bool {
    let selector = ProductSelector::parse(schema);
    selector.is_ok_and(|selector| selector.version == VersionSelector::Latest)
}

/// The numbers of the columns of a table's primary key.
fn key_of(table: &ListedTable) -> Vec<i16> {
    let Some(promise) = &table.promise else { return Vec::new() };
    let number = |name: &&str| {
        let at = promise.columns.iter().position(|column| column.name == *name)?;
        i16::try_from(at + 1).ok()
    };
    promise.primary_key().iter().filter_map(number).collect()
}

impl Relation {
    fn of_system(known: &SystemRelation) -> Self {
        Self {
            oid: known.oid,
            namespace: PG_CATALOG_OID,
            schema: PG_CATALOG.to_owned(),
            name: known.name.to_owned(),
            is_view: known.is_view,
            is_system: true,
            has_key: false,
            source: Columns::Known(Arc::clone(&known.schema)),
        }
    }

    /// What it says.
    pub(super) fn description(&self) -> Option<&str> {
        match &self.source {
            Columns::Promised(table) => table.description.as_deref(),
            Columns::Known(_) => None,
        }
    }

    /// How many columns it has, as far as they are known.
    pub(super) fn width(&self) -> i16 {
        let columns = match &self.source {
            Columns::Promised(table) => table.columns.len(),
            Columns::Known(schema) => schema.fields().len(),
        };
        i16::try_from(columns).unwrap_or(i16::MAX)
    }

    /// Its columns, as far as they are known.
    pub(super) fn columns(&self) -> Vec<ColumnFacts<'_>> {
        match &self.source {
            Columns::Promised(table) => (1..=i16::MAX)
                .zip(&table.columns)
                .map(|(number, column)| ColumnFacts {
                    number,
                    name: &column.name,
                    kind: promised(column),
                    is_required: column.promises_values(),
                    description: column.description.as_deref(),
                })
                .collect(),
            Columns::Known(schema) => (1..=i16::MAX)
                .zip(schema.fields())
                .map(|(number, field)| ColumnFacts {
                    number,
                    name: field.name(),
                    kind: system::type_of_field(field)
                        .unwrap_or_else(|| pg_type_of(field.data_type())),
                    is_required: false,
                    description: None,
                })
                .collect(),
        }
    }
}
