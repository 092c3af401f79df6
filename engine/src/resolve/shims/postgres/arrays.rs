//! Arrays: written as text, made from queries, and their bounds.

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Array, BinaryOperator, DataType, Expr, Function, FunctionArguments, Ident, Query,
    SelectItem, SetExpr, Subscript, Value,
};

use super::super::super::names::folded;
use super::super::build;
use super::subqueries;

/// The columns whose first item has the number 0.
const VECTORS: [&str; 5] = ["indkey", "indclass", "indoption", "indcollation", "proargtypes"];

/// Rewrites one expression, whose parts are rewritten already, and says whether it did.
pub(super) fn rewrite(expr: &mut Expr) -> bool {
    match expr {
        Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } => read_text(right),
        Expr::Cast { expr: inner, data_type: DataType::Array(_), .. } => read_text(inner),
        Expr::Function(function) => match rewritten(function) {
            Some(made) => {
                *expr = made;
                true
            }
            None => false,
        },
        Expr::CompoundFieldAccess { root, access_chain } => {
            access_field(access_chain) | count_from_one(root, access_chain)
        }
        _ => false,
    }
}

/// `generate_series(array_lower(x, 1), array_upper(x, 1))`, before its parts are rewritten, as the numbers
/// of the items, which it is.
pub(super) fn read_bounds(expr: &mut Expr) {
    let Some([lower, upper]) = arguments(expr, "generate_series") else { return };
    let (Some([array, dimension]), Some(of_upper)) =
        (arguments(&lower, "array_lower"), arguments(&upper, "array_upper"))
    else {
        return;
    };
    if [array.clone(), dimension.clone()] == of_upper {
        *expr = build::call("generate_subscripts", vec![array, dimension]);
    }
}

/// The two arguments of a function of this name.
fn arguments(expr: &Expr, name: &str) -> Option<[Expr; 2]> {
    let Expr::Function(function) = expr else { return None };
    let [part] = function.name.0.as_slice() else { return None };
    let FunctionArguments::List(list) = &function.args else { return None };
    let [first, second] = list.args.as_slice() else { return None };
    let (first, second) = (subqueries::plain_argument(first)?, subqueries::plain_argument(second)?);
    (folded(part.as_ident()?) == name).then(|| [first.clone(), second.clone()])
}

/// `'{a,b}'` as an array: of numbers, if all items are whole ones.
fn read_text(expr: &mut Expr) -> bool {
    let inner = match &*expr {
        Expr::Nested(inner) => inner.as_ref(),
        other => other,
    };
    let Expr::Value(value) = inner else { return false };
    let Value::SingleQuotedString(text) = &value.value else { return false };
    let Some(items) = items(text) else { return false };
    let are_numbers = items.iter().flatten().all(|item| item.parse::<u32>().is_ok());
    let elem = items.into_iter().map(|item| match item {
        Some(item) if are_numbers => Expr::value(Value::Number(item, false)),
        Some(item) => build::text(item),
        None => Expr::value(Value::Null),
    });
    *expr = Expr::Array(Array { elem: elem.collect(), named: true });
    true
}

/// The items of an array that is written as text; `None` for one of several dimensions, and what is none.
fn items(text: &str) -> Option<Vec<Option<String>>> {
    let inside = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut items = Vec::new();
    if inside.trim().is_empty() {
        return Some(items);
    }
    let mut letters = inside.chars().peekable();
    loop {
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        let is_quoted = letters.next_if_eq(&'"').is_some();
        let mut is_closed = !is_quoted;
        let mut item = String::new();
        while let Some(letter) = letters.next_if(|letter| is_quoted || *letter != ',') {
            match letter {
                '"' if is_quoted => {
                    is_closed = true;
                    break;
                }
                '\\' => item.push(letters.next()?),
                '{' | '}' | '"' if !is_quoted => return None,
                letter => item.push(letter),
            }
        }
        if !is_closed {
            return None;
        }
        items.push(if is_quoted { Some(item) } else { unquoted(&item) });
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        match letters.next() {
            Some(',') => {}
            Some(_) => return None,
            None => return Some(items),
        }
    }
}

fn unquoted(item: &str) -> Option<String> {
    let item = item.trim();
    (!item.eq_ignore_ascii_case("null")).then(|| item.to_owned())
}

