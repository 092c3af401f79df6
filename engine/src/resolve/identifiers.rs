//! The parameters of a statement that are written as object identifiers: `$1::oid`, `$1::oid[]`.
//!
//! Clients of PostgreSQL that ask its catalog take the type of a parameter from the server, and know
//! lists of `oid` where they know no lists of numbers.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, DataType, Expr, Query, Value, Visit, Visitor,
};

use super::names::folded;

/// What the type is called.
const OID: &str = "oid";

/// The parameters that are written as object identifiers, by number; true for lists of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Identifiers(BTreeMap<usize, bool>);

impl Identifiers {
    /// Those of a query, as it was written.
    pub(super) fn of(sql: &str, query: &Query) -> Self {
        let mut found = Self::default();
        // Few statements have any.
        if sql.as_bytes().windows(OID.len()).any(|part| part.eq_ignore_ascii_case(OID.as_bytes())) {
            let _: ControlFlow<()> = query.visit(&mut found);
        }
        found
    }

    /// True if a parameter is a list of identifiers, false if it is one; `None` for any other.
    pub(super) fn is_list(&self, number: usize) -> Option<bool> {
        self.0.get(&number).copied()
    }
}

impl Visitor for Identifiers {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Cast { expr: inner, data_type, .. } = expr
            && let Expr::Value(value) = inner.as_ref()
            && let Value::Placeholder(name) = &value.value
            && let Ok(number) = name.trim_start_matches('$').parse()
        {
            let is_list = match data_type {
                DataType::Array(ArrayElemTypeDef::SquareBracket(item, _)) => {
                    is_oid(item).then_some(true)
                }
                other => is_oid(other).then_some(false),
            };
            self.0.extend(is_list.map(|is_list| (number, is_list)));
        }
        ControlFlow::Continue(())
    }
}

fn is_oid(data_type: &DataType) -> bool {
    let DataType::Custom(name, _) = data_type else { return false };
    name.0.last().and_then(|part| part.as_ident()).is_some_and(|name| folded(name) == OID)
}
