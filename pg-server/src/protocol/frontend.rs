//! What a client says once it is known.

use std::io;

use bytes::Bytes;

use super::fields::{Fields, broken};

/// One message of a client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frontend {
    /// Statements to run, as text.
    Query(String),
    /// A statement to prepare.
    Parse(Parse),
    /// Values for a prepared statement.
    Bind(Bind),
    /// Asks for the columns and parameters of something.
    Describe(Target),
    /// Runs a portal, for so many rows at most; 0 for all.
    Execute {
        /// The name of the portal.
        portal: String,
        /// The rows.
        rows_max: usize,
    },
    /// Forgets something.
    Close(Target),
    /// Asks for what was answered so far.
    Flush,
    /// Ends a group of messages.
    Sync,
    /// A password.
    Password(Bytes),
    /// Data of a COPY, which nobody asked for.
    Copy,
    /// Calls a function by its number.
    FunctionCall,
    /// The client leaves.
    Terminate,
}

/// A statement to prepare.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parse {
    /// Its name; empty for the unnamed one.
    pub(crate) name: String,
    /// The text.
    pub(crate) sql: String,
    /// The types of its parameters, 0 where the client does not say.
    pub(crate) types: Vec<u32>,
}

/// Values for a prepared statement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bind {
    /// The name of what is made; empty for the unnamed one.
    pub(crate) portal: String,
    /// The name of the statement.
    pub(crate) statement: String,
    /// The formats of the values: none for text, one for all, or one for each.
    pub(crate) value_formats: Vec<i16>,
    /// The values; `None` for NULL.
    pub(crate) values: Vec<Option<Bytes>>,
    /// The formats of the columns of the answer.
    pub(crate) result_formats: Vec<i16>,
}

/// What is described or forgotten.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A prepared statement.
    Statement(String),
    /// A portal.
    Portal(String),
}

impl Frontend {
    /// Reads one message.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub(super) fn parse(kind: u8, body: Bytes) -> io::Result<Self> {
        let mut fields = Fields::new(body);
        let message = match kind {
            b'Q' => Self::Query(fields.text()?),
            b'P' => Self::Parse(Parse::read(&mut fields)?),
            b'B' => Self::Bind(Bind::read(&mut fields)?),
            b'D' => Self::Describe(Target::read(&mut fields)?),
            b'E' => Self::Execute {
                portal: fields.text()?,
                rows_max: usize::try_from(fields.number_32()?).unwrap_or_default(),
            },
            b'C' => Self::Close(Target::read(&mut fields)?),
            b'H' => Self::Flush,
            b'S' => Self::Sync,
            b'X' => Self::Terminate,
            b'p' => Self::Password(fields.rest()),
            b'd' | b'c' | b'f' => {
                fields.rest();
                Self::Copy
            }
            b'F' => {
                fields.rest();
                Self::FunctionCall
            }
            _ => return Err(broken("a message has no such type")),
        };
        if fields.is_empty() {
            Ok(message)
        } else {
            Err(broken("a message is longer than its fields"))
        }
    }
}

impl Parse {
    fn read(fields: &mut Fields) -> io::Result<Self> {
        let (name, sql) = (fields.text()?, fields.text()?);
        let count = fields.count(4)?;
        let types = (0..count)
            .map(|_| Ok(u32::from_be_bytes(fields.number_32()?.to_be_bytes())))
            .collect::<io::Result<_>>()?;
        Ok(Self { name, sql, types })
    }
}

impl Bind {
    fn read(fields: &mut Fields) -> io::Result<Self> {
        let (portal, statement) = (fields.text()?, fields.text()?);
        let value_formats = formats(fields)?;
        let count = fields.count(4)?;
        let mut values = Vec::with_capacity(count);
        for _ in 0..count {
            values.push(match fields.number_32()? {
                -1 => None,
                length => Some(fields.bytes(
                    usize::try_from(length).map_err(|_| broken("a value has no such length"))?,
                )?),
            });
        }
        let result_formats = formats(fields)?;
        Ok(Self { portal, statement, value_formats, values, result_formats })
    }
}

fn formats(fields: &mut Fields) -> io::Result<Vec<i16>> {
    let count = fields.count(2)?;
    (0..count).map(|_| fields.number_16()).collect()
}

impl Target {
    fn read(fields: &mut Fields) -> io::Result<Self> {
        let kind = fields.byte()?;
        let name = fields.text()?;
        match kind {
            b'S' => Ok(Self::Statement(name)),
            b'P' => Ok(Self::Portal(name)),
            _ => Err(broken("only statements and portals have names")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: u8, body: &[u8]) -> Option<Frontend> {
        Frontend::parse(kind, Bytes::copy_from_slice(body)).ok()
    }

    #[test]
    fn message_is_read_in_full() {
        assert_eq!(parse(b'Q', b"SELECT 1\0"), Some(Frontend::Query("SELECT 1".to_owned())));
        let message = parse(b'P', b"s\0SELECT $1\0\0\x01\0\0\0\x17");
        let (name, sql) = ("s".to_owned(), "SELECT $1".to_owned());
        assert_eq!(message, Some(Frontend::Parse(Parse { name, sql, types: vec![23] })));
        let message = parse(b'B', b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x02ab\xff\xff\xff\xff\0\0");
        let bind = Bind {
            portal: "p".to_owned(),
            statement: "s".to_owned(),
            value_formats: vec![1],
            values: vec![Some(Bytes::from_static(b"ab")), None],
            result_formats: vec![],
        };
        assert_eq!(message, Some(Frontend::Bind(bind)));
        let execute = Frontend::Execute { portal: "p".to_owned(), rows_max: 5 };
        assert_eq!(parse(b'E', b"p\0\0\0\0\x05"), Some(execute));
        let all = Frontend::Execute { portal: String::new(), rows_max: 0 };
        assert_eq!(parse(b'E', b"\0\xff\xff\xff\xff"), Some(all));
        let target = Frontend::Close(Target::Statement("s".to_owned()));
        assert_eq!(parse(b'C', b"Ss\0"), Some(target));
    }

    #[test]
    fn message_that_is_too_short_or_too_long_is_none() {
        for (kind, body) in [
            (b'Q', &b"SELECT 1"[..]),
            (b'Q', b"SELECT '\xff'\0"),
            (b'Q', b"SELECT 1\0SELECT 2\0"),
            (b'P', b"s\0SELECT 1\0\xff\xff"),
            (b'P', b"s\0SELECT 1\0"),
            (b'B', b"p\0s\0\0\0\0\x01\x7f\xff\xff\xff\0\0"),
            (b'B', b"p\0s\0\0\0\0\x01\xff\xff\xff\xfe\0\0"),
            (b'B', b"p\0s\0\0\0\xff\xff"),
            (b'E', b"p\0\0\0"),
            (b'D', b"Xs\0"),
            (b'D', b""),
            (b'S', b"x"),
            (b'?', b""),
        ] {
            assert_eq!(parse(kind, body), None, "{kind} {body:?}");
        }
    }
}
