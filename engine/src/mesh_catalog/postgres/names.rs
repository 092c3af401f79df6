//! Names as PostgreSQL writes and reads them in text.

use std::sync::Arc;

use datafusion::catalog::TableProvider;

use crate::error::Result;
use crate::mesh_catalog::builder::TableBuilder;

/// Words that cannot be a name without quotes, of those that people call columns and tables.
const RESERVED: [&str; 77] = [
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "current_catalog",
    "current_date",
    "current_role",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "from",
    "grant",
    "group",
    "having",
    "in",
    "initially",
    "intersect",
    "into",
    "lateral",
    "leading",
    "limit",
    "localtime",
    "localtimestamp",
    "not",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "placing",
    "primary",
    "references",
    "returning",
    "select",
    "session_user",
    "some",
    "symmetric",
    "system_user",
    "table",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "when",
    "where",
    "window",
];

/// Those words as the table that `pg_get_keywords()` gives.
///
/// # Errors
///
/// When it cannot be made.
pub(super) fn keywords() -> Result<Arc<dyn TableProvider>> {
    TableBuilder::new(&RESERVED)
        .text("word", Some)
        .text("catcode", |_| Some("R"))
        .flag("barelabel", |_| true)
        .text("catdesc", |_| Some("reserved"))
        .text("baredesc", |_| Some("can be bare label"))
        .build()
}

/// A name with quotes where it needs them.
pub(super) fn quoted(name: &str) -> String {
    let starts = name.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '_');
    let is_plain = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '_' | '$')
    };
    let is_bare = starts && name.chars().all(is_plain) && RESERVED.binary_search(&name).is_err();
    if is_bare { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// The parts of a name with points, those without quotes in lower case; `None` for what is no name.
pub(super) fn parts(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let (part, after) = match rest.strip_prefix('"') {
            Some(inside) => quoted_part(inside)?,
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                let (part, after) = rest.split_at_checked(end)?;
                (part.trim().to_ascii_lowercase(), after)
            }
        };
        if part.is_empty() {
            return None;
        }
        parts.push(part);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None => return after.trim().is_empty().then_some(parts),
        }
    }
}

/// What stands up to the closing quote, and what follows.
fn quoted_part(inside: &str) -> Option<(String, &str)> {
    let mut part = String::new();
    let mut rest = inside;
    loop {
        let (before, after) = rest.split_once('"')?;
        part.push_str(before);
        match after.strip_prefix('"') {
            Some(next) => {
                part.push('"');
                rest = next;
            }
            None => return Some((part, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_has_quotes_where_it_needs_them() {
        assert!(RESERVED.is_sorted());
        for (name, text) in [
            ("orders", "orders"),
            ("orders@1", "\"orders@1\""),
            ("Prices", "\"Prices\""),
            ("select", "\"select\""),
            ("a\"b", "\"a\"\"b\""),
            ("1a", "\"1a\""),
            ("", "\"\""),
        ] {
            assert_eq!(quoted(name), text, "{name}");
        }
    }

    #[test]
    fn parts_are_read_as_they_are_written() {
        let read = |text: &str| parts(text).map(|parts| parts.join("|"));
        for (text, wanted) in [
            ("orders", Some("orders")),
            ("Shop.Orders", Some("shop|orders")),
            ("\"orders@1\".\"Or\"\"ders\"", Some("orders@1|Or\"ders")),
            ("a.b.c", Some("a|b|c")),
            ("\"a", None),
            ("a.", None),
            ("\"a\"b", None),
            ("", None),
        ] {
            assert_eq!(read(text).as_deref(), wanted, "{text}");
        }
    }
}
