//! Settings that drivers send as they connect: what is so anyway changes nothing, the rest is refused.

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Set, SetSessionAuthorizationParam, SetSessionAuthorizationParamKind, Value,
};

use super::super::unsupported::refusal;
use super::transactions;
use crate::error::{Error, ErrorKind, Result};
use crate::mesh_catalog::postgres;

/// What such a setting comes down to.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::resolve) enum Meaning {
    /// It is so anyway.
    Nothing,
    /// A setting of Samite by another name; no value gives it its default back.
    Is { name: &'static str, value: Option<String> },
}

/// Values that a setting may have, since it is so anyway.
#[derive(Debug, Clone, Copy)]
enum Takes {
    /// Whatever: it says nothing about results.
    Anything,
    /// One of these, in lower case.
    OneOf(&'static [&'static str]),
}

const ON: &[&str] = &["on", "true", "1", "yes"];
const UTF8: &[&str] = &["utf8", "utf-8", "unicode", "utf8mb4"];

/// The settings that drivers send.
const ACCEPTED: [(&str, Takes); 25] = [
    ("application_name", Takes::Anything),
    ("autocommit", Takes::OneOf(ON)),
    ("bytea_output", Takes::Anything),
    ("check_function_bodies", Takes::Anything),
    ("client_encoding", Takes::OneOf(UTF8)),
    ("client_min_messages", Takes::Anything),
    ("datestyle", Takes::OneOf(&["iso", "iso, mdy", "iso, dmy", "iso, ymd"])),
    ("default_transaction_isolation", Takes::OneOf(&["read committed", "read uncommitted"])),
    ("default_transaction_read_only", Takes::Anything),
    ("extra_float_digits", Takes::Anything),
    ("idle_in_transaction_session_timeout", Takes::Anything),
    ("intervalstyle", Takes::Anything),
    ("jit", Takes::Anything),
    ("lock_timeout", Takes::Anything),
    ("row_security", Takes::OneOf(ON)),
    ("standard_conforming_strings", Takes::OneOf(ON)),
    ("synchronous_commit", Takes::Anything),
    ("tcp_keepalives_count", Takes::Anything),
    ("tcp_keepalives_idle", Takes::Anything),
    ("tcp_keepalives_interval", Takes::Anything),
    ("tcp_user_timeout", Takes::Anything),
    ("transaction_isolation", Takes::OneOf(&["read committed", "read uncommitted"])),
    ("transaction_read_only", Takes::Anything),
    ("tx_isolation", Takes::OneOf(&["read-committed", "read-uncommitted"])),
    ("work_mem", Takes::Anything),
];

/// What a setting means that Samite does not have under this name; `None` if no driver sends it.
///
/// # Errors
///
/// When it cannot have this value.
pub(in crate::resolve) fn meaning(name: &str, values: &[Expr]) -> Result<Option<Meaning>> {
    let folded = name.to_ascii_lowercase();
    if folded == "search_path" {
        return search_path(values).map(Some);
    }
    let Some((_, takes)) = ACCEPTED.iter().find(|(accepted, _)| *accepted == folded) else {
        return Ok(None);
    };
    let value = values.iter().map(word).collect::<Vec<_>>().join(", ").to_ascii_lowercase();
    match takes {
        Takes::OneOf(allowed) if value != "default" && !allowed.contains(&value.as_str()) => {
            match folded.ends_with("isolation") {
                true => Err(transactions::no_isolation(&value)),
                false => Err(cannot_be(name, &value, allowed.first().copied().unwrap_or_default())),
            }
        }
        Takes::OneOf(_) | Takes::Anything => Ok(Some(Meaning::Nothing)),
    }
}

/// What taking back a setting means that Samite does not have under this name.
pub(in crate::resolve) fn meaning_of_reset(name: &str) -> Option<Meaning> {
    let folded = name.to_ascii_lowercase();
    match folded.as_str() {
        "search_path" => Some(Meaning::Is { name: "schema", value: None }),
        "role" | "session_authorization" => Some(Meaning::Nothing),
        _ => ACCEPTED.iter().any(|(accepted, _)| *accepted == folded).then_some(Meaning::Nothing),
    }
}

/// What a SET of another form than `name = value` means.
///
/// # Errors
///
/// When it has no meaning here.
pub(in crate::resolve) fn meaning_of_form(set: &Set) -> Result<Option<Meaning>> {
    match set {
        Set::SetNames { charset_name, collation_name: None } => {
            let name = charset_name.value.trim();
            match UTF8.iter().any(|accepted| name.eq_ignore_ascii_case(accepted)) {
                true => Ok(Some(Meaning::Nothing)),
                false => Err(cannot_be("names", name, "utf8")),
            }
        }
        Set::SetNamesDefault {}
        | Set::SetRole { role_name: None, .. }
        | Set::SetSessionAuthorization(SetSessionAuthorizationParam {
            kind: SetSessionAuthorizationParamKind::Default,
            ..
        }) => Ok(Some(Meaning::Nothing)),
        Set::SetTransaction { modes, snapshot: None, .. } => {
            transactions::check_modes(modes)?;
            Ok(Some(Meaning::Nothing))
        }
        Set::SetTransaction { .. } => Err(refusal("SET TRANSACTION SNAPSHOT")
            .with_hint("SET mesh.snapshots = '...' reads the snapshots of an earlier query")),
        _ => Ok(None),
    }
}

/// The schema, which is all that a search path can be: names are looked for in one place.
fn search_path(values: &[Expr]) -> Result<Meaning> {
    let mut words: Vec<String> = values
        .iter()
        .flat_map(|value| match value {
            // A quoted text may hold a list.
            Expr::Value(_) => word(value).split(',').map(|part| unquoted(part.trim())).collect(),
            _ => vec![word(value)],
        })
        .collect();
    let is_default = matches!(values, [Expr::Identifier(Ident { quote_style: None, value, .. })]
        if value.eq_ignore_ascii_case("default"));
    // These are there in every database that such a path is meant for, and none is a product.
    words.retain(|word| !["", "$user", "pg_catalog", "public"].contains(&word.as_str()));
    let value = match words.as_mut_slice() {
        [] => None,
        _ if is_default => None,
        [schema] => Some(std::mem::take(schema)),
        _ => {
            return Err(Error::new(ErrorKind::InvalidQuery, "the search path takes one product")
                .with_hint("write SET schema = 'product', and the names of others in full"));
        }
    };
    Ok(Meaning::Is { name: "schema", value })
}

fn unquoted(text: &str) -> String {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.map_or_else(|| text.to_ascii_lowercase(), str::to_owned)
}

fn word(value: &Expr) -> String {
    match value {
        Expr::Identifier(ident) => super::super::names::folded(ident),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => text.clone(),
            other => other.to_string(),
        },
        other => other.to_string(),
    }
}

fn cannot_be(name: &str, value: &str, expected: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("setting \"{name}\" cannot be \"{value}\""))
        .with_hint(format!("it is \"{expected}\" for every session"))
}

/// The query that answers SHOW of such a setting; `None` if there is none of that name.
pub(in crate::resolve) fn shown(words: &[&str]) -> Option<String> {
    let name = words.join(" ").to_ascii_lowercase();
    let name = match name.as_str() {
        "transaction isolation level" => "transaction_isolation",
        other => other,
    };
    let value = match name {
        "search_path" => "coalesce(current_schema(), '')".to_owned(),
        "session_authorization" | "role" => "user".to_owned(),
        "autocommit" => "'on'".to_owned(),
        name => format!("'{}'", postgres::fixed_parameter(name)?),
    };
    Some(format!("SELECT {value} AS {name}"))
}
