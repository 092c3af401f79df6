//! Operators with a schema, and collations: texts are compared by their bytes, which is what the
//! collations `default`, `C` and `POSIX` say here.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Ident, ObjectName, Value};

use super::super::super::names::folded;
use super::super::build;

/// Columns of the catalog that are true or false, and that clients compare with texts.
const FLAGS: [&str; 14] = [
    "attisdropped",
    "atthasdef",
    "attnotnull",
    "datallowconn",
    "datistemplate",
    "indisclustered",
    "indisprimary",
    "indisunique",
    "indisvalid",
    "proretset",
    "relhasindex",
    "relhasrules",
    "relhastriggers",
    "typnotnull",
];

/// Rewrites one expression, and says whether it did.
pub(super) fn rewrite(expr: &mut Expr) -> bool {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::Eq | BinaryOperator::NotEq, right } => {
            read_flag(left, right) || read_flag(right, left)
        }
        Expr::BinaryOp { op, .. } => {
            let BinaryOperator::PGCustomBinaryOperator(words) = op else { return false };
            let Some(plain) = plain(words) else { return false };
            *op = plain;
            true
        }
        Expr::Collate { expr: inner, collation } if is_bytewise(collation) => {
            *expr = std::mem::replace(inner.as_mut(), build::number(0));
            true
        }
        _ => false,
    }
}

/// `indisprimary = 't'`
fn read_flag(column: &Expr, text: &mut Expr) -> bool {
    let name = match column {
        Expr::Identifier(name) => name,
        Expr::CompoundIdentifier(parts) => match parts.last() {
            Some(name) => name,
            None => return false,
        },
        _ => return false,
    };
    if !FLAGS.contains(&folded(name).as_str()) {
        return false;
    }
    let flag = match text {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) if matches!(text.as_str(), "t" | "true") => true,
            Value::SingleQuotedString(text) if matches!(text.as_str(), "f" | "false") => false,
            _ => return false,
        },
        _ => return false,
    };
    *text = Expr::value(Value::Boolean(flag));
    true
}

fn plain(words: &[String]) -> Option<BinaryOperator> {
    use BinaryOperator as Op;
    let operator = match words {
        [schema, operator] if schema.eq_ignore_ascii_case("pg_catalog") => operator,
        [operator] => operator,
        _ => return None,
    };
    Some(match operator.as_str() {
        "~" => Op::PGRegexMatch,
        "~*" => Op::PGRegexIMatch,
        "!~" => Op::PGRegexNotMatch,
        "!~*" => Op::PGRegexNotIMatch,
        "~~" => Op::PGLikeMatch,
        "~~*" => Op::PGILikeMatch,
        "!~~" => Op::PGNotLikeMatch,
        "!~~*" => Op::PGNotILikeMatch,
        "=" => Op::Eq,
        "<>" | "!=" => Op::NotEq,
        "<" => Op::Lt,
        "<=" => Op::LtEq,
        ">" => Op::Gt,
        ">=" => Op::GtEq,
        "||" => Op::StringConcat,
        "+" => Op::Plus,
        "-" => Op::Minus,
        "*" => Op::Multiply,
        "/" => Op::Divide,
        "%" => Op::Modulo,
        _ => return None,
    })
}

fn is_bytewise(collation: &ObjectName) -> bool {
    let names: Option<Vec<&Ident>> = collation.0.iter().map(|part| part.as_ident()).collect();
    let name = match names.as_deref() {
        Some([schema, name]) if folded(schema) == "pg_catalog" => name,
        Some([name]) => name,
        _ => return false,
    };
    matches!(name.value.to_ascii_lowercase().as_str(), "default" | "c" | "posix" | "ucs_basic")
}
