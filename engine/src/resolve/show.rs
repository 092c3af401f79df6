//! SHOW and DESCRIBE.
//!
//! Listings become queries over `information_schema`; settings and the columns of one table are
//! answered by the engine itself.

use datafusion::sql::sqlparser::ast::{
    self, ShowStatementFilter, ShowStatementFilterPosition, ShowStatementOptions,
};

use super::names;
use super::unsupported::refusal;
use crate::error::{Error, ErrorKind, Result};

/// What a SHOW or DESCRIBE asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Show {
    /// A listing, as the query that answers it.
    Listing(String),
    /// One setting, or all.
    Settings(Option<String>),
    /// The columns of a table.
    Columns(Vec<String>),
}

/// Says what a SHOW or DESCRIBE asks for; `None` for any other statement.
///
/// # Errors
///
/// When it asks for something that Samite does not have.
pub(super) fn classify(statement: &ast::Statement) -> Result<Option<Show>> {
    let show = match statement {
        ast::Statement::ShowVariable { variable } => settings(variable),
        ast::Statement::ShowTables { show_options, .. } => tables(show_options)?,
        ast::Statement::ShowSchemas { show_options, .. } => schemas(show_options)?,
        ast::Statement::ShowCatalogs { show_options, .. }
        | ast::Statement::ShowDatabases { show_options, .. } => catalogs(show_options)?,
        ast::Statement::ShowColumns { show_options, .. } => columns(show_options)?,
        ast::Statement::ExplainTable { table_name, .. } => Show::Columns(names::parts(table_name)?),
        _ => return Ok(None),
    };
    Ok(Some(show))
}

fn settings(words: &[ast::Ident]) -> Show {
    let name: Vec<&str> = words.iter().map(|word| word.value.as_str()).collect();
    match name.as_slice() {
        [all] if all.eq_ignore_ascii_case("all") => Show::Settings(None),
        [time, zone] if time.eq_ignore_ascii_case("time") && zone.eq_ignore_ascii_case("zone") => {
            Show::Settings(Some("timezone".to_owned()))
        }
        words => match super::shims::settings::shown(words) {
            Some(sql) => Show::Listing(sql),
            None => Show::Settings(Some(words.join("."))),
        },
    }
}

fn tables(options: &ShowStatementOptions) -> Result<Show> {
    let place = place(options)?;
    let mut conditions = Vec::new();
    match place.as_slice() {
        [] => {}
        [schema] => conditions.push(format!("table_schema = {}", literal(schema))),
        [catalog, schema] => {
            conditions.push(format!("table_catalog = {}", literal(catalog)));
            conditions.push(format!("table_schema = {}", literal(schema)));
        }
        _ => return Err(too_many_parts("SHOW TABLES FROM", "domain.product")),
    }
    listing(
        "table_catalog, table_schema, table_name, table_type",
        "tables",
        "table_name",
        (conditions, options),
    )
}

fn schemas(options: &ShowStatementOptions) -> Result<Show> {
    let place = place(options)?;
    let conditions = match place.as_slice() {
        [] => Vec::new(),
        [catalog] => vec![format!("catalog_name = {}", literal(catalog))],
        _ => return Err(too_many_parts("SHOW SCHEMAS FROM", "domain")),
    };
    listing("catalog_name, schema_name", "schemata", "schema_name", (conditions, options))
}

fn catalogs(options: &ShowStatementOptions) -> Result<Show> {
    if !place(options)?.is_empty() {
        return Err(refusal("SHOW CATALOGS FROM"));
    }
    listing("DISTINCT catalog_name", "schemata", "catalog_name", (Vec::new(), options))
}

fn columns(options: &ShowStatementOptions) -> Result<Show> {
    if options.filter_position.is_some() {
        return Err(
            refusal("SHOW COLUMNS with a filter").with_hint("query information_schema.columns")
        );
    }
    let table = place(options)?;
    if table.is_empty() {
        return Err(Error::new(ErrorKind::InvalidQuery, "SHOW COLUMNS names no table")
            .with_hint("write SHOW COLUMNS FROM domain.product.table"));
    }
    Ok(Show::Columns(table))
}

fn place(options: &ShowStatementOptions) -> Result<Vec<String>> {
    if options.starts_with.is_some() || options.limit.is_some() || options.limit_from.is_some() {
        return Err(refusal("SHOW with STARTS WITH or LIMIT"));
    }
    match options.show_in.as_ref().and_then(|place| place.parent_name.as_ref()) {
        Some(name) => names::parts(name),
        None => Ok(Vec::new()),
    }
}

fn listing(
    select: &str,
    table: &str,
    name: &str,
    (mut conditions, options): (Vec<String>, &ShowStatementOptions),
) -> Result<Show> {
    let filter = match &options.filter_position {
        None => None,
        Some(
            ShowStatementFilterPosition::Infix(filter)
            | ShowStatementFilterPosition::Suffix(filter),
        ) => Some(filter),
    };
    match filter {
        None => {}
        Some(ShowStatementFilter::Like(pattern) | ShowStatementFilter::NoKeyword(pattern)) => {
            conditions.push(format!("{name} LIKE {}", literal(pattern)));
        }
        Some(ShowStatementFilter::ILike(pattern)) => {
            conditions.push(format!("{name} ILIKE {}", literal(pattern)));
        }
        Some(ShowStatementFilter::Where(condition)) => conditions.push(format!("({condition})")),
    }
    let mut sql = format!("SELECT {select} FROM information_schema.{table}");
    if !conditions.is_empty() {
        sql.push_str(" WHERE ");
        sql.push_str(&conditions.join(" AND "));
    }
    let columns = select.trim_start_matches("DISTINCT ");
    sql.push_str(&format!(" ORDER BY {columns}"));
    Ok(Show::Listing(sql))
}

fn too_many_parts(what: &str, expected: &str) -> Error {
    Error::new(ErrorKind::InvalidQuery, format!("{what} names too many parts"))
        .with_hint(format!("write {what} {expected}"))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
