//! The options of a COPY, in both ways to write them.

use datafusion::sql::sqlparser::tokenizer::Token;
use samite_engine::{Error, ErrorKind, Result};

use crate::words::Words;

/// Delimiters that text cannot have: they stand after a backslash.
const AFTER_BACKSLASH: &[u8] = b"\\.abcdefghijklmnopqrstuvwxyz0123456789";

/// How rows are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CopyOptions {
    pub(crate) format: CopyFormat,
    /// True if the names of the columns come first.
    pub(crate) has_header: bool,
    /// What stands between values.
    pub(crate) delimiter: u8,
    /// What NULL is written as.
    pub(crate) null: String,
    /// What stands around values that would be read as something else.
    pub(crate) quote: u8,
    /// What stands before a quote in a value.
    pub(crate) escape: u8,
    /// Which values are always quoted.
    pub(crate) forced: Forced,
}

/// The format of a COPY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CopyFormat {
    Text,
    Csv,
    Binary,
}

/// Columns whose values are always quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Forced {
    All,
    Columns(Vec<String>),
}

/// What was said; the rest follows from the format.
#[derive(Debug, Default)]
struct Said {
    format: Option<CopyFormat>,
    has_header: Option<bool>,
    delimiter: Option<String>,
    null: Option<String>,
    quote: Option<String>,
    escape: Option<String>,
    forced: Option<Forced>,
    encoding: Option<String>,
}

impl CopyOptions {
    /// Reads the options up to the end of a statement.
    ///
    /// # Errors
    ///
    /// When there is none of that name, or they contradict each other.
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self> {
        let mut said = Said::default();
        if words.skip_token(&Token::LParen) {
            loop {
                let name = words.name()?;
                said.take(&name, words)?;
                match words.next() {
                    Some((Token::Comma, _)) => {}
                    Some((Token::RParen, _)) => break,
                    _ => return Err(wrong("a parenthesis is not closed")),
                }
            }
            if words.next().is_some() {
                return Err(wrong("nothing follows the options"));
            }
        } else {
            while words.peek().is_some() {
                let name = words.name()?;
                said.take_old(&name, words)?;
            }
        }
        said.options()
    }
}

impl Said {
    /// `name [value]`
    fn take(&mut self, name: &str, words: &mut Words<'_>) -> Result<()> {
        match name {
            "format" => {
                let format = match value(words)?.to_lowercase().as_str() {
                    "text" => CopyFormat::Text,
                    "csv" => CopyFormat::Csv,
                    "binary" => CopyFormat::Binary,
                    other => return Err(unsupported(&format!("the format \"{other}\""))),
                };
                set(&mut self.format, format, name)
            }
            "header" => {
                let is_bare = matches!(words.peek(), Some(Token::Comma | Token::RParen));
                let has_header = if is_bare { true } else { flag(&value(words)?)? };
                set(&mut self.has_header, has_header, name)
            }
            "delimiter" => set(&mut self.delimiter, value(words)?, name),
            "null" => set(&mut self.null, value(words)?, name),
            "quote" => set(&mut self.quote, value(words)?, name),
            "escape" => set(&mut self.escape, value(words)?, name),
            "encoding" => set(&mut self.encoding, value(words)?, name),
            "force_quote" => {
                let forced = match words.skip_token(&Token::Mul) {
                    true => Forced::All,
                    false if words.skip_token(&Token::LParen) => {
                        let names = names(words)?;
                        match words.skip_token(&Token::RParen) {
                            true => Forced::Columns(names),
                            false => return Err(wrong("a parenthesis is not closed")),
                        }
                    }
                    false => return Err(wrong("FORCE_QUOTE takes (column, ...) or *")),
                };
                set(&mut self.forced, forced, name)
            }
            other => Err(unsupported(&format!("the option \"{other}\""))),
        }
    }

    /// The words as they were before they stood in parentheses.
    fn take_old(&mut self, name: &str, words: &mut Words<'_>) -> Result<()> {
        match name {
            "csv" => set(&mut self.format, CopyFormat::Csv, name),
            "binary" => set(&mut self.format, CopyFormat::Binary, name),
            "header" => set(&mut self.has_header, true, name),
            "delimiter" | "delimiters" | "null" | "quote" | "escape" | "encoding" => {
                words.skip("AS");
                self.take(if name == "delimiters" { "delimiter" } else { name }, words)
            }
            "force" if words.skip("QUOTE") => {
                let forced = match words.skip_token(&Token::Mul) {
                    true => Forced::All,
                    false => Forced::Columns(names(words)?),
                };
                set(&mut self.forced, forced, "force_quote")
            }
            other => Err(unsupported(&format!("the option \"{other}\""))),
        }
    }

