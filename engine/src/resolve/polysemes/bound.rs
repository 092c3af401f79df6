//! Columns of a relation that are bound to a definition.

use datafusion::sql::sqlparser::ast::{Expr, Ident, ObjectName, TableFactor};

use super::super::names::{folded, parts};
use super::super::{Lookup, Target};
use crate::error::Result;
use crate::product::LogicalType;

/// A column that is joined by what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JoinedColumn {
    /// The parts of the name of its table, as the statement writes it.
    pub(crate) table: Vec<String>,
    /// The column.
    pub(crate) column: String,
}

/// A column of a relation that is bound to a definition.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) joined: JoinedColumn,
    /// The key of the definition.
    pub(super) key: String,
    pub(super) logical_type: Option<LogicalType>,
    /// The name of the relation in the statement.
    qualifier: Vec<Ident>,
    /// The full address, for messages.
    address: String,
}

impl Bound {
    /// The column, as an expression of the statement.
    pub(super) fn expr(&self) -> Expr {
        let mut path = self.qualifier.clone();
        path.push(quoted(&self.joined.column));
        Expr::CompoundIdentifier(path)
    }

    /// The column, for messages.
    pub(super) fn shown(&self) -> String {
        format!("{}.{}", self.address, self.joined.column)
    }
}

/// A name that is looked up as it is.
pub(super) fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

/// The columns of a relation that are bound to a definition: none unless it is a table of a product, under names of
/// its own.
///
/// # Errors
///
/// When its name means nothing.
pub(super) fn of_relation(
    relation: &TableFactor,
    lookup: &Lookup<'_>,
    is_expression: impl Fn(&str) -> bool,
) -> Result<Vec<Bound>> {
    let TableFactor::Table { name, alias, args: None, .. } = relation else {
        return Ok(Vec::new());
    };
    let written = parts(name)?;
    if matches!(written.as_slice(), [one] if is_expression(one)) {
        return Ok(Vec::new());
    }
    let qualifier = match alias {
        Some(alias) if alias.columns.is_empty() => vec![quoted(&folded(&alias.name))],
        Some(_) => return Ok(Vec::new()),
        None => idents(name),
    };
    let Target::Port(port) = lookup.find(&written)? else { return Ok(Vec::new()) };
    let bound = |column: &crate::product::Column| {
        Some(Bound {
            joined: JoinedColumn { table: written.clone(), column: column.name.clone() },
            key: column.semantic_definition.clone()?,
            logical_type: column.logical_type,
            qualifier: qualifier.clone(),
            address: port.name.to_string(),
        })
    };
    Ok(port.table.columns.iter().filter_map(bound).collect())
}

fn idents(name: &ObjectName) -> Vec<Ident> {
    let parts = name.0.iter().filter_map(|part| part.as_ident());
    parts.map(|part| quoted(&folded(part))).collect()
}
