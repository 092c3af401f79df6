//! The product that maps the identifiers of one definition to those of another.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{Expr, Ident, ObjectName, TableAlias, TableFactor};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::super::names::parts;
use super::super::{Lookup, Target};
use super::bound::{Bound, JoinedColumn, quoted};
use super::own_name;
use crate::error::{Error, ErrorKind, Result};
use crate::polysemes::{bindings, id_of};
use crate::product::Column;

/// A table with a column of each of two definitions.
pub(super) struct Mapping {
    pub(super) from: JoinedColumn,
    pub(super) to: JoinedColumn,
}

/// A mapping, as it stands in a statement: each pair once, so that no row is multiplied.
pub(super) struct Relation {
    pub(super) factor: TableFactor,
    pub(super) columns: [Ident; 2],
    pub(super) from: Expr,
    pub(super) to: Expr,
}

impl Mapping {
    /// Finds what maps one column to the other: the table that is named, else the only one there is.
    ///
    /// # Errors
    ///
    /// When there is none, or several and none is named.
    pub(super) fn find(
        lookup: &Lookup<'_>,
        (here, there): (&Bound, &Bound),
        named: Option<&str>,
    ) -> Result<Self> {
        let (from, to) = (id_of(&here.key), id_of(&there.key));
        if let Some(named) = named {
            let table = parsed(named)?;
            return Self::of(lookup, &table, (&here.key, &there.key))?.ok_or_else(|| {
                let message = format!("table \"{named}\" does not map \"{from}\" to \"{to}\"");
                Error::new(ErrorKind::InvalidQuery, message)
                    .with_hint("expected one column bound to each of them")
            });
        }
        let joined = [&here.joined.table, &there.joined.table];
        let candidates: BTreeSet<Vec<String>> = bindings(lookup.mesh)
            .filter(|binding| binding.key == here.key)
            .map(|binding| {
                let product = binding.product;
                vec![product.domain.clone(), product.name.clone(), binding.table.name.clone()]
            })
            .collect();
        let mut found = Vec::new();
        for table in candidates.iter().filter(|table| !joined.contains(table)) {
            // What cannot be named by its product alone, or is not served, is no candidate.
            let mapping = Self::of(lookup, table, (&here.key, &there.key)).ok().flatten();
            found.extend(mapping.map(|mapping| (table.join("."), mapping)));
        }
        let names: Vec<String> = found.iter().map(|(name, _)| name.clone()).collect();
        match (found.pop(), names.len()) {
            (Some((_, mapping)), 1) => Ok(mapping),
            (None, _) => Err(Error::new(
                ErrorKind::InvalidQuery,
                format!("no product maps \"{from}\" to \"{to}\""),
            )
            .with_detail(format!(
                "{} and {} are different identifiers of one thing",
                here.shown(),
                there.shown()
            ))
            .with_hint("a table maps them that has a column bound to each of them")),
            (Some(_), _) => Err(Error::new(
                ErrorKind::InvalidQuery,
                format!("several products map \"{from}\" to \"{to}\""),
            )
            .with_detail(names.join(", "))
            .with_hint("name one: POLYSEME('...', 'domain.product.table')")),
        }
    }

    /// A table as a mapping, if it has exactly one column of each definition.
    fn of(lookup: &Lookup<'_>, table: &[String], keys: (&str, &str)) -> Result<Option<Self>> {
        let Target::Port(port) = lookup.find(table)? else { return Ok(None) };
        let column = |key: &str| {
            let is_bound = |column: &&Column| column.semantic_definition.as_deref() == Some(key);
            let mut bound = port.table.columns.iter().filter(is_bound);
            bound
                .next()
                .filter(|_| bound.next().is_none())
                .map(|column| JoinedColumn { table: table.to_vec(), column: column.name.clone() })
        };
        Ok(column(keys.0).zip(column(keys.1)).map(|(from, to)| Self { from, to }))
    }

    /// The mapping as a relation of a statement.
    ///
    /// # Errors
    ///
    /// None but a fault of Samite itself.
    pub(super) fn relation(&self, number: usize) -> Result<Relation> {
        let alias = own_name("mapping", number);
        let columns = [own_name("from", number), own_name("to", number)];
        let table: Vec<Ident> = self.from.table.iter().map(|part| quoted(part)).collect();
        let text = format!(
            "SELECT DISTINCT {} AS {}, {} AS {} FROM {}",
            quoted(&self.from.column),
            columns[0],
            quoted(&self.to.column),
            columns[1],
            ObjectName::from(table),
        );
        let column = |column: &Ident| Expr::CompoundIdentifier(vec![alias.clone(), column.clone()]);
        let (from, to) = (column(&columns[0]), column(&columns[1]));
        Ok(Relation { factor: derived(&text, alias)?, columns, from, to })
    }
}

/// `(query) AS alias`.
fn derived(query: &str, alias: Ident) -> Result<TableFactor> {
    let parsed = Parser::new(&GenericDialect {}).try_with_sql(query);
    let subquery = parsed.and_then(|mut parser| parser.parse_query()).map_err(|error| {
        Error::new(ErrorKind::Internal, "a mapping cannot be written out").with_source(error)
    })?;
    let alias = TableAlias { explicit: true, name: alias, columns: Vec::new(), at: None };
    Ok(TableFactor::Derived { lateral: false, subquery, alias: Some(alias), sample: None })
}

/// The parts of a name that stands in a text.
fn parsed(name: &str) -> Result<Vec<String>> {
    let unread = || {
        Error::new(ErrorKind::InvalidQuery, format!("\"{name}\" is not the name of a table"))
            .with_hint("write 'domain.product.table'")
    };
    let parser = Parser::new(&GenericDialect {}).try_with_sql(name);
    let mut parser = parser.map_err(|_| unread())?;
    let found = parser.parse_object_name(false).map_err(|_| unread())?;
    parser.expect_token(&Token::EOF).map_err(|_| unread())?;
    parts(&found)
}