fn rewritten(function: &mut Function) -> Option<Expr> {
    let [part] = function.name.0.as_slice() else { return None };
    let name = folded(part.as_ident()?);
    match &mut function.args {
        FunctionArguments::Subquery(query) if name == "array" => collected(query),
        FunctionArguments::List(list) => {
            let args: Option<Vec<Expr>> =
                list.args.iter().map(subqueries::plain_argument).map(|arg| arg.cloned()).collect();
            let args = args?;
            match (name.as_str(), args.as_slice()) {
                ("array_upper", [array, one]) if is_dimension(one) => Some(last(array)),
                ("array_lower", [array, one]) if is_dimension(one) => Some(first(array)),
                ("generate_subscripts", [array, one]) if is_dimension(one) => {
                    let first = build::number(u64::from(!is_vector(array)));
                    let numbers = build::call("generate_series", vec![first, last(array)]);
                    Some(build::call("unnest", vec![numbers]))
                }
                ("_pg_expandarray", [array]) => Some(build::call(
                    "unnest",
                    vec![build::call("pg_expanded_array", vec![array.clone()])],
                )),
                _ => None,
            }
        }
        _ => None,
    }
}

/// True for the number of a dimension, which is 1: no array here has more.
fn is_dimension(expr: &Expr) -> bool {
    match expr {
        Expr::Value(_) => true,
        Expr::Cast { expr: inner, .. } => matches!(inner.as_ref(), Expr::Value(_)),
        _ => false,
    }
}

/// The number of the first item; NULL without one.
fn first(array: &Expr) -> Expr {
    let number = build::number(u64::from(!is_vector(array)));
    let (left, right) = (Box::new(last(array)), Box::new(last(array)));
    let zero = Expr::BinaryOp { left, op: BinaryOperator::Minus, right };
    let zero = Box::new(Expr::Nested(Box::new(zero)));
    Expr::BinaryOp { left: Box::new(number), op: BinaryOperator::Plus, right: zero }
}

/// The number of the last item; NULL without one.
fn last(array: &Expr) -> Expr {
    let length = build::call("array_length", vec![array.clone()]);
    let length = build::cast(length, DataType::BigInt(None));
    let length = build::call("nullif", vec![length, build::number(0)]);
    match is_vector(array) {
        true => Expr::BinaryOp {
            left: Box::new(length),
            op: BinaryOperator::Minus,
            right: Box::new(build::number(1)),
        },
        false => length,
    }
}

/// `ARRAY(SELECT x ..)` as an aggregate; the order of its rows goes with it.
fn collected(query: &mut Query) -> Option<Expr> {
    if query.with.is_some() || query.limit_clause.is_some() || query.fetch.is_some() {
        return None;
    }
    let SetExpr::Select(select) = query.body.as_mut() else { return None };
    if select.distinct.is_some() || subqueries::is_grouped(select) {
        return None;
    }
    let [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] =
        select.projection.as_mut_slice()
    else {
        return None;
    };
    let taken = item.clone();
    *item = subqueries::aggregate("array_agg", taken, query.order_by.take());
    Some(build::call(
        "coalesce",
        vec![Expr::Subquery(Box::new(query.clone())), build::call("make_array", Vec::new())],
    ))
}

fn is_vector(root: &Expr) -> bool {
    let name: Option<&Ident> = match root {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    };
    name.is_some_and(|name| VECTORS.contains(&folded(name).as_str()))
}

/// `(x).n` as the field of that name.
fn access_field(chain: &mut [AccessExpr]) -> bool {
    let [AccessExpr::Dot(Expr::Identifier(name))] = chain else { return false };
    let index = build::text(folded(name));
    if let Some(access) = chain.first_mut() {
        *access = AccessExpr::Subscript(Subscript::Index { index });
    }
    true
}

/// The first item of a vector has the number 0, that of an array 1.
fn count_from_one(root: &Expr, chain: &mut [AccessExpr]) -> bool {
    let is_zero_based = match chain {
        [AccessExpr::Subscript(_)] => is_vector(root),
        [.., AccessExpr::Dot(name), AccessExpr::Subscript(_)] => is_vector(name),
        _ => false,
    };
    let Some(AccessExpr::Subscript(Subscript::Index { index })) = chain.last_mut() else {
        return false;
    };
    if is_zero_based {
        let zero = std::mem::replace(index, build::number(0));
        *index = Expr::BinaryOp {
            left: Box::new(Expr::Nested(Box::new(zero))),
            op: BinaryOperator::Plus,
            right: Box::new(build::number(1)),
        };
    }
    is_zero_based
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_an_array_is_read() {
        let read = |text: &str| {
            let items = items(text)?;
            Some(items.into_iter().map(|item| item.unwrap_or("-".into())).collect::<Vec<_>>())
        };
        for (text, wanted) in [
            ("{}", Some(vec![])),
            ("{r,v}", Some(vec!["r", "v"])),
            ("{ r , \"a,b\",NULL}", Some(vec!["r", "a,b", "-"])),
            ("{\"a\\\"b\"}", Some(vec!["a\"b"])),
            ("{{1},{2}}", None),
            ("{\"a}", None),
            ("r,v", None),
        ] {
            let wanted: Option<Vec<String>> =
                wanted.map(|items| items.into_iter().map(str::to_owned).collect());
            assert_eq!(read(text), wanted, "{text}");
        }
    }
}
