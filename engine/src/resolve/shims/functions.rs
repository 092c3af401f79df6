//! Functions of other systems, and those of the escape `{fn ...}`.
//!
//! A function that DataFusion has under this name stays DataFusion's, even where others mean something
//! else by it; only in `{fn ...}` it is what ODBC and JDBC say.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    TypedString, Value, helpers::attached_token::AttachedToken,
};

use super::{build, clock, dates, patterns, session_values, types};
use crate::error::{Error, ErrorKind, Result};

/// How a function is written with others.
#[derive(Debug, Clone, Copy)]
struct Rule {
    /// Arguments that it takes at least and at most.
    takes: (usize, usize),
    make: Make,
}

#[derive(Debug, Clone, Copy)]
enum Make {
    /// The same arguments to a function of another name.
    Call(&'static str),
    /// A part of a date or time.
    Part(&'static str),
    /// Anything else.
    Build(fn(Vec<Expr>) -> Result<Expr>),
}

/// True for an expression that is rewritten.
pub(super) fn is_foreign(expr: &Expr) -> bool {
    match expr {
        Expr::Function(function) => function.uses_odbc_syntax || rule_of(function).is_some(),
        Expr::TypedString(literal) => literal.uses_odbc_syntax,
        Expr::Identifier(name) => {
            name.quote_style.is_none() && name.value.eq_ignore_ascii_case("current_schema")
        }
        Expr::Convert { .. } => true,
        Expr::Value(value) => matches!(value.value, Value::NationalStringLiteral(_)),
        Expr::Cast { data_type, .. } => types::is_cut(data_type),
        Expr::Like { .. } | Expr::ILike { .. } => patterns::is_foreign(expr),
        _ => false,
    }
}

/// Rewrites one expression, whose parts are rewritten already, and says whether it was foreign.
///
/// # Errors
///
/// When it has arguments or clauses that it cannot have.
pub(super) fn rewrite(expr: &mut Expr) -> Result<bool> {
    if types::rewrite(expr)? {
        return Ok(true);
    }
    if !is_foreign(expr) {
        return Ok(false);
    }
    match expr {
        Expr::Function(function) => {
            if let Some(rule) = rule_of(function) {
                let name = function.name.to_string();
                *expr = apply(rule, &name, arguments(function)?)?;
            } else {
                function.uses_odbc_syntax = false;
            }
        }
        Expr::TypedString(literal) => read_escape(literal),
        Expr::Identifier(_) => *expr = session_values::schema(),
        Expr::Like { .. } | Expr::ILike { .. } => patterns::rewrite(expr)?,
        Expr::Value(value) => {
            if let Value::NationalStringLiteral(text) = &mut value.value {
                value.value = Value::SingleQuotedString(std::mem::take(text));
            }
        }
        _ => {}
    }
    Ok(true)
}

/// `{ts '...'}` in microseconds, as text: those of year 1 and 9999 are no nanoseconds.
fn read_escape(literal: &mut TypedString) {
    literal.uses_odbc_syntax = false;
    types::widen(literal);
}

fn rule_of(function: &Function) -> Option<Rule> {
    let [part] = function.name.0.as_slice() else { return None };
    let name = part.as_ident().filter(|name| name.quote_style.is_none())?;
    let name = name.value.to_ascii_lowercase();
    let rule = match function.uses_odbc_syntax {
        true => escaped(&name).or_else(|| everywhere(&name)),
        false => everywhere(&name),
    };
    rule.filter(|_| is_meant(&name, function))
}

/// False for a form that DataFusion knows itself.
fn is_meant(name: &str, function: &Function) -> bool {
    let first = match &function.args {
        FunctionArguments::List(list) => list.args.first(),
        FunctionArguments::None | FunctionArguments::Subquery(_) => None,
    };
    match name {
        "current_timestamp" => first.is_some(),
        "datepart" => {
            matches!(first, Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(_)))))
        }
        _ => true,
    }
}

/// Those that mean the same wherever they stand: DataFusion has none of this name.
fn everywhere(name: &str) -> Option<Rule> {
    use Make::{Build, Call, Part};
    let (least, most, make) = match name {
        "ucase" => (1, 1, Call("upper")),
        "lcase" => (1, 1, Call("lower")),
        "len" => (1, 1, Build(length)),
        "locate" => (2, 3, Call("locate")),
        "charindex" => (2, 3, Call("charindex")),
        "space" => (1, 1, Build(space)),
        "replicate" => (2, 2, Call("repeat")),
        "isnull" => (2, 2, Call("coalesce")),
        "iif" => (3, 3, Build(choice)),
        "ceiling" => (1, 1, Call("ceil")),
        "truncate" => (1, 2, Call("trunc")),
        "sign" => (1, 1, Call("signum")),
        "mod" => (2, 2, Build(remainder)),
        "curdate" => (0, 0, Build(clock::local_date)),
        "current_time" | "localtime" | "curtime" => (0, 1, Build(clock::time_of_day)),
        "current_timestamp" => (1, 1, Build(clock::current_timestamp)),
        "localtimestamp" => (0, 1, Build(clock::local_timestamp)),
        "getdate" | "sysdatetime" => (0, 0, Build(clock::local_timestamp)),
        "year" => (1, 1, Part("year")),
        "quarter" => (1, 1, Part("quarter")),
        "month" => (1, 1, Part("month")),
        "week" => (1, 1, Part("week")),
        "day" | "dayofmonth" => (1, 1, Part("day")),
        "dayofyear" => (1, 1, Part("doy")),
        "dayofweek" => (1, 1, Build(dates::day_of_week)),
        "hour" => (1, 1, Part("hour")),
        "minute" => (1, 1, Part("minute")),
        "second" => (1, 1, Part("second")),
        "monthname" => (1, 1, Build(dates::month_name)),
        "dayname" => (1, 1, Build(dates::day_name)),
        "datepart" => (2, 2, Build(dates::part)),
        "dateadd" => (3, 3, Build(dates::add)),
        "datediff" => (2, 3, Build(dates::difference)),
        "timestampadd" => (3, 3, Build(dates::timestamp_add)),
        "timestampdiff" => (3, 3, Build(dates::timestamp_difference)),
        "user" | "current_user" | "session_user" => {
            (0, 0, Build(|_| Ok(session_values::principal())))
        }
        "database" | "current_database" | "current_catalog" | "db_name" => {
            (0, 0, Build(|_| Ok(session_values::catalog())))
        }
        "current_schema" | "schema_name" => (0, 0, Build(|_| Ok(session_values::schema()))),
        "version" => (0, 0, Build(version)),
        _ => return None,
    };
    Some(Rule { takes: (least, most), make })
}

