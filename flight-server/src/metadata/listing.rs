//! What there is: catalogs (domains), schemas (products), tables.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_flight::sql::{CommandGetDbSchemas, CommandGetTables};
use bytes::Bytes;
use datafusion::arrow::array::{ArrayRef, BinaryArray, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;
use samite_engine::mesh_catalog::{ListedTable, TableKind, promised_schema};
use samite_engine::product::{ProductSelector, TableName};
use samite_engine::{Error, ErrorKind, Result};

use super::{Asker, Pattern, schemas, unbuildable};
use crate::wire::{TableOrigin, WireSchema};

/// Rows of one batch of a listing.
const BATCH_ROWS: usize = 1000;

/// Tables of the one name that is asked for, of several schemas, whose ports are opened for it.
const NAMED_TABLES_OPENED: usize = 16;

/// The types of tables, in their order.
const TABLE_TYPES: [&str; 3] = ["SYSTEM TABLE", "TABLE", "VIEW"];

/// The catalogs.
pub(super) async fn catalogs(asker: Asker<'_>) -> Result<Vec<RecordBatch>> {
    let tables = asker.session.tables().await?;
    let names: BTreeSet<&str> = tables.iter().map(|table| table.catalog.as_str()).collect();
    batches(&schemas::catalogs(), vec![texts(names)])
}

/// The schemas.
pub(super) async fn schemas(
    command: &CommandGetDbSchemas,
    asker: Asker<'_>,
) -> Result<Vec<RecordBatch>> {
    let filter = Filter::new(command.catalog.as_deref())
        .with_schema(command.db_schema_filter_pattern.as_deref());
    let tables = asker.session.tables().await?;
    let names: BTreeSet<(&str, &str)> = tables
        .iter()
        .filter(|table| filter.matches(table))
        .map(|table| (table.catalog.as_str(), table.schema.as_str()))
        .collect();
    let columns = vec![
        texts(names.iter().map(|(catalog, _)| *catalog)),
        texts(names.iter().map(|(_, schema)| *schema)),
    ];
    batches(&schemas::schemas(), columns)
}

/// The types of tables.
pub(super) fn table_types() -> Result<Vec<RecordBatch>> {
    batches(&schemas::table_types(), vec![texts(TABLE_TYPES)])
}

/// The tables, those first that are named exactly as the pattern reads: a client that looks for one
/// table takes the first row.
pub(super) async fn tables(
    command: &CommandGetTables,
    asker: Asker<'_>,
) -> Result<Vec<RecordBatch>> {
    let name = command.table_name_filter_pattern.as_deref().map(Pattern::new);
    let filter = Filter::new(command.catalog.as_deref())
        .with_schema(command.db_schema_filter_pattern.as_deref())
        .with_table(name.clone())
        .with_types(&command.table_types);
    let mut tables = asker.session.tables().await?;
    tables.retain(|table| filter.matches(table));
    let key = |table: &ListedTable| {
        let is_other = !name.as_ref().is_some_and(|name| name.is_exactly(&table.table));
        (is_other, table.catalog.clone(), table.schema.clone(), table.table.clone())
    };
    tables.sort_by_cached_key(key);
    let columns_of = |tables: &[ListedTable]| {
        vec![
            texts(tables.iter().map(|table| table.catalog.as_str())),
            texts(tables.iter().map(|table| table.schema.as_str())),
            texts(tables.iter().map(|table| table.table.as_str())),
            texts(tables.iter().map(|table| type_name(table.kind))),
        ]
    };
    if !command.include_schema {
        return batches(&schemas::tables(false), columns_of(&tables));
    }
    let describing = Describing::new(&tables, name.as_ref(), asker);
    let mut described = Vec::with_capacity(tables.len().div_ceil(BATCH_ROWS));
    // Batch by batch: the schemas of many tables would stand in memory several times.
    for (index, tables) in tables.chunks(BATCH_ROWS).enumerate() {
        let messages = describing.schemas(index * BATCH_ROWS, tables.to_vec(), asker).await?;
        let mut columns = columns_of(tables);
        columns.push(Arc::new(BinaryArray::from_iter_values(messages)));
        described.extend(batches(&schemas::tables(true), columns)?);
    }
    describing.unreadable.tell();
    Ok(described)
}

/// How the tables of one listing get their schemas.
///
/// A table that is asked for by its name is opened: its schema is that of `SELECT`. In a longer list a
/// contract that tells the types of all columns is enough, so that no port is opened for it. What
/// must be opened and cannot be stays in the list without columns, unless nothing else is asked for:
/// then its error is the answer.
struct Describing {
    /// So many of the first tables are opened.
    opened: usize,
    is_only: bool,
    end: tokio::time::Instant,
    unreadable: Unreadable,
}

impl Describing {
    fn new(tables: &[ListedTable], name: Option<&Pattern>, asker: Asker<'_>) -> Self {
        let is_named = |table: &ListedTable| name.is_some_and(|name| name.is_exactly(&table.table));
        let named = tables.iter().take_while(|table| is_named(table)).count();
        Self {
            opened: if named <= NAMED_TABLES_OPENED { named } else { 0 },
            is_only: tables.len() == 1,
            end: tokio::time::Instant::now() + asker.config.listing_timeout,
            unreadable: Unreadable::default(),
        }
    }

    /// The schemas of some of the tables, of which the first has this place among all.
    async fn schemas(
        &self,
        first: usize,
        tables: Vec<ListedTable>,
        asker: Asker<'_>,
    ) -> Result<Vec<Bytes>> {
        futures::stream::iter(tables.into_iter().enumerate())
            .map(|(index, table)| async move {
                let schema = match self.schema_of(first + index, &table, asker).await {
                    Ok(schema) => schema,
                    Err(error) if self.is_only => return Err(error),
                    Err(error) => self.unreadable.without_columns(&table, &error),
                };
                schema_message(&table, &schema, asker)
            })
            .buffered(asker.config.listing_tables_at_once.max(1))
            .try_collect()
            .await
    }

    async fn schema_of(
        &self,
        index: usize,
        table: &ListedTable,
        asker: Asker<'_>,
    ) -> Result<SchemaRef> {
        if let Some(schema) = &table.known_schema {
            return Ok(Arc::clone(schema));
        }
        if index < self.opened {
            return open(table, asker, self.end).await;
        }
        match table.promise.as_deref().and_then(promised_schema) {
            Some(schema) => Ok(Arc::new(schema)),
            None => self.unreadable.open_unless_silent(table, asker, self.end).await,
        }
    }
}

/// The tables of one listing whose ports cannot be read.
#[derive(Debug, Default)]
struct Unreadable {
    /// Domains of which a port did not answer: the others of them are not waited for.
    silent: Mutex<BTreeSet<String>>,
    tables: AtomicUsize,
}

impl Unreadable {
    async fn open_unless_silent(
        &self,
        table: &ListedTable,
        asker: Asker<'_>,
        end: tokio::time::Instant,
    ) -> Result<SchemaRef> {
        if self.silent.lock().contains(&table.catalog) {
            let what = format!("another port of domain {} did not answer", table.catalog);
            return Err(Error::new(ErrorKind::SourceUnavailable, what));
        }
        let opened = open(table, asker, end).await;
        if let Err(error) = &opened
            && matches!(error.kind(), ErrorKind::SourceUnavailable | ErrorKind::DeadlineExceeded)
        {
            self.silent.lock().insert(table.catalog.clone());
        }
        opened
    }

    fn without_columns(&self, table: &ListedTable, error: &Error) -> SchemaRef {
        self.tables.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}.{}.{}", table.catalog, table.schema, table.table);
        tracing::debug!(table = name, ?error, "table is listed without columns");
        Arc::new(Schema::empty())
    }

    /// One line for the log, however many they are.
    fn tell(&self) {
        let tables = self.tables.load(Ordering::Relaxed);
        if tables > 0 {
            tracing::warn!(
                tables,
                "tables are listed without columns, since their ports cannot be read"
            );
        }
    }
}

