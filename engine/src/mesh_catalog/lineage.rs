//! `mesh.discovery.lineage`: what tables and columns are made from.
//!
//! Two sources tell it: the queries of virtual products, and the word of contracts and products. Shown is
//! what has both ends among what may be discovered. No port is opened: where contracts name no columns,
//! tables alone are told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::datasource::empty::EmptyTable;

use super::builder::TableBuilder;
use super::{Picture, promised_schema};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::{ReadTable, ViewQuery, Way, lineage, query_plan};
use crate::product::{Column, DataProduct, OutputPort, Table, View};
use crate::resolve::{self, Lookup, PortTable, Statement, Target};
use crate::session::Settings;

/// A table as a row names it: domain, product, version, table.
type Address = [String; 4];

/// One end made from the other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    made: Address,
    column: Option<String>,
    source: Address,
    source_column: Option<String>,
    way: &'static str,
    origin: &'static str,
}

pub(super) fn table(picture: Picture<'_>) -> Result<Arc<dyn TableProvider>> {
    let mut told = Told { picture, settings: Settings::default(), rows: BTreeSet::new() };
    for product in picture.mesh.products() {
        for port in &product.ports {
            told.by_contract(product, port);
            for table in &port.contract.tables {
                told.by_query(product, port, table);
            }
        }
    }
    let rows: Vec<Row> = told.rows.into_iter().collect();
    TableBuilder::new(&rows)
        .text("domain", |row| part(&row.made, 0))
        .text("product", |row| part(&row.made, 1))
        .text("version", |row| part(&row.made, 2))
        .text("table", |row| part(&row.made, 3))
        .text("column", |row| row.column.as_ref())
        .text("source_domain", |row| part(&row.source, 0))
        .text("source_product", |row| part(&row.source, 1))
        .text("source_version", |row| part(&row.source, 2))
        .text("source_table", |row| part(&row.source, 3))
        .text("source_column", |row| row.source_column.as_ref())
        .text("transformation", |row| Some(row.way))
        .text("origin", |row| Some(row.origin))
        .build()
}

fn part(address: &Address, at: usize) -> Option<&str> {
    address.get(at).map(String::as_str)
}

struct Told<'a> {
    picture: Picture<'a>,
    settings: Settings,
    rows: BTreeSet<Row>,
}

