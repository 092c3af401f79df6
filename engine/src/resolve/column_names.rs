//! What PostgreSQL calls the columns of a query that have no name (its `FigureColname`).
//!
//! ```text
//! SELECT count(*), a + 1, CAST(a AS TEXT), CASE .. END ─▶ count, ?column?, a, case
//! ```
//!
//! For clients of PostgreSQL alone, and only as they are shown: inside of a statement a column has the
//! name that the planner gives it.

use datafusion::sql::sqlparser::ast::{
    AccessExpr, ArrayElemTypeDef, DataType, Expr, Query, SelectItem, SetExpr, TimezoneInfo,
    TrimWhereField, Value,
};

use super::names::folded;

/// A column that has no name, and is made of nothing that has one.
const UNKNOWN: &str = "?column?";

/// What a client of PostgreSQL calls the columns of a query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnNames(Vec<Item>);

/// One part of a select list.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    /// A column that has a name.
    Known,
    /// A column that has none.
    Called(String),
    /// Columns that only the tables know.
    Star,
}

impl ColumnNames {
    /// The names of the columns of a query, as it was written.
    pub(super) fn of(query: &Query) -> Self {
        let mut body = query.body.as_ref();
        loop {
            body = match body {
                SetExpr::Select(select) => {
                    return Self(select.projection.iter().map(item).collect());
                }
                SetExpr::SetOperation { left, .. } => left.as_ref(),
                SetExpr::Query(query) => query.body.as_ref(),
                _ => return Self::default(),
            };
        }
    }

    /// The name of a column, counted from 0, of so many in all; `None` if it keeps its own.
    #[must_use]
    pub fn of_column(&self, index: usize, columns: usize) -> Option<&str> {
        let stars = self.0.iter().filter(|item| **item == Item::Star).count();
        let first = self.0.iter().position(|item| *item == Item::Star);
        let last = self.0.iter().rposition(|item| *item == Item::Star);
        let place = match (first, last) {
            _ if stars == 0 && self.0.len() == columns => index,
            (Some(first), _) if index < first => index,
            // What comes after the last star is counted from the end.
            (_, Some(last)) => {
                let place = (self.0.len() + index).checked_sub(columns)?;
                (place > last).then_some(place)?
            }
            _ => return None,
        };
        match self.0.get(place)? {
            Item::Called(name) => Some(name),
            Item::Known | Item::Star => None,
        }
    }
}

fn item(item: &SelectItem) -> Item {
    match item {
        SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_))
        | SelectItem::ExprWithAlias { .. } => Item::Known,
        SelectItem::UnnamedExpr(expr) => {
            Item::Called(name(expr).map_or_else(|| UNKNOWN.to_owned(), |name| name.text))
        }
        _ => Item::Star,
    }
}

/// A name, and whether it is better than that of a type.
struct Name {
    text: String,
    is_good: bool,
}

fn good(text: impl Into<String>) -> Option<Name> {
    Some(Name { text: text.into(), is_good: true })
}

fn poor(text: impl Into<String>) -> Option<Name> {
    Some(Name { text: text.into(), is_good: false })
}

fn name(expr: &Expr) -> Option<Name> {
    match expr {
        Expr::Identifier(ident) => good(folded(ident)),
        Expr::CompoundIdentifier(parts) => good(folded(parts.last()?)),
        Expr::CompoundFieldAccess { root, access_chain } => {
            let field = access_chain.iter().rev().find_map(|access| match access {
                AccessExpr::Dot(Expr::Identifier(field)) => Some(folded(field)),
                _ => None,
            });
            field.map_or_else(|| name(root), good)
        }
        Expr::Function(function) => good(folded(function.name.0.last()?.as_ident()?)),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => name(inner),
        Expr::Cast { expr: inner, data_type, .. } => of_cast(inner, data_type),
        Expr::TypedString(literal) => poor(type_name(&literal.data_type)),
        Expr::Interval(_) => poor("interval"),
        Expr::Value(value) if matches!(value.value, Value::Boolean(_)) => poor("bool"),
        Expr::Case { else_result, .. } => {
            let otherwise = else_result.as_deref().and_then(name);
            otherwise.filter(|name| name.is_good).or_else(|| poor("case"))
        }
        Expr::Subquery(query) => of_subquery(query),
        Expr::Exists { .. } => good("exists"),
        Expr::Array(_) => good("array"),
        Expr::Tuple(_) => good("row"),
        Expr::AtTimeZone { .. } => good("timezone"),
        Expr::Extract { .. } => good("extract"),
        Expr::Ceil { .. } => good("ceil"),
        Expr::Floor { .. } => good("floor"),
        Expr::Position { .. } => good("position"),
        Expr::Substring { .. } => good("substring"),
        Expr::Overlay { .. } => good("overlay"),
        Expr::Trim { trim_where, .. } => good(match trim_where {
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
            Some(TrimWhereField::Both) | None => "btrim",
        }),
        _ => None,
    }
}

fn of_cast(inner: &Expr, data_type: &DataType) -> Option<Name> {
    let inner = name(inner).filter(|name| name.is_good);
    inner.or_else(|| poor(type_name(data_type)))
}

/// The name of the one column of a subquery.
fn of_subquery(query: &Query) -> Option<Name> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    match select.projection.first()? {
        SelectItem::ExprWithAlias { alias, .. } => good(folded(alias)),
        SelectItem::UnnamedExpr(expr) => name(expr),
        _ => None,
    }
}