    /// All options, with those that follow from the format.
    fn options(self) -> Result<CopyOptions> {
        let format = self.format.unwrap_or(CopyFormat::Text);
        let (is_csv, is_binary) = (format == CopyFormat::Csv, format == CopyFormat::Binary);
        if is_binary
            && (self.delimiter.is_some() || self.null.is_some() || self.has_header == Some(true))
        {
            return Err(wrong("DELIMITER, NULL and HEADER are none of the format binary"));
        }
        if !is_csv && (self.quote.is_some() || self.escape.is_some() || self.forced.is_some()) {
            return Err(wrong("QUOTE, ESCAPE and FORCE_QUOTE are of the format csv only"));
        }
        if let Some(encoding) = self.encoding {
            let plain: String = encoding.chars().filter(char::is_ascii_alphanumeric).collect();
            if !plain.eq_ignore_ascii_case("utf8") {
                return Err(unsupported(&format!("the encoding \"{encoding}\"")));
            }
        }
        let delimiter = byte(self.delimiter, if is_csv { b',' } else { b'\t' }, "DELIMITER")?;
        let quote = byte(self.quote, b'"', "QUOTE")?;
        let escape = byte(self.escape, quote, "ESCAPE")?;
        let null = self.null.unwrap_or_else(|| if is_csv { "" } else { "\\N" }.to_owned());
        if !is_csv && AFTER_BACKSLASH.contains(&delimiter) {
            return Err(wrong(
                "DELIMITER cannot be a small letter, a digit, a point or a backslash",
            ));
        }
        if is_csv && delimiter == quote {
            return Err(wrong("DELIMITER and QUOTE differ"));
        }
        let is_read_back = null.bytes().any(|byte| {
            matches!(byte, b'\r' | b'\n' | 0) || byte == delimiter || (is_csv && byte == quote)
        });
        if is_read_back {
            return Err(wrong("NULL cannot hold the delimiter, the quote or the end of a line"));
        }
        let has_header = self.has_header.unwrap_or(false);
        let forced = self.forced.unwrap_or(Forced::Columns(Vec::new()));
        Ok(CopyOptions { format, has_header, delimiter, null, quote, escape, forced })
    }
}

/// Sets what was not said before.
fn set<T>(place: &mut Option<T>, value: T, name: &str) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(wrong(&format!("the option \"{name}\" stands there twice"))),
    }
}

/// A text, a word or a number.
fn value(words: &mut Words<'_>) -> Result<String> {
    match words.next() {
        Some((
            Token::SingleQuotedString(text)
            | Token::EscapedStringLiteral(text)
            | Token::UnicodeStringLiteral(text)
            | Token::Number(text, _),
            _,
        )) => Ok(text),
        Some((Token::DollarQuotedString(text), _)) => Ok(text.value),
        Some((Token::Word(word), _)) => Ok(word.value),
        _ => Err(wrong("the value of an option is missing")),
    }
}

fn names(words: &mut Words<'_>) -> Result<Vec<String>> {
    let mut names = vec![words.name()?];
    while words.skip_token(&Token::Comma) {
        names.push(words.name()?);
    }
    Ok(names)
}

fn flag(text: &str) -> Result<bool> {
    match text.to_lowercase().as_str() {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err(wrong("HEADER is true or false")),
    }
}

/// The one byte of a text.
fn byte(said: Option<String>, otherwise: u8, name: &str) -> Result<u8> {
    match said.as_deref().map(str::as_bytes) {
        None => Ok(otherwise),
        Some([byte]) if !matches!(byte, b'\r' | b'\n' | 0) => Ok(*byte),
        Some(_) => {
            Err(wrong(&format!("{name} is one character of ASCII, and not the end of a line")))
        }
    }
}

fn wrong(message: &str) -> Error {
    Error::new(ErrorKind::InvalidQuery, format!("the options of COPY cannot be read: {message}"))
}

fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{what} of COPY is not supported")).with_hint(
        "write FORMAT text, csv or binary, HEADER, DELIMITER, NULL, QUOTE, ESCAPE, FORCE_QUOTE",
    )
}
