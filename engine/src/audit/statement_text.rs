//! The text of a statement without its literals: what is asked, and not for whom.

use std::fmt::Write;
use std::sync::Arc;

use datafusion::sql::sqlparser::dialect::Dialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

use crate::events::StatementAction;

/// The longest text that is kept, in bytes.
const BYTES_MAX: usize = 8 << 10;

/// The words that statements begin with.
const FIRST_WORDS: [&str; 27] = [
    "ALTER", "ANALYZE", "BEGIN", "CALL", "COMMIT", "COPY", "CREATE", "DELETE", "DESCRIBE", "DROP",
    "EXECUTE", "EXPLAIN", "GRANT", "INSERT", "KILL", "MERGE", "PREPARE", "RESET", "REVOKE",
    "SELECT", "SET", "SHOW", "TRUNCATE", "UPDATE", "USE", "VALUES", "WITH",
];

/// A statement as it is told of.
#[derive(Debug, Clone)]
pub(crate) struct StatementText {
    /// The text as it came.
    pub(crate) sql: Arc<str>,
    /// The text without literals and comments.
    pub(crate) redacted: Arc<str>,
    /// What it does.
    pub(crate) action: StatementAction,
}

impl StatementText {
    /// A text that could not be read. Where its literals end nobody knows, so that of it only the first word is told.
    pub(crate) fn unread(sql: &str) -> Self {
        Self { sql: sql.into(), redacted: first_word(sql), action: StatementAction::Unread }
    }
}

fn first_word(sql: &str) -> Arc<str> {
    let first = sql.split_whitespace().next().unwrap_or_default();
    match FIRST_WORDS.iter().find(|word| first.eq_ignore_ascii_case(word)) {
        Some(word) => format!("{word} ?").into(),
        None => "?".into(),
    }
}

/// The text with `?` for each literal, without comments, and cut where it is long.
pub(crate) fn redacted(sql: &str, dialect: &dyn Dialect) -> Arc<str> {
    let Ok(tokens) = Tokenizer::new(dialect, sql).tokenize() else {
        return first_word(sql);
    };
    let mut text = String::with_capacity(sql.len().min(BYTES_MAX));
    for token in tokens {
        if text.len() >= BYTES_MAX {
            text.truncate(text.floor_char_boundary(BYTES_MAX));
            text.push_str(" ...");
            break;
        }
        match token {
            Token::Whitespace(Whitespace::Space | Whitespace::Newline | Whitespace::Tab) => {
                space(&mut text);
            }
            // A comment can say anything.
            Token::Whitespace(_) => space(&mut text),
            token if is_literal(&token) => text.push('?'),
            token => {
                // Writing to a text cannot fail.
                let _ = write!(text, "{token}");
            }
        }
    }
    text.trim_end().into()
}

fn space(text: &mut String) {
    if !text.is_empty() && !text.ends_with(' ') {
        text.push(' ');
    }
}

fn is_literal(token: &Token) -> bool {
    matches!(
        token,
        Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::TripleSingleQuotedString(_)
            | Token::TripleDoubleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::SingleQuotedByteStringLiteral(_)
            | Token::DoubleQuotedByteStringLiteral(_)
            | Token::TripleSingleQuotedByteStringLiteral(_)
            | Token::TripleDoubleQuotedByteStringLiteral(_)
            | Token::SingleQuotedRawStringLiteral(_)
            | Token::DoubleQuotedRawStringLiteral(_)
            | Token::TripleSingleQuotedRawStringLiteral(_)
            | Token::TripleDoubleQuotedRawStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::QuoteDelimitedStringLiteral(_)
            | Token::NationalQuoteDelimitedStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::Char(_)
    )
}

#[cfg(test)]
mod tests {
    use crate::config::EngineConfig;
    use crate::resolve::Statement;

    use super::*;

    #[test]
    fn literals_and_comments_are_left_out() {
        for (sql, told) in [
            ("SELECT 1", "SELECT ?"),
            (
                "select  a.\"B c\" from t\n where x = 'it''s' and y > -2.5e3 limit 10",
                "select a.\"B c\" from t where x = ? and y > -? limit ?",
            ),
            ("SELECT 'a' /* secret */, N'b', X'00', $1 -- secret", "SELECT ? , ?, ?, $1"),
            (
                "SELECT DATE '2026-01-31', INTERVAL '1' DAY, true, NULL",
                "SELECT DATE ?, INTERVAL ? DAY, true, NULL",
            ),
            ("SELECT {d '2026-01-31'}", "SELECT {d ?}"),
            (
                "SELECT * FROM (VALUES (1, 'x')) AS v(a, b)",
                "SELECT * FROM (VALUES (?, ?)) AS v(a, b)",
            ),
            ("EXPLAIN SELECT $$secret$$", "EXPLAIN SELECT ?"),
            ("SET mesh.purpose = secret", "SET mesh.purpose = ?"),
            ("RESET mesh.purpose", "RESET mesh.purpose"),
            ("KILL QUERY 'abc'", "KILL QUERY ?"),
        ] {
            let statement = Statement::parse(sql, &EngineConfig::default()).expect(sql);
            assert_eq!(&*statement.text().redacted, told, "{sql}");
        }
    }

    #[test]
    fn of_what_could_not_be_read_only_the_first_word_is_told() {
        for (sql, told) in [
            ("SELECT 'secret", "SELECT ?"),
            ("select'secret' x y", "?"),
            ("", "?"),
            ("hunter is the word", "?"),
        ] {
            assert_eq!(&*StatementText::unread(sql).redacted, told, "{sql}");
        }
    }

    #[test]
    fn long_text_is_cut() {
        let sql = format!("SELECT {}", "a, ".repeat(10_000) + "b");
        let statement = Statement::parse(&sql, &EngineConfig::default()).expect("it is read");
        assert!(statement.text().redacted.len() < BYTES_MAX + 100);
    }
}