/// The schema that `SELECT *` of a table has, read from its port before the end of the time.
async fn open(
    table: &ListedTable,
    asker: Asker<'_>,
    end: tokio::time::Instant,
) -> Result<SchemaRef> {
    let product = ProductSelector::parse(&table.schema).map_err(|detail| {
        Error::new(ErrorKind::Internal, "a listed schema has no known form")
            .with_context("schema", &table.schema)
            .with_context("detail", detail)
    })?;
    let (domain, table) = (table.catalog.clone(), table.table.clone());
    let name = TableName { domain, product, table };
    tokio::time::timeout_at(end, asker.session.table_schema(&name)).await.map_err(|_| {
        Error::new(ErrorKind::DeadlineExceeded, "the schemas of the tables were not read in time")
            .with_hint("ask for fewer tables, for instance those of one catalog")
    })?
}

fn schema_message(table: &ListedTable, schema: &Schema, asker: Asker<'_>) -> Result<Bytes> {
    let (catalog, table_schema) = (table.catalog.as_str(), table.schema.as_str());
    let promise = table.promise.as_deref();
    let origin = TableOrigin { catalog, schema: table_schema, table: &table.table, promise };
    Ok(WireSchema::of_table(schema, asker.profile, origin)?.message())
}

/// Which tables are asked for.
#[derive(Debug, Default)]
struct Filter {
    catalog: Option<Pattern>,
    schema: Option<Pattern>,
    table: Option<Pattern>,
    /// In capitals; empty for all.
    types: Vec<String>,
}

