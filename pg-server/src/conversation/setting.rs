//! Settings, where PostgreSQL's clients mean something else by a value than the engine.

use samite_engine::ErrorKind;
use samite_engine::session::Session;

use crate::error::{Coded, code};

/// The setting by which a program says its name.
const APPLICATION_NAME: &str = "application_name";

/// The setting that PostgreSQL has in milliseconds, and the engine in seconds.
const STATEMENT_TIMEOUT: &str = "statement_timeout";

/// Sets an option as a client means it when it connects.
///
/// # Errors
///
/// When there is none, or it cannot have this value.
pub(crate) async fn set(session: &Session, name: &str, value: &str) -> Result<(), Coded> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if name.is_empty() || !name.chars().all(is_name) {
        return Err(Coded::new(
            code::INVALID_PARAMETER,
            ErrorKind::InvalidQuery,
            format!("\"{name}\" is no name of a setting"),
        ));
    }
    if name.eq_ignore_ascii_case(STATEMENT_TIMEOUT) {
        return set_timeout(session, value).await;
    }
    let sql = format!("SET {name} = '{}'", value.replace('\'', "''"));
    let statement = session.parse(&sql)?;
    Ok(session.apply(&statement).await?)
}

/// Sets an option by a statement, which the engine has read already. True if it was this one.
///
/// # Errors
///
/// As [`set`].
pub(super) async fn set_by_statement(session: &Session, sql: &str) -> Result<bool, Coded> {
    match timeout_of(sql) {
        Some(value) => set_timeout(session, value).await.map(|()| true),
        None => Ok(false),
    }
}

/// What a program calls itself in a statement; `None` for any other.
pub(super) fn program_of(sql: &str) -> Option<&str> {
    value_of(sql, APPLICATION_NAME)
}

fn timeout_of(sql: &str) -> Option<&str> {
    value_of(sql, STATEMENT_TIMEOUT)
}

/// The value of `SET [SESSION | LOCAL] name { = | TO } value`; `None` for anything else, and for the
/// default.
fn value_of<'a>(sql: &'a str, setting: &str) -> Option<&'a str> {
    let mut rest = strip_word(sql.trim(), "SET")?;
    for scope in ["SESSION", "LOCAL"] {
        rest = strip_word(rest, scope).unwrap_or(rest);
    }
    let name = rest.get(..setting.len()).filter(|name| name.eq_ignore_ascii_case(setting))?;
    let rest = rest.get(name.len()..)?.trim_start();
    let value = rest.strip_prefix('=').or_else(|| strip_word(rest, "TO"))?;
    let value = value.trim().trim_end_matches(';').trim_end().trim_matches('\'');
    (!value.eq_ignore_ascii_case("default")).then_some(value)
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (first, rest) = text.split_once(char::is_whitespace)?;
    first.eq_ignore_ascii_case(word).then(|| rest.trim_start())
}

async fn set_timeout(session: &Session, value: &str) -> Result<(), Coded> {
    let seconds = seconds(value).ok_or_else(|| {
        Coded::new(
            code::INVALID_PARAMETER,
            ErrorKind::InvalidQuery,
            format!("\"{value}\" is no value of statement_timeout"),
        )
        .with_hint("write milliseconds, or a number with ms, s, min or h")
    })?;
    Ok(session.set(STATEMENT_TIMEOUT, &seconds.to_string()).await?)
}

/// The whole seconds of a time in milliseconds, or with a unit; rounded up, so that a short time does
/// not become none.
fn seconds(value: &str) -> Option<u64> {
    let value = value.trim();
    let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (number, unit) = value.split_at_checked(end)?;
    let number: u64 = number.parse().ok()?;
    let milliseconds = match unit.trim() {
        "" | "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    Some(number.checked_mul(milliseconds)?.div_ceil(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeout_of_postgresql_is_in_milliseconds() {
        for (value, expected) in [
            ("0", Some(0)),
            ("1", Some(1)),
            ("30000", Some(30)),
            ("1500ms", Some(2)),
            ("5s", Some(5)),
            ("2 min", Some(120)),
            ("-1", None),
            ("x", None),
            ("", None),
            ("99999999999999999999", None),
            ("9999999999999999999h", None),
        ] {
            assert_eq!(seconds(value), expected, "{value}");
        }
    }

    #[test]
    fn program_says_its_name() {
        for (sql, expected) in [
            ("SET application_name = 'a b'", Some("a b")),
            ("set session application_name to x;", Some("x")),
            ("SET application_name TO DEFAULT", None),
            ("SET statement_timeout = 1", None),
        ] {
            assert_eq!(program_of(sql), expected, "{sql}");
        }
    }

    #[test]
    fn only_a_statement_that_sets_the_timeout_does() {
        for (sql, expected) in [
            ("SET statement_timeout = 5000", Some("5000")),
            ("set session Statement_Timeout to '5s';", Some("5s")),
            ("SET LOCAL statement_timeout=1", Some("1")),
            ("SET statement_timeout = DEFAULT", None),
            ("SET timezone = 'UTC'", None),
            ("SELECT 1", None),
            ("SHOW statement_timeout", None),
            ("", None),
        ] {
            assert_eq!(timeout_of(sql), expected, "{sql}");
        }
    }
}
