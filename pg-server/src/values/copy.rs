//! Rows as the lines of a file, or in the binary format of files (PostgreSQL, "COPY", File Formats).

use bytes::{BufMut, BytesMut};
use samite_engine::Result;

use super::{Values, message, write_fields};
use crate::copy::{CopyFormat, CopyOptions, Forced};

/// What a binary file begins with: its signature, no flags, and no more header.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What a binary file ends with.
const TRAILER: i16 = -1;

/// The type of a message that holds a part of a file.
const COPY_DATA: u8 = b'd';

/// A value that would end the file where it stood alone in a line.
const END_OF_FILE: &[u8] = b"\\.";

/// How the rows of an answer become lines.
#[derive(Debug, Clone)]
pub(crate) struct CopyLayout {
    options: CopyOptions,
    /// Whether the values of each column are always quoted.
    forced: Vec<bool>,
}

impl CopyLayout {
    /// The layout of columns with these names; `None` if the options name another one.
    pub(crate) fn new(options: CopyOptions, names: &[&str]) -> Option<Self> {
        let forced = match &options.forced {
            Forced::All => vec![true; names.len()],
            Forced::Columns(wanted) => {
                if !wanted.iter().all(|name| names.contains(&name.as_str())) {
                    return None;
                }
                names.iter().map(|name| wanted.iter().any(|wanted| wanted == name)).collect()
            }
        };
        Some(Self { options, forced })
    }

    /// What comes before the rows, as a message of its own: the names of the columns.
    ///
    /// # Errors
    ///
    /// When the names of the columns are longer than a message can be.
    pub(crate) fn head(&self, names: &[&str], out: &mut BytesMut) -> Result<()> {
        if !self.options.has_header {
            return Ok(());
        }
        message(COPY_DATA, out, |out| {
            for (index, name) in names.iter().enumerate() {
                self.put_delimiter(index, out);
                self.put_value(name.as_bytes(), false, out);
            }
            out.put_u8(b'\n');
            Ok(())
        })
    }

    /// What comes after the rows.
    ///
    /// # Errors
    ///
    /// As [`CopyLayout::head`].
    pub(crate) fn tail(&self, has_rows: bool, out: &mut BytesMut) -> Result<()> {
        match self.options.format {
            CopyFormat::Binary => message(COPY_DATA, out, |out| {
                if !has_rows {
                    out.put_slice(SIGNATURE);
                }
                out.put_i16(TRAILER);
                Ok(())
            }),
            CopyFormat::Text | CopyFormat::Csv => Ok(()),
        }
    }

    /// Writes one row as a message of its own, with the signature of the file if none came before:
    /// ADBC's driver looks for a row in the first message.
    ///
    /// # Errors
    ///
    /// When a value has no place in its type, or the row is longer than a message can be.
    pub(crate) fn write_row(
        &self,
        columns: &[Values],
        row: usize,
        has_rows: bool,
        out: &mut BytesMut,
    ) -> Result<()> {
        message(COPY_DATA, out, |out| match self.options.format {
            CopyFormat::Binary => {
                if !has_rows {
                    out.put_slice(SIGNATURE);
                }
                write_fields(columns, row, out)
            }
            CopyFormat::Text | CopyFormat::Csv => self.write_line(columns, row, out),
        })
    }

    fn write_line(&self, columns: &[Values], row: usize, out: &mut BytesMut) -> Result<()> {
        let mut value = BytesMut::new();
        for (index, column) in columns.iter().enumerate() {
            self.put_delimiter(index, out);
            if column.is_null(row) {
                out.put_slice(self.options.null.as_bytes());
                continue;
            }
            value.clear();
            column.write_bare(row, &mut value)?;
            self.put_value(&value, self.forced.get(index).copied().unwrap_or_default(), out);
        }
        out.put_u8(b'\n');
        Ok(())
    }

    fn put_delimiter(&self, index: usize, out: &mut BytesMut) {
        if index > 0 {
            out.put_u8(self.options.delimiter);
        }
    }

    fn put_value(&self, value: &[u8], is_forced: bool, out: &mut BytesMut) {
        match self.options.format {
            CopyFormat::Csv => self.put_quoted(value, is_forced, out),
            CopyFormat::Text | CopyFormat::Binary => self.put_escaped(value, out),
        }
    }

    /// A value of CSV, in quotes where it would be read as something else.
    fn put_quoted(&self, value: &[u8], is_forced: bool, out: &mut BytesMut) {
        let CopyOptions { delimiter, quote, escape, null, .. } = &self.options;
        let is_special = |byte: &u8| byte == delimiter || byte == quote || b"\r\n".contains(byte);
        let is_quoted = is_forced
            || value == null.as_bytes()
            || (self.forced.len() == 1 && value == END_OF_FILE)
            || value.iter().any(is_special);
        if !is_quoted {
            return out.put_slice(value);
        }
        out.put_u8(*quote);
        for byte in value {
            if byte == quote || byte == escape {
                out.put_u8(*escape);
            }
            out.put_u8(*byte);
        }
        out.put_u8(*quote);
    }