/// Those that mean something else in `{fn ...}`.
fn escaped(name: &str) -> Option<Rule> {
    use Make::{Build, Call};
    let (least, most, make) = match name {
        "length" => (1, 1, Build(length)),
        "concat" => (2, 2, Build(concatenation)),
        "log" => (1, 1, Call("ln")),
        "char" => (1, 1, Call("chr")),
        "rand" => (0, 0, Call("random")),
        "insert" => (4, 4, Build(insertion)),
        "convert" => (2, 2, Build(types::conversion)),
        _ => return None,
    };
    Some(Rule { takes: (least, most), make })
}

fn apply(rule: Rule, name: &str, args: Vec<Expr>) -> Result<Expr> {
    let (least, most) = rule.takes;
    if !(least..=most).contains(&args.len()) {
        let takes = match (least, most) {
            (1, 1) => "1 argument".to_owned(),
            (0, 0) => "no arguments".to_owned(),
            (least, most) if least == most => format!("{least} arguments"),
            (least, most) => format!("{least} to {most} arguments"),
        };
        return Err(Error::new(ErrorKind::InvalidQuery, format!("{name} takes {takes}"))
            .with_detail(format!("it has {}", args.len())));
    }
    match rule.make {
        Make::Call(other) => Ok(build::call(other, args)),
        Make::Part(part) => {
            let [instant] = exactly(args)?;
            Ok(dates::date_part(part, instant))
        }
        Make::Build(make) => make(args),
    }
}

/// The arguments of a function of one row.
fn arguments(function: &mut Function) -> Result<Vec<Expr>> {
    super::super::unsupported::check_plain_call(function)?;
    let FunctionArguments::List(list) = &mut function.args else { return Ok(Vec::new()) };
    let args = std::mem::take(&mut list.args);
    let plain = |arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok(expr),
        other => Err(Error::new(
            ErrorKind::InvalidQuery,
            format!("\"{other}\" is no argument of {}", function.name),
        )),
    };
    args.into_iter().map(plain).collect()
}

/// The arguments, as many as a rule says that there are.
pub(super) fn exactly<const N: usize>(args: Vec<Expr>) -> Result<[Expr; N]> {
    args.try_into().map_err(|_| Error::new(ErrorKind::Internal, "a function has other arguments"))
}

/// Characters, those at the end that are blank left out: so say ODBC and SQL Server.
fn length(args: Vec<Expr>) -> Result<Expr> {
    Ok(build::call("character_length", vec![build::call("rtrim", args)]))
}

/// NULL if one of the two is.
fn concatenation(args: Vec<Expr>) -> Result<Expr> {
    binary(BinaryOperator::StringConcat, args)
}

fn remainder(args: Vec<Expr>) -> Result<Expr> {
    binary(BinaryOperator::Modulo, args)
}

fn binary(op: BinaryOperator, args: Vec<Expr>) -> Result<Expr> {
    let [left, right] = exactly(args)?.map(|side| Box::new(Expr::Nested(Box::new(side))));
    Ok(Expr::BinaryOp { left, op, right })
}

fn space(args: Vec<Expr>) -> Result<Expr> {
    let [count] = exactly(args)?;
    Ok(build::call("repeat", vec![build::text(" "), count]))
}

/// `INSERT(text, start, length, new)`.
fn insertion(args: Vec<Expr>) -> Result<Expr> {
    let [text, start, length, new] = exactly(args)?;
    Ok(build::call("overlay", vec![text, new, start, length]))
}

fn choice(args: Vec<Expr>) -> Result<Expr> {
    let [condition, result, otherwise] = exactly(args)?;
    Ok(Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition, result }],
        else_result: Some(Box::new(otherwise)),
    })
}

fn version(_: Vec<Expr>) -> Result<Expr> {
    let engine = datafusion::DATAFUSION_VERSION;
    Ok(build::text(format!("Samite {} (Apache DataFusion {engine})", env!("CARGO_PKG_VERSION"))))
}