impl Told<'_> {
    /// What the documents say.
    fn by_contract(&mut self, product: &DataProduct, port: &OutputPort) {
        let said = match port.input_contracts.is_empty() {
            true => &product.input_contracts,
            false => &port.input_contracts,
        };
        for source in self.picture.mesh.products() {
            for other in source.ports.iter().filter(|other| said.contains(&other.contract.id)) {
                for (made, of) in pairs(&port.contract.tables, &other.contract.tables) {
                    let made = address(product, port, made);
                    self.declared((made, None), (address(source, other, of), None));
                }
            }
        }
        for table in &port.contract.tables {
            for column in &table.columns {
                self.by_column(address(product, port, table), column);
            }
        }
    }

    fn by_column(&mut self, made: Address, column: &Column) {
        for object in &column.source_objects {
            let mut parts = parts_of(object);
            let source_column = if parts.len() == 4 { parts.pop() } else { None };
            let lookup = self.lookup();
            let Ok(Target::Port(found)) = lookup.find(&parts) else { continue };
            if parts.len() != 3
                || !source_column.as_ref().is_none_or(|name| has(&found.table, name))
            {
                continue;
            }
            let source = address(&found.product, &found.port, &found.table);
            self.declared((made.clone(), Some(column.name.clone())), (source, source_column));
        }
    }

    fn declared(
        &mut self,
        (made, column): (Address, Option<String>),
        (source, source_column): (Address, Option<String>),
    ) {
        let (way, origin) = ("declared", "contract");
        self.rows.insert(Row { made, column, source, source_column, way, origin });
    }

    /// Names in the mesh as it is seen.
    fn lookup(&self) -> Lookup<'_> {
        Lookup::new(self.picture.mesh, &self.settings, self.picture.now)
    }

    /// What the query of a virtual table says.
    fn by_query(&mut self, product: &Arc<DataProduct>, port: &OutputPort, table: &Arc<Table>) {
        let server = resolve::server(self.picture.engine, &port.contract);
        let Some(view) = server.and_then(|server| server.view(table)) else { return };
        // A query that cannot be read has no lineage; its problem is listed elsewhere.
        let Ok((statement, inputs)) = self.inputs(view) else { return };
        let made = address(product, port, table);
        let sources: BTreeMap<String, (Address, Arc<Table>)> = inputs
            .iter()
            .filter_map(|input| {
                let (found, listed) = self.shown(&input.table)?;
                Some((input.reference.clone(), (found, listed)))
            })
            .collect();
        for (source, _) in sources.values() {
            let (made, source) = (made.clone(), source.clone());
            let (column, source_column) = (None, None);
            let (way, origin) = ("read", "query");
            self.rows.insert(Row { made, column, source, source_column, way, origin });
        }
        let Ok(found) = self.traced(&statement, &inputs) else { return };
        let mut add = |column: Option<&str>, uses: &Uses| {
            for (reference, source_column, way) in uses {
                let Some((source, listed)) = sources.get(reference) else { continue };
                if !has(listed, source_column) {
                    continue;
                }
                self.rows.insert(Row {
                    made: made.clone(),
                    column: column.map(str::to_owned),
                    source: source.clone(),
                    source_column: Some(source_column.clone()),
                    way: way.as_str(),
                    origin: "query",
                });
            }
        };
        add(None, &found.rows);
        for column in &table.columns {
            let made = found.columns.iter().find(|(name, _)| name == column.source_name());
            if let Some((_, uses)) = made {
                add(Some(&column.name), uses);
            }
        }
    }

    /// What a query names, whoever asks.
    fn inputs(&self, view: &View) -> Result<(Statement, Vec<Named>)> {
        let whole = self.picture.whole;
        let lookup = Lookup::new(whole, &self.settings, self.picture.now);
        let query = resolve::query_of(view, self.picture.engine.config(), &lookup)?;
        let input = |named: resolve::Named| {
            let table = *resolve::input_of(&lookup, &named)?;
            let reference = resolve::reference(&named.parts)?.to_string();
            Ok(Named { named, reference, table })
        };
        let inputs = query.named.into_iter().map(input).collect::<Result<_>>()?;
        Ok((query.statement, inputs))
    }

    /// The table as it is seen, if it is.
    fn shown(&self, table: &PortTable) -> Option<(Address, Arc<Table>)> {
        let product = self.picture.mesh.product(&table.product.domain, &table.product.name)?;
        let is_same = |port: &&OutputPort| {
            (&port.name, port.version) == (&table.port.name, table.port.version)
        };
        let port = product.ports.iter().find(is_same)?;
        let listed = port.contract.table(&table.table.name)?;
        Some((address(product, port, listed), Arc::clone(listed)))
    }

    fn traced(&self, statement: &Statement, inputs: &[Named]) -> Result<Found> {
        let unknown = || Error::new(ErrorKind::Unsupported, "a contract names no columns");
        let read = |input: &Named| {
            let schema = promised_schema(&input.table.table).ok_or_else(unknown)?;
            Ok(ReadTable {
                reference: resolve::reference(&input.named.parts)?,
                version: input.named.version.clone(),
                provider: Arc::new(EmptyTable::new(Arc::new(schema))),
            })
        };
        let plan = statement.depth().on_stack(|| {
            query_plan(&ViewQuery {
                engine: self.picture.engine,
                statement,
                tables: inputs.iter().map(read).collect::<Result<_>>()?,
                service: "",
                now: self.picture.now,
            })
        })?;
        let traced = statement.depth().on_stack(|| lineage(&plan));
        let text = |uses: BTreeSet<(TableReference, String, Way)>| {
            uses.into_iter().map(|(table, column, way)| (table.to_string(), column, way)).collect()
        };
        let columns = traced.columns.into_iter().map(|(name, uses)| (name, text(uses)));
        Ok(Found { columns: columns.collect(), rows: text(traced.rows) })
    }
}

/// A name in a query, and what it means.
struct Named {
    named: resolve::Named,
    reference: String,
    table: PortTable,
}

/// Columns of tables, by the names that the query writes, and how they are used.
type Uses = BTreeSet<(String, String, Way)>;

/// What a query is made from.
struct Found {
    columns: Vec<(String, Uses)>,
    rows: Uses,
}

fn pairs<'a>(
    made: &'a [Arc<Table>],
    sources: &'a [Arc<Table>],
) -> impl Iterator<Item = (&'a Arc<Table>, &'a Arc<Table>)> {
    made.iter().flat_map(move |made| sources.iter().map(move |source| (made, source)))
}

fn address(product: &DataProduct, port: &OutputPort, table: &Table) -> Address {
    let version = port.version.to_string();
    [product.domain.clone(), product.name.clone(), version, table.name.clone()]
}

fn has(table: &Table, column: &str) -> bool {
    table.columns.iter().any(|known| known.name == column)
}

/// The parts of an address in a contract: `domain.product@2.1.table.column`, quoted or not.
fn parts_of(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = vec![String::new()];
    let mut is_quoted = false;
    for letter in text.trim().chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            '.' if !is_quoted => parts.push(String::new()),
            letter => {
                if let Some(last) = parts.last_mut() {
                    last.push(letter);
                }
            }
        }
    }
    let mut whole: Vec<String> = Vec::new();
    for part in parts {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        match whole.last_mut() {
            // The dot of a version.
            Some(last) if is_number && last.contains('@') => last.push_str(&format!(".{part}")),
            _ => whole.push(part),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_of_a_contract_is_taken_apart() {
        for (text, parts) in [
            ("a.b.c", vec!["a", "b", "c"]),
            ("a.b@2.c", vec!["a", "b@2", "c"]),
            ("a.b@2.1.c.d", vec!["a", "b@2.1", "c", "d"]),
            ("a.\"b@2.1.0\".c", vec!["a", "b@2.1.0", "c"]),
            ("table", vec!["table"]),
        ] {
            assert_eq!(parts_of(text), parts, "{text}");
        }
    }
}
