//! The words of a command that belongs to the connection, read one after the other.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use samite_engine::{Error, ErrorKind, Result};

/// The words that were not read yet.
pub(crate) struct Words<'a> {
    sql: &'a str,
    /// Each with where it ends in the text.
    tokens: std::iter::Peekable<std::vec::IntoIter<(Token, usize)>>,
}

impl<'a> Words<'a> {
    /// The words of a text, without its semicolon.
    ///
    /// # Errors
    ///
    /// When a quote is not closed.
    pub(crate) fn new(sql: &'a str) -> Result<Self> {
        let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location().map_err(
            |error| Error::new(ErrorKind::InvalidQuery, format!("syntax error: {error}")),
        )?;
        let tokens: Vec<(Token, usize)> = tokens
            .into_iter()
            .filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::SemiColon))
            .map(|token| {
                let end = token.span.end;
                let end = crate::split::offset(sql, end.line, end.column);
                (token.token, end)
            })
            .collect();
        Ok(Self { sql, tokens: tokens.into_iter().peekable() })
    }

    /// The next word, and where it ends.
    pub(crate) fn next(&mut self) -> Option<(Token, usize)> {
        self.tokens.next()
    }

    /// The next word, which stays the next.
    pub(crate) fn peek(&mut self) -> Option<&Token> {
        self.tokens.peek().map(|(token, _)| token)
    }

    /// Reads a word if it is the next, and says whether it was.
    pub(crate) fn skip(&mut self, word: &str) -> bool {
        self.tokens.next_if(|(token, _)| is_word(token, word)).is_some()
    }

    /// The same for what is no word.
    pub(crate) fn skip_token(&mut self, wanted: &Token) -> bool {
        self.tokens.next_if(|(token, _)| token == wanted).is_some()
    }

    /// A name, in small letters unless it is quoted.
    ///
    /// # Errors
    ///
    /// When the next word is none.
    pub(crate) fn name(&mut self) -> Result<String> {
        match self.tokens.next() {
            Some((Token::Word(word), _)) if word.quote_style.is_some() => Ok(word.value),
            Some((Token::Word(word), _)) => Ok(word.value.to_lowercase()),
            _ => Err(Error::new(ErrorKind::InvalidQuery, "syntax error: a name is missing")),
        }
    }

    /// True if all words that are left are such.
    pub(crate) fn all(self, is: impl Fn(&Token) -> bool) -> bool {
        self.tokens.into_iter().all(|(token, _)| is(&token))
    }

    /// The text from a place on, without the semicolon at its end.
    pub(crate) fn rest(&self, start: usize) -> &'a str {
        self.sql.get(start..).unwrap_or_default().trim().trim_end_matches(';').trim_end()
    }

    /// The text between two places.
    pub(crate) fn between(&self, start: usize, end: usize) -> &'a str {
        self.sql.get(start..end).unwrap_or_default().trim()
    }
}

/// True for a word that is not quoted.
pub(crate) fn is_word(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted))
}
