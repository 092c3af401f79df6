//! Types of the catalog: `::regclass` and its like, `::name`, `::oid`, `::pg_catalog.text`.
//!
//! A value of `regclass` is a number that is shown as a name. Here it is the number, but where it is
//! shown: in the select list of the statement, cast to text, or put together with text.

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, DataType, Expr, Function, Ident, ObjectName, SelectItem,
    SetExpr, Value,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::super::super::names::folded;
use super::super::build;

/// What the functions begin and end with that read and show such a number.
const PREFIX: &str = "pg_";
const NUMBER: &str = "_oid";
const NAME: &str = "_name";

/// The types whose values are numbers that are shown as names.
const REGISTRIES: [&str; 9] = [
    "regclass",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
];

/// What a type of the catalog is here.
enum Meant {
    /// A number that is shown as a name.
    Registry(String),
    Plain(DataType),
}

/// Rewrites one expression, whose parts are rewritten already, and says whether it did.
pub(super) fn rewrite(expr: &mut Expr) -> bool {
    match expr {
        Expr::Cast { expr: inner, data_type: DataType::Bytea, .. } => match hexadecimal(inner) {
            Some(bytes) => {
                *expr = bytes;
                true
            }
            None => false,
        },
        Expr::Cast { data_type, .. } => {
            let shows_name = is_text(data_type);
            match meant(data_type) {
                Some(Meant::Registry(kind)) => rewrite_registry(expr, &kind),
                Some(Meant::Plain(plain)) => rewrite_plain(expr, plain),
                None if shows_name => show_cast(expr),
                None => false,
            }
        }
        Expr::BinaryOp { left, op, right } => match op {
            BinaryOperator::StringConcat
            | BinaryOperator::PGRegexMatch
            | BinaryOperator::PGRegexNotMatch => show_name(left) | show_name(right),
            BinaryOperator::Eq | BinaryOperator::NotEq => {
                read_literal(left, right) || read_literal(right, left)
            }
            _ => false,
        },
        Expr::InList { expr: left, list, .. } => list
            .iter_mut()
            .fold(false, |is_rewritten, item| read_literal(left, item) | is_rewritten),
        _ => false,
    }
}

/// The bytes that `'\x00ff'` stands for.
fn hexadecimal(text: &Expr) -> Option<Expr> {
    let Expr::Value(value) = text else { return None };
    let Value::SingleQuotedString(text) = &value.value else { return None };
    let digits = text.strip_prefix("\\x")?;
    let are_bytes = digits.len() % 2 == 0 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    are_bytes.then(|| Expr::value(Value::HexStringLiteral(digits.to_owned())))
}

fn rewrite_registry(expr: &mut Expr, kind: &str) -> bool {
    let Expr::Cast { expr: inner, .. } = expr else { return false };
    let inner = std::mem::replace(inner.as_mut(), build::number(0));
    *expr = build::call(&format!("{PREFIX}{kind}{NUMBER}"), vec![inner]);
    true
}

fn rewrite_plain(expr: &mut Expr, plain: DataType) -> bool {
    let is_text = is_text(&plain);
    if let Expr::Cast { data_type, .. } = expr {
        *data_type = plain;
    }
    if is_text {
        show_cast(expr);
    }
    true
}

/// A number that is cast to text is the name.
fn show_cast(expr: &mut Expr) -> bool {
    let Expr::Cast { expr: inner, .. } = expr else { return false };
    if !show_name(inner) {
        return false;
    }
    *expr = std::mem::replace(inner.as_mut(), build::number(0));
    true
}

/// Shows the name of such a number, and says whether it was one.
fn show_name(expr: &mut Expr) -> bool {
    let Expr::Function(function) = expr else { return false };
    let Some(kind) = registry_of(function) else { return false };
    function.name = ObjectName::from(vec![Ident::new(format!("{PREFIX}{kind}{NAME}"))]);
    true
}

/// A text that is compared with such a number is the name of one.
fn read_literal(number: &Expr, text: &mut Expr) -> bool {
    let Expr::Function(function) = number else { return false };
    let Some(kind) = registry_of(function) else { return false };
    let is_text = matches!(text, Expr::Value(value)
        if matches!(value.value, Value::SingleQuotedString(_)));
    if is_text {
        let inner = std::mem::replace(text, build::number(0));
        *text = build::call(&format!("{PREFIX}{kind}{NUMBER}"), vec![inner]);
    }
    is_text
}