impl Filter {
    /// An unset catalog means all, an empty one means tables without a catalog: there are none. It is
    /// a name, but ODBC drivers send the `%` of their own callers.
    fn new(catalog: Option<&str>) -> Self {
        let catalog = catalog.map(|name| match name.contains('%') {
            true => Pattern::new(name),
            false => Pattern::new(&name.replace('\\', "\\\\").replace('_', "\\_")),
        });
        Self { catalog, ..Self::default() }
    }

    fn with_schema(self, pattern: Option<&str>) -> Self {
        Self { schema: pattern.map(Pattern::new), ..self }
    }

    fn with_table(self, table: Option<Pattern>) -> Self {
        Self { table, ..self }
    }

    fn with_types(self, types: &[String]) -> Self {
        let standard = |name: &String| match name.to_ascii_uppercase().as_str() {
            "BASE TABLE" => "TABLE".to_owned(),
            other => other.to_owned(),
        };
        let is_any = types.iter().any(|name| name == "%");
        Self { types: if is_any { vec![] } else { types.iter().map(standard).collect() }, ..self }
    }

    fn matches(&self, table: &ListedTable) -> bool {
        let fits = |pattern: &Option<Pattern>, name: &str| {
            pattern.as_ref().is_none_or(|pattern| pattern.matches(name))
        };
        fits(&self.catalog, &table.catalog)
            && fits(&self.schema, &table.schema)
            && fits(&self.table, &table.table)
            && (self.types.is_empty() || self.types.iter().any(|t| t == type_name(table.kind)))
    }
}

fn type_name(kind: TableKind) -> &'static str {
    match kind {
        TableKind::Table => "TABLE",
        TableKind::View => "VIEW",
        TableKind::SystemTable => "SYSTEM TABLE",
    }
}

fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// Batches of a bounded number of rows; none without rows, since some clients read the first alone.
fn batches(schema: &SchemaRef, columns: Vec<ArrayRef>) -> Result<Vec<RecordBatch>> {
    let all = RecordBatch::try_new(Arc::clone(schema), columns).map_err(unbuildable)?;
    let starts = (0..all.num_rows()).step_by(BATCH_ROWS);
    Ok(starts.map(|at| all.slice(at, BATCH_ROWS.min(all.num_rows() - at))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(catalog: &str, schema: &str, table: &str, kind: TableKind) -> ListedTable {
        ListedTable {
            catalog: catalog.to_owned(),
            schema: schema.to_owned(),
            table: table.to_owned(),
            kind,
            promise: None,
            known_schema: None,
        }
    }

    #[test]
    fn catalog_is_a_name_unless_it_holds_a_percent_sign() {
        let listed = table("media_player", "plays", "plays", TableKind::Table);
        for (catalog, matches) in [
            (None, true),
            (Some(""), false),
            (Some("media_player"), true),
            (Some("media-player"), false),
            (Some("%"), true),
            (Some("media%"), true),
        ] {
            assert_eq!(Filter::new(catalog).matches(&listed), matches, "{catalog:?}");
        }
        let other = table("mediaXplayer", "plays", "plays", TableKind::Table);
        assert!(!Filter::new(Some("media_player")).matches(&other));
    }

    #[test]
    fn types_match_in_any_case_and_by_both_names() {
        let listed = table("a", "b", "c", TableKind::Table);
        for (types, matches) in [
            (vec![], true),
            (vec!["base table"], true),
            (vec!["VIEW", "Table"], true),
            (vec!["VIEW"], false),
            (vec!["%"], true),
        ] {
            let types: Vec<String> = types.into_iter().map(str::to_owned).collect();
            assert_eq!(Filter::new(None).with_types(&types).matches(&listed), matches, "{types:?}");
        }
    }

    #[test]
    fn listing_without_rows_has_no_batch() {
        assert!(batches(&schemas::catalogs(), vec![texts([])]).unwrap().is_empty());
        let many = vec!["a"; 2500];
        assert_eq!(batches(&schemas::catalogs(), vec![texts(many)]).unwrap().len(), 3);
    }
}