/// The name of a type in the catalog of PostgreSQL.
fn type_name(data_type: &DataType) -> String {
    let known = match data_type {
        DataType::Boolean | DataType::Bool => "bool",
        DataType::TinyInt(_) | DataType::SmallInt(_) | DataType::Int2(_) => "int2",
        DataType::Int(_) | DataType::Integer(_) | DataType::Int4(_) => "int4",
        DataType::BigInt(_) | DataType::Int8(_) => "int8",
        DataType::Real | DataType::Float4 => "float4",
        DataType::Float(_) | DataType::Float8 | DataType::Double(_) | DataType::DoublePrecision => {
            "float8"
        }
        DataType::Numeric(_) | DataType::Decimal(_) | DataType::Dec(_) => "numeric",
        DataType::Text => "text",
        DataType::Varchar(_) | DataType::CharacterVarying(_) | DataType::CharVarying(_) => {
            "varchar"
        }
        DataType::Char(_) | DataType::Character(_) => "bpchar",
        DataType::Date => "date",
        DataType::Time(..) => "time",
        DataType::Timestamp(_, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => "timestamptz",
        DataType::Timestamp(..) | DataType::Datetime(_) => "timestamp",
        DataType::Interval { .. } => "interval",
        DataType::Array(
            ArrayElemTypeDef::SquareBracket(item, _)
            | ArrayElemTypeDef::AngleBracket(item)
            | ArrayElemTypeDef::Parenthesis(item),
        ) => return type_name(item),
        DataType::Custom(name, _) => {
            let last = name.0.last().and_then(|part| part.as_ident());
            return last.map_or_else(|| name.to_string(), folded);
        }
        other => return other.to_string().to_lowercase(),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::ast::Statement;
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn names(sql: &str) -> ColumnNames {
        match Parser::parse_sql(&GenericDialect {}, sql).unwrap().remove(0) {
            Statement::Query(query) => ColumnNames::of(&query),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn column_without_a_name_is_called_as_in_postgresql() {
        for (expr, expected) in [
            ("a", None),
            ("t.a", None),
            ("1 AS b", None),
            ("1", Some("?column?")),
            ("'x'", Some("?column?")),
            ("NULL", Some("?column?")),
            ("-a", Some("?column?")),
            ("a + 1", Some("?column?")),
            ("a IS NULL", Some("?column?")),
            ("$1", Some("?column?")),
            ("true", Some("bool")),
            ("(a)", Some("a")),
            ("count(*)", Some("count")),
            ("pg_catalog.Version()", Some("version")),
            ("\"F\"(a)", Some("F")),
            ("count(*) FILTER (WHERE a) OVER ()", Some("count")),
            ("coalesce(a, 1)", Some("coalesce")),
            ("current_date", Some("current_date")),
            ("extract(year FROM a)", Some("extract")),
            ("substring(a FROM 1)", Some("substring")),
            ("trim(a)", Some("btrim")),
            ("a AT TIME ZONE 'UTC'", Some("timezone")),
            ("CAST(a AS TEXT)", Some("a")),
            ("t.a::int", Some("a")),
            ("max(a)::int", Some("max")),
            ("CAST(1 AS INT)", Some("int4")),
            ("(a + 1)::BIGINT", Some("int8")),
            ("'x'::varchar(3)", Some("varchar")),
            ("'2026-01-01'::timestamp with time zone", Some("timestamptz")),
            ("'x'::pg_catalog.regclass", Some("regclass")),
            ("'{1}'::int[]", Some("int4")),
            ("DATE '2026-01-01'", Some("date")),
            ("INTERVAL '1 day'", Some("interval")),
            ("CASE WHEN a THEN 1 END", Some("case")),
            ("CASE WHEN a THEN 1 ELSE 2 END", Some("case")),
            ("CASE WHEN a THEN 1 ELSE b END", Some("b")),
            ("CASE WHEN a THEN 1 ELSE 2::int END", Some("case")),
            ("(SELECT max(b) FROM u)", Some("max")),
            ("(SELECT 1 AS c)", Some("c")),
            ("EXISTS (SELECT 1)", Some("exists")),
            ("ARRAY[1]", Some("array")),
            ("a[1]", Some("a")),
        ] {
            let sql = format!("SELECT {expr} FROM t");
            assert_eq!(names(&sql).of_column(0, 1), expected, "{sql}");
        }
    }

    #[test]
    fn columns_of_a_star_keep_their_names() {
        for (sql, columns, expected) in [
            ("SELECT * FROM t", 3, vec![None, None, None]),
            ("SELECT 1, *, f(a) FROM t", 4, vec![Some("?column?"), None, None, Some("f")]),
            ("SELECT 1, t.*, 2, u.*, f(a) FROM t, u", 7, {
                vec![Some("?column?"), None, None, None, None, None, Some("f")]
            }),
            ("SELECT f(a), 1 UNION ALL SELECT 2, 3", 2, vec![Some("f"), Some("?column?")]),
            ("WITH c AS (SELECT 1) (SELECT count(*) FROM c)", 1, vec![Some("count")]),
            ("VALUES (1)", 1, vec![None]),
            // What does not fit is left alone.
            ("SELECT f(a)", 2, vec![None, None]),
        ] {
            let names = names(sql);
            let found: Vec<_> = (0..columns).map(|index| names.of_column(index, columns)).collect();
            assert_eq!(found, expected, "{sql}");
        }
    }
}