    /// A value of text, with a backslash before what would be read as something else.
    fn put_escaped(&self, value: &[u8], out: &mut BytesMut) {
        for byte in value {
            let letter = match byte {
                0x08 => b'b',
                0x0c => b'f',
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                0x0b => b'v',
                b'\\' => b'\\',
                byte if *byte == self.options.delimiter => *byte,
                byte => {
                    out.put_u8(*byte);
                    continue;
                }
            };
            out.put_u8(b'\\');
            out.put_u8(letter);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::super::{Format, Zone};
    use super::*;
    use crate::copy::Copy;
    use crate::kind::Kind;

    /// The file that a COPY of these texts and numbers gives.
    fn file(said: &str, rows: &[(Option<&str>, Option<i64>)]) -> Vec<u8> {
        let options = Copy::parse(&format!("COPY t TO STDOUT {said}")).unwrap().options;
        let format = match options.format {
            CopyFormat::Binary => Format::Binary,
            _ => Format::Text,
        };
        let texts: ArrayRef = Arc::new(rows.iter().map(|row| row.0).collect::<StringArray>());
        let numbers: ArrayRef = Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>());
        let zone = Zone::named("UTC").unwrap();
        let columns = [(texts, Kind::Text), (numbers, Kind::Int8)]
            .map(|(array, kind)| Values::new(&array, &kind, format, zone).unwrap());
        let layout = CopyLayout::new(options, &["a", "b c"]).unwrap();
        let mut out = BytesMut::new();
        layout.head(&["a", "b c"], &mut out).unwrap();
        let write = |row| layout.write_row(&columns, row, row > 0, &mut out).unwrap();
        (0..rows.len()).for_each(write);
        layout.tail(!rows.is_empty(), &mut out).unwrap();
        let (mut rest, mut file) = (&out[..], Vec::new());
        while let Some((head, after)) = rest.split_first_chunk::<5>() {
            assert_eq!(head[0], b'd');
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize - 4;
            file.extend_from_slice(&after[..length]);
            rest = &after[length..];
        }
        file
    }

    fn line(said: &str, text: Option<&str>, number: Option<i64>) -> String {
        String::from_utf8(file(said, &[(text, number)])).unwrap()
    }

    #[test]
    fn text_escapes_what_would_be_read_as_something_else() {
        for (said, text, expected) in [
            ("", Some("ä b"), "ä b\t7\n"),
            ("", Some(""), "\t7\n"),
            ("", None, "\\N\t7\n"),
            ("", Some("\\N"), "\\\\N\t7\n"),
            ("", Some("a\tb\nc\rd\\"), "a\\tb\\nc\\rd\\\\\t7\n"),
            ("(DELIMITER '|', NULL '')", Some("a|b\t"), "a\\|b\\t|7\n"),
            ("(DELIMITER '|', NULL '')", None, "|7\n"),
            ("(HEADER)", None, "a\tb c\n\\N\t7\n"),
        ] {
            assert_eq!(line(said, text, Some(7)), expected, "{said} {text:?}");
        }
    }

    #[test]
    fn csv_quotes_what_would_be_read_as_something_else() {
        for (said, text, expected) in [
            ("CSV", Some("ä b"), "ä b,7\n"),
            ("CSV", None, ",7\n"),
            ("CSV", Some(""), "\"\",7\n"),
            ("CSV", Some("a,b\"c\n"), "\"a,b\"\"c\n\",7\n"),
            ("CSV", Some("\\."), "\\.,7\n"),
            ("CSV NULL 'x'", Some("x"), "\"x\",7\n"),
            ("CSV NULL 'x'", None, "x,7\n"),
            ("CSV DELIMITER ';' HEADER", Some("a,b"), "a;b c\na,b;7\n"),
            ("(FORMAT csv, QUOTE '''', ESCAPE '\\')", Some("it's \\"), "'it\\'s \\\\',7\n"),
            ("(FORMAT csv, FORCE_QUOTE *)", Some("a"), "\"a\",\"7\"\n"),
            ("(FORMAT csv, FORCE_QUOTE (\"b c\"))", Some("a"), "a,\"7\"\n"),
        ] {
            assert_eq!(line(said, text, Some(7)), expected, "{said} {text:?}");
        }
        let options =
            Copy::parse("COPY t TO STDOUT (FORMAT csv, FORCE_QUOTE (d))").unwrap().options;
        assert!(CopyLayout::new(options.clone(), &["a"]).is_none());
        assert!(CopyLayout::new(options, &["d"]).is_some());
    }

    #[test]
    fn binary_has_a_signature_and_an_end() {
        let found = file("BINARY", &[(Some("ab"), None), (Some("ab"), None)]);
        let row = [0, 2, 0, 0, 0, 2, b'a', b'b', 0xff, 0xff, 0xff, 0xff];
        assert_eq!(found, [SIGNATURE, &row, &row, &[0xff, 0xff]].concat());
        assert_eq!(file("BINARY", &[]), [SIGNATURE, &[0xff, 0xff]].concat());
    }
}
