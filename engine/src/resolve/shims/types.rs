//! Types of other systems, in `CAST`, `CONVERT` and literals.
//!
//! A type with a length cuts what is longer, as it does elsewhere. `VARCHAR(n)` and `CHAR(n)` in `CAST`
//! are DataFusion's own, and do not.

use datafusion::sql::sqlparser::ast::{
    CastKind, CharacterLength, DataType, ExactNumberInfo, Expr, TimezoneInfo, TypedString, Value,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::super::unsupported::refusal;
use super::build;
use super::functions::exactly;
use crate::error::{Error, ErrorKind, Result};

/// Digits of a second of a timestamp of another system: with more, years such as 9999 would not fit.
const TIMESTAMP_DIGITS: u64 = 6;

/// A type in the words that DataFusion knows.
#[derive(Debug, PartialEq, Eq)]
struct Spelled {
    data_type: DataType,
    /// The characters that a text has at most.
    length: Option<u64>,
}

/// Rewrites the type of a cast or literal, and says whether it did.
///
/// # Errors
///
/// When the type cannot be meant as it is written.
pub(super) fn rewrite(expr: &mut Expr) -> Result<bool> {
    match expr {
        Expr::Cast { data_type, .. } => {
            let Some(spelled) = spelled(data_type)? else { return Ok(false) };
            *data_type = spelled.data_type;
            if let Some(length) = spelled.length {
                let whole = std::mem::replace(expr, build::number(0));
                *expr = build::call("left", vec![whole, build::number(length)]);
            }
            Ok(true)
        }
        Expr::TypedString(literal) if !literal.uses_odbc_syntax => {
            let Some(spelled) = spelled(&literal.data_type)? else { return Ok(false) };
            literal.data_type = spelled.data_type;
            Ok(true)
        }
        Expr::Convert { is_try, expr: value, data_type, charset: None, styles, .. } => {
            if !styles.is_empty() {
                return Err(
                    refusal("the style of CONVERT").with_hint("write to_char(x, '%Y-%m-%d')")
                );
            }
            let Some(data_type) = data_type.take() else { return Err(no_charset()) };
            let kind = if *is_try { CastKind::TryCast } else { CastKind::Cast };
            let value = std::mem::replace(value.as_mut(), build::number(0));
            *expr = converted(value, data_type, kind)?;
            Ok(true)
        }
        Expr::Convert { .. } => Err(no_charset()),
        _ => Ok(false),
    }
}

fn no_charset() -> Error {
    refusal("CONVERT to a character set").with_hint("all texts are UTF-8")
}

/// True for a cast whose column would get another name by what becomes of it.
pub(super) fn is_cut(data_type: &DataType) -> bool {
    spelled(data_type).is_ok_and(|spelled| spelled.is_some_and(|spelled| spelled.length.is_some()))
}

/// `{fn CONVERT(value, type)}`.
///
/// # Errors
///
/// When the second argument is no type.
pub(super) fn conversion(args: Vec<Expr>) -> Result<Expr> {
    let [value, named] = exactly(args)?;
    let text = named.to_string();
    let no_type = || Error::new(ErrorKind::InvalidQuery, format!("\"{text}\" is no type"));
    if !matches!(named, Expr::Identifier(_) | Expr::Function(_)) {
        return Err(no_type());
    }
    let parsed = Parser::new(&GenericDialect {})
        .try_with_sql(&text)
        .and_then(|mut parser| parser.parse_data_type());
    let data_type = parsed.map_err(|_| no_type())?;
    converted(value, data_type, CastKind::Cast)
}

/// CONVERT cuts every text, and its FLOAT is a double.
fn converted(value: Expr, data_type: DataType, kind: CastKind) -> Result<Expr> {
    let spelled = match data_type {
        DataType::Varchar(length) | DataType::Char(length) => text(length),
        DataType::Float(ExactNumberInfo::None) => whole(DataType::DoublePrecision),
        other => spelled(&other)?.unwrap_or_else(|| whole(other)),
    };
    let expr = Box::new(value);
    let cast = Expr::Cast { kind, expr, data_type: spelled.data_type, array: false, format: None };
    Ok(match spelled.length {
        Some(length) => build::call("left", vec![cast, build::number(length)]),
        None => cast,
    })
}

fn whole(data_type: DataType) -> Spelled {
    Spelled { data_type, length: None }
}

fn text(length: Option<CharacterLength>) -> Spelled {
    let length = match length {
        Some(CharacterLength::IntegerLength { length, .. }) => Some(length),
        Some(CharacterLength::Max) | None => None,
    };
    Spelled { data_type: DataType::Varchar(None), length }
}

/// The type in DataFusion's words; `None` for one that it knows, or that nobody does.
fn spelled(data_type: &DataType) -> Result<Option<Spelled>> {
    use DataType as T;
    Ok(Some(match data_type {
        T::Nvarchar(length)
        | T::Character(length)
        | T::CharacterVarying(length)
        | T::CharVarying(length) => text(*length),
        T::CharacterLargeObject(_) | T::CharLargeObject(_) | T::Clob(_) => text(None),
        T::TinyText | T::MediumText | T::LongText => text(None),
        T::Binary(None) | T::Varbinary(None) | T::Blob(None) => whole(T::Bytea),
        T::Datetime(digits) => whole(timestamp(*digits, data_type)?),
        T::Bit(None | Some(1)) => whole(T::Boolean),
        T::Float(ExactNumberInfo::Precision(digits)) => whole(match digits {
            1..=24 => T::Real,
            25..=53 => T::DoublePrecision,
            _ => {
                return Err(Error::new(
                    ErrorKind::InvalidQuery,
                    format!("{data_type} has no such precision"),
                )
                .with_hint("write FLOAT(1) to FLOAT(53)"));
            }
        }),
        T::Signed | T::SignedInteger => whole(T::BigInt(None)),
        T::Unsigned | T::UnsignedInteger => whole(T::BigIntUnsigned(None)),
        T::MediumInt(_) => whole(T::Int(None)),
        T::Dec(number) => whole(T::Decimal(*number)),
        T::Custom(name, modifiers) => {
            return spelled_by_name(&name.to_string().to_ascii_lowercase(), modifiers, data_type);
        }
        _ => return Ok(None),
    }))
}

fn spelled_by_name(
    name: &str,
    modifiers: &[String],
    data_type: &DataType,
) -> Result<Option<Spelled>> {
    use DataType as T;
    let numbers: Option<Vec<u64>> = modifiers.iter().map(|text| text.parse().ok()).collect();
    let length = |numbers: &[u64]| match numbers {
        [] => Some(None),
        [length] => Some(Some(*length)),
        _ => None,
    };
    let is_max = matches!(modifiers, [only] if only.eq_ignore_ascii_case("max"));
    let numbers = if is_max { Some(Vec::new()) } else { numbers };
    let Some(numbers) = numbers else { return Ok(None) };
    let exact = |precision, scale| T::Decimal(ExactNumberInfo::PrecisionAndScale(precision, scale));
    Ok(match (name, numbers.as_slice()) {
        ("nchar" | "nvarchar" | "varchar2" | "nvarchar2", lengths) => {
            length(lengths).map(|length| Spelled { data_type: T::Varchar(None), length })
        }
        ("datetime2", digits) => match length(digits) {
            Some(digits) => Some(whole(timestamp(digits, data_type)?)),
            None => None,
        },
        ("number", [precision, scale]) => match i64::try_from(*scale) {
            Ok(scale) => Some(whole(exact(*precision, scale))),
            Err(_) => None,
        },
        ("number", [precision]) => Some(whole(exact(*precision, 0))),
        (name, []) => by_plain_name(name).map(whole),
        _ => None,
    })
}

fn by_plain_name(name: &str) -> Option<DataType> {
    use DataType as T;
    let exact = |precision, scale| T::Decimal(ExactNumberInfo::PrecisionAndScale(precision, scale));
    let timestamp = |zone| T::Timestamp(Some(TIMESTAMP_DIGITS), zone);
    Some(match name {
        "ntext" | "sysname" | "sql_char" | "sql_varchar" | "sql_longvarchar" | "sql_wchar"
        | "sql_wvarchar" | "sql_wlongvarchar" => T::Varchar(None),
        "money" => exact(19, 4),
        "smallmoney" => exact(10, 4),
        "datetimeoffset" => timestamp(TimezoneInfo::WithTimeZone),
        "sql_timestamp" | "sql_type_timestamp" => timestamp(TimezoneInfo::None),
        "sql_date" | "sql_type_date" => T::Date,
        "sql_time" | "sql_type_time" => T::Time(None, TimezoneInfo::None),
        "sql_bit" => T::Boolean,
        "sql_tinyint" => T::TinyInt(None),
        "sql_smallint" => T::SmallInt(None),
        "sql_integer" => T::Int(None),
        "sql_bigint" => T::BigInt(None),
        "sql_real" => T::Real,
        "sql_float" | "sql_double" => T::DoublePrecision,
        "sql_decimal" | "sql_numeric" => T::Decimal(ExactNumberInfo::None),
        "sql_binary" | "sql_varbinary" | "sql_longvarbinary" => T::Bytea,
        _ => return None,
    })
}

/// The timestamp with so many digits of a second.
fn timestamp(digits: Option<u64>, data_type: &DataType) -> Result<DataType> {
    let digits = match digits {
        None => TIMESTAMP_DIGITS,
        Some(digits @ (0 | 3 | 6)) => digits,
        Some(7..=9) => 9,
        Some(_) => {
            return Err(refusal(&format!("the type {data_type}"))
                .with_hint("a timestamp has 0, 3, 6 or 9 digits of a second"));
        }
    };
    Ok(DataType::Timestamp(Some(digits), TimezoneInfo::None))
}

/// Reads `{ts '...'}` in microseconds unless it is written finer: in nanoseconds, years such as 9999 do
/// not fit.
pub(super) fn widen(literal: &mut TypedString) {
    let (DataType::Timestamp(None, _), Value::SingleQuotedString(text)) =
        (&literal.data_type, &literal.value.value)
    else {
        return;
    };
    let fraction = text.rsplit_once('.').map_or(0, |(_, digits)| digits.trim_end().len());
    if u64::try_from(fraction).is_ok_and(|digits| digits <= TIMESTAMP_DIGITS) {
        literal.data_type = DataType::Timestamp(Some(TIMESTAMP_DIGITS), TimezoneInfo::None);
    }
}