fn registry_of(function: &Function) -> Option<String> {
    let [part] = function.name.0.as_slice() else { return None };
    let name = part.as_ident()?.value.as_str();
    let kind = name.strip_prefix(PREFIX)?.strip_suffix(NUMBER)?;
    (kind == "regtype" || REGISTRIES.contains(&kind)).then(|| kind.to_owned())
}

/// Shows the names of such numbers in the select list of a statement.
pub(super) fn show_names(body: &mut SetExpr) {
    let mut open = vec![body];
    while let Some(side) = open.pop() {
        match side {
            SetExpr::Select(select) => select.projection.iter_mut().for_each(show_item),
            SetExpr::SetOperation { left, right, .. } => {
                open.extend([left, right].map(Box::as_mut));
            }
            SetExpr::Query(query) => open.push(query.body.as_mut()),
            _ => {}
        }
    }
}

fn show_item(item: &mut SelectItem) {
    match item {
        SelectItem::ExprWithAlias { expr, .. } => _ = show_name(expr),
        SelectItem::UnnamedExpr(expr) => {
            if !show_name(expr) {
                return;
            }
            let expr = std::mem::replace(expr, build::number(0));
            let alias = name_of(&expr);
            *item = SelectItem::ExprWithAlias { expr, alias };
        }
        _ => {}
    }
}

/// A cast has the name of what is cast, or of the type.
fn name_of(shown: &Expr) -> Ident {
    let Expr::Function(function) = shown else { return Ident::new("name") };
    let arguments = function.args.to_string();
    let inner = arguments.trim_start_matches('(').trim_end_matches(')');
    let column = inner.rsplit('.').next().unwrap_or(inner);
    let is_column = column.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    if is_column {
        return Ident::new(column);
    }
    let name = function.name.to_string();
    let kind = name.trim_start_matches(PREFIX).trim_end_matches(NAME);
    Ident::new(kind)
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Text | DataType::Varchar(_) | DataType::Char(_))
}

/// What a type means that the planner does not know by this name.
fn meant(data_type: &DataType) -> Option<Meant> {
    match data_type {
        DataType::Regclass => Some(Meant::Registry("regclass".to_owned())),
        DataType::Custom(name, modifiers) => {
            let (name, is_prefixed) = type_name(name)?;
            by_name(&name, modifiers, is_prefixed)
        }
        DataType::Array(ArrayElemTypeDef::SquareBracket(item, size)) => match meant(item)? {
            Meant::Plain(item) => Some(Meant::Plain(DataType::Array(
                ArrayElemTypeDef::SquareBracket(Box::new(item), *size),
            ))),
            Meant::Registry(_) => None,
        },
        _ => None,
    }
}

/// The name of a type, and whether it stands with its schema.
fn type_name(name: &ObjectName) -> Option<(String, bool)> {
    let names: Option<Vec<&Ident>> = name.0.iter().map(|part| part.as_ident()).collect();
    match names.as_deref()? {
        [schema, name] => {
            let schema = folded(schema);
            let is_known = schema == "pg_catalog" || schema == "information_schema";
            is_known.then(|| (folded(name), true))
        }
        [name] => Some((folded(name), false)),
        _ => None,
    }
}

fn by_name(name: &str, modifiers: &[String], is_prefixed: bool) -> Option<Meant> {
    if name == "regtype" || REGISTRIES.contains(&name) {
        return Some(Meant::Registry(name.to_owned()));
    }
    let plain = match name {
        "name" | "sql_identifier" | "character_data" | "yes_or_no" | "cstring" | "pg_node_tree"
        | "aclitem" | "\"char\"" | "char" | "bpchar" | "unknown" => DataType::Text,
        "oid" | "xid" | "cid" | "cardinal_number" => DataType::Int(None),
        "xid8" => DataType::BigInt(None),
        "int2vector" => array(DataType::SmallInt(None)),
        "oidvector" => array(DataType::Int(None)),
        _ if is_prefixed => {
            let modifiers = match modifiers.is_empty() {
                true => String::new(),
                false => format!("({})", modifiers.join(",")),
            };
            let mut parser =
                Parser::new(&GenericDialect {}).try_with_sql(&format!("{name}{modifiers}")).ok()?;
            parser.parse_data_type().ok()?
        }
        _ => return None,
    };
    Some(Meant::Plain(plain))
}

fn array(item: DataType) -> DataType {
    DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(item), None))
}
