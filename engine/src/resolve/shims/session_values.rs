//! What a statement asks of its session: who asks, and which catalog and schema are set.
//!
//! A statement is read before its session is known, so that a placeholder stands for each such value
//! until it is planned.

use datafusion::sql::sqlparser::ast::{DataType, Expr, Value};

use super::build;
use crate::session::Settings;

/// What such a placeholder begins with: no text is tokenised so.
const MARK: char = '\'';

const PRINCIPAL: &str = "principal";
const CATALOG: &str = "catalog";
const SCHEMA: &str = "schema";

/// Who asks.
pub(super) fn principal() -> Expr {
    placeholder(PRINCIPAL)
}

/// The catalog of names with two parts or one.
pub(super) fn catalog() -> Expr {
    placeholder(CATALOG)
}

/// The schema of names with one part.
pub(super) fn schema() -> Expr {
    placeholder(SCHEMA)
}

fn placeholder(name: &str) -> Expr {
    Expr::value(Value::Placeholder(format!("{MARK}{name}")))
}

/// What a statement may ask of its session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionValues<'a> {
    principal: &'a str,
    catalog: Option<&'a str>,
    schema: Option<&'a str>,
}

impl<'a> SessionValues<'a> {
    /// The values of a session with these settings.
    pub(crate) fn new(principal: &'a str, settings: &'a Settings) -> Self {
        Self { principal, catalog: settings.catalog(), schema: settings.schema() }
    }

    /// The value that an expression stands for, if it stands for one.
    pub(crate) fn asked(&self, expr: &Expr) -> Option<Expr> {
        let Expr::Value(value) = expr else { return None };
        let Value::Placeholder(name) = &value.value else { return None };
        let value = match name.strip_prefix(MARK)? {
            PRINCIPAL => Some(self.principal),
            CATALOG => self.catalog,
            SCHEMA => self.schema,
            _ => return None,
        };
        Some(match value {
            Some(value) => build::text(value),
            None => build::cast(Expr::value(Value::Null), DataType::Varchar(None)),
        })
    }
}
