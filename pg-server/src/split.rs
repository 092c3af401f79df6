//! Cuts a text of several statements into them, as `psql -c` and drivers send them.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// The statements of a text, without semicolons; none of what is empty.
///
/// A text that cannot be cut is one statement: reading it says what is wrong with it.
pub(crate) fn statements(sql: &str) -> Vec<&str> {
    let whole = sql.trim().trim_end_matches(';').trim_end();
    if !whole.contains(';') {
        return if is_empty(whole) { Vec::new() } else { vec![whole] };
    }
    let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location() else {
        return vec![whole];
    };
    let mut statements = Vec::new();
    let mut start = 0;
    for token in tokens.iter().filter(|token| token.token == Token::SemiColon) {
        let end = offset(sql, token.span.start.line, token.span.start.column);
        statements.push(sql.get(start..end).unwrap_or_default().trim());
        start = end + 1;
    }
    statements.push(sql.get(start..).unwrap_or_default().trim());
    statements.retain(|statement| !is_empty(statement));
    statements
}

/// Where a line and a column, both counted from 1 and in characters, are in a text, in bytes.
pub(crate) fn offset(sql: &str, line: u64, column: u64) -> usize {
    let count = |number: u64| usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    let lines_before = count(line);
    let start: usize = sql.split_inclusive('\n').take(lines_before).map(str::len).sum();
    let rest = sql.get(start..).unwrap_or_default();
    start + rest.char_indices().nth(count(column)).map_or(rest.len(), |(at, _)| at)
}

/// True for nothing but blanks and comments.
fn is_empty(sql: &str) -> bool {
    if sql.is_empty() {
        return true;
    }
    if !sql.starts_with("--") && !sql.starts_with("/*") {
        return false;
    }
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize();
    tokens.is_ok_and(|tokens| tokens.iter().all(|token| matches!(token, Token::Whitespace(_))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_semicolons_outside_of_quotes_and_comments() {
        for (sql, expected) in [
            ("", vec![]),
            (" ; ;; ", vec![]),
            ("-- nothing", vec![]),
            ("SELECT 1", vec!["SELECT 1"]),
            ("SELECT 1;", vec!["SELECT 1"]),
            ("SELECT ';'; SELECT \"a;b\"", vec!["SELECT ';'", "SELECT \"a;b\""]),
            (
                "SET a = 'ä;ö';\nSELECT 'é' -- ;\n; SELECT 3",
                vec!["SET a = 'ä;ö'", "SELECT 'é' -- ;", "SELECT 3"],
            ),
            ("SELECT /* ; */ 1; /* x */ ;", vec!["SELECT /* ; */ 1"]),
            ("SELECT $$a;b$$; SELECT 2", vec!["SELECT $$a;b$$", "SELECT 2"]),
            ("SELECT 'a; SELECT 2", vec!["SELECT 'a; SELECT 2"]),
        ] {
            assert_eq!(statements(sql), expected, "{sql}");
        }
    }
}
