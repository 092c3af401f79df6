//! The tables of `pg_catalog`: which there are, and what makes each of them.

use std::sync::{Arc, LazyLock};

use chrono::DateTime;
use datafusion::arrow::datatypes::{Field, SchemaRef};
use datafusion::catalog::TableProvider;

use super::database::Database;
use super::type_of::{OID_MARK, PostgresType};
use super::{attributes, classes, constraints, descriptions, empty, names, namespaces, parameters};
use super::{procedures, roles, type_rows, views};
use crate::error::Result;

type MakeTable = fn(&Database) -> Result<Arc<dyn TableProvider>>;

/// A table that holds something.
struct Filled {
    name: &'static str,
    oid: i32,
    is_view: bool,
    make: MakeTable,
}

const fn table(name: &'static str, oid: i32, make: MakeTable) -> Filled {
    Filled { name, oid, is_view: false, make }
}

const fn view(name: &'static str, oid: i32, make: MakeTable) -> Filled {
    Filled { name, oid, is_view: true, make }
}

/// The tables that hold something, with their numbers.
static FILLED: [Filled; 24] = [
    table("pg_am", 2601, procedures::access_methods),
    table("pg_attribute", 1249, attributes::table),
    table("pg_authid", 1260, roles::authorizations),
    table("pg_class", 1259, classes::table),
    table("pg_constraint", 2606, constraints::table),
    table("pg_database", 1262, namespaces::databases),
    table("pg_description", 2609, descriptions::table),
    table("pg_index", 2610, constraints::indexes),
    table("pg_language", 2612, procedures::languages),
    table("pg_namespace", 2615, namespaces::table),
    table("pg_proc", 1255, procedures::table),
    table("pg_shdescription", 2396, descriptions::shared),
    table("pg_tablespace", 1213, namespaces::tablespaces),
    table("pg_type", 1247, type_rows::table),
    view("pg_indexes", 12_022, views::indexes),
    view("pg_roles", 12_000, roles::roles),
    view("pg_settings", 12_113, parameters::table),
    view("pg_shadow", 12_005, roles::shadows),
    view("pg_stat_activity", 12_223, views::activity),
    view("pg_stat_all_tables", 12_180, views::statistics),
    view("pg_stat_user_tables", 12_190, views::statistics),
    view("pg_tables", 12_018, views::tables),
    view("pg_user", 12_013, roles::users),
    view("pg_views", 12_014, views::views),
];

/// A function that gives a table; it is listed nowhere.
pub(super) const KEYWORDS: &str = "pg_get_keywords";

/// A table of `pg_catalog` with its columns.
#[derive(Debug)]
pub(super) struct SystemRelation {
    pub(super) name: &'static str,
    pub(super) oid: i32,
    pub(super) is_view: bool,
    pub(super) schema: SchemaRef,
}

/// The tables of `pg_catalog`, by name.
pub(super) fn relations() -> &'static [SystemRelation] {
    static RELATIONS: LazyLock<Vec<SystemRelation>> = LazyLock::new(|| {
        let blank = Database::blank("", "", DateTime::UNIX_EPOCH);
        let filled = FILLED.iter().filter_map(|known| {
            let schema = (known.make)(&blank).ok()?.schema();
            Some(SystemRelation {
                name: known.name,
                oid: known.oid,
                is_view: known.is_view,
                schema,
            })
        });
        let empty = empty::TABLES.iter().map(|known| SystemRelation {
            name: known.name,
            oid: known.oid,
            is_view: known.is_view,
            schema: known.schema(),
        });
        let mut all: Vec<SystemRelation> = filled.chain(empty).collect();
        all.sort_by_key(|known| known.name);
        all
    });
    &RELATIONS
}

/// Makes the table with this name; `None` if there is none.
///
/// # Errors
///
/// When it cannot be made.
pub(super) fn make(database: &Database, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
    if name == KEYWORDS {
        return names::keywords().map(Some);
    }
    if let Some(known) = FILLED.iter().find(|known| known.name == name) {
        return (known.make)(database).map(Some);
    }
    empty::TABLES.iter().find(|known| known.name == name).map(empty::EmptyTable::make).transpose()
}

/// True for the name of a table of `pg_catalog`.
pub(super) fn is_known(name: &str) -> bool {
    name == KEYWORDS
        || FILLED.iter().any(|known| known.name == name)
        || empty::TABLES.iter().any(|known| known.name == name)
}

/// The type of a column whose metadata tell.
pub(super) fn type_of_field(field: &Field) -> Option<PostgresType> {
    let kind = field.metadata().get(OID_MARK)?;
    let oid = super::types::FoundType::by_name(kind)?.oid();
    Some(PostgresType { oid, modifier: -1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_names_and_numbers_of_their_own() {
        let all = relations();
        assert_eq!(all.len(), FILLED.len() + empty::TABLES.len());
        for (index, known) in all.iter().enumerate() {
            assert!(is_known(known.name), "{}", known.name);
            for other in all.iter().skip(index + 1) {
                assert!(known.name != other.name && known.oid != other.oid, "{}", known.name);
            }
        }
    }
}
