//! Values of Arrow as PostgreSQL writes them, as text and in binary.
//!
//! ```text
//! ArrayRef ─cast─▶ the one array type of its kind ─▶ text │ binary ─▶ bytes of a row
//! ```
//!
//! What has no place in PostgreSQL's types is an error and never NULL: a date in the year 300 000,
//! a text with a zero character.

mod arrays;
mod binary;
mod copy;
mod json;
mod numeric;
mod text;
mod time;

use bytes::{BufMut, BytesMut};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType};
use samite_engine::{Error, ErrorKind, Result};

use crate::kind::Kind;
pub(crate) use arrays::items_of_text;
pub(crate) use copy::CopyLayout;
pub(crate) use numeric::{numeric_of_binary, numeric_of_text};
pub(crate) use time::Zone;

/// Casts that fail do so: they never give NULL.
const STRICT: CastOptions<'static> = CastOptions {
    safe: false,
    format_options: datafusion::arrow::util::display::FormatOptions::new(),
};

/// How the values of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Binary,
}

/// The values of one column of one batch, ready to be written.
#[derive(Debug)]
pub(crate) struct Values {
    kind: Kind,
    format: Format,
    zone: Zone,
    array: ArrayRef,
    nulls: Option<NullBuffer>,
}

impl Values {
    /// Gets the values of a column ready.
    ///
    /// # Errors
    ///
    /// When one of them has no place in the type of PostgreSQL.
    pub(crate) fn new(array: &ArrayRef, kind: &Kind, format: Format, zone: Zone) -> Result<Self> {
        let normal = kind.normal(array.data_type());
        let array = cast_with_options(array, &normal, &STRICT).map_err(no_place)?;
        let array = match kind {
            Kind::Json => json::texts(&array)?,
            _ => array,
        };
        let nulls = array.logical_nulls();
        Ok(Self { kind: kind.clone(), format, zone, array, nulls })
    }

    /// Writes what follows in another format.
    pub(crate) fn set_format(&mut self, format: Format) {
        self.format = format;
    }

    /// Writes one value with its length; -1 for NULL.
    ///
    /// # Errors
    ///
    /// When it has no place in the type of PostgreSQL.
    pub(crate) fn write(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        if self.is_null(row) {
            out.put_i32(-1);
            return Ok(());
        }
        measured(out, |out| self.write_bare(row, out))
    }

    fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// Writes one value that is not NULL, without its length.
    fn write_bare(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        if let Kind::Array(item) | Kind::Vector(item) = &self.kind {
            let list = self.array.as_list_opt::<i32>().ok_or_else(unexpected)?.value(row);
            let items = Self::new(&list, item, self.format, self.zone)?;
            return match (self.format, &self.kind) {
                (Format::Text, Kind::Vector(_)) => arrays::vector(&items, out),
                (Format::Text, _) => arrays::text(&items, out),
                (Format::Binary, Kind::Vector(_)) => arrays::binary(&items, (item.oid(), 0), out),
                (Format::Binary, _) => arrays::binary(&items, (item.oid(), 1), out),
            };
        }
        match self.format {
            Format::Text => self.write_text(row, out),
            Format::Binary => self.write_binary(row, out),
        }
    }

    /// The value of a column of numbers.
    fn number<T: ArrowPrimitiveType>(&self, row: usize) -> Result<T::Native> {
        Ok(self.numbers::<T>()?.value(row))
    }

    fn numbers<T: ArrowPrimitiveType>(&self) -> Result<&PrimitiveArray<T>> {
        self.array.as_primitive_opt::<T>().ok_or_else(unexpected)
    }

    fn bool(&self, row: usize) -> Result<bool> {
        Ok(self.array.as_boolean_opt().ok_or_else(unexpected)?.value(row))
    }

    /// The value of a column of texts, without a zero character: C programs would cut it there.
    fn str(&self, row: usize) -> Result<&str> {
        let text = match self.array.data_type() {
            DataType::Utf8View => self.array.as_string_view_opt().map(|texts| texts.value(row)),
            DataType::LargeUtf8 => self.array.as_string_opt::<i64>().map(|texts| texts.value(row)),
            _ => self.array.as_string_opt::<i32>().map(|texts| texts.value(row)),
        };
        let text = text.ok_or_else(unexpected)?;
        if text.contains('\0') {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a text holds a zero character, which PostgreSQL clients cannot read",
            )
            .with_hint("connect with Arrow Flight SQL, or take it out: replace(x, chr(0), '')"));
        }
        Ok(text)
    }

    fn bytes(&self, row: usize) -> Result<&[u8]> {
        let bytes = match self.array.data_type() {
            DataType::BinaryView => self.array.as_binary_view_opt().map(|bytes| bytes.value(row)),
            DataType::LargeBinary => {
                self.array.as_binary_opt::<i64>().map(|bytes| bytes.value(row))
            }
            _ => self.array.as_binary_opt::<i32>().map(|bytes| bytes.value(row)),
        };
        bytes.ok_or_else(unexpected)
    }
}

/// Writes one row as a message of its own (`DataRow`).
///
/// # Errors
///
/// When a value has no place in its type, or the row is longer than a message can be.
pub(crate) fn write_row(columns: &[Values], row: usize, out: &mut BytesMut) -> Result<()> {
    message(b'D', out, |out| write_fields(columns, row, out))
}

/// Writes the number of values of one row, and each with its length.
fn write_fields(columns: &[Values], row: usize, out: &mut BytesMut) -> Result<()> {
    out.put_i16(i16::try_from(columns.len()).map_err(|_| too_long())?);
    columns.iter().try_for_each(|column| column.write(row, out))
}

/// Writes a message of what `write` does.
fn message(
    kind: u8,
    out: &mut BytesMut,
    write: impl FnOnce(&mut BytesMut) -> Result<()>,
) -> Result<()> {
    out.put_u8(kind);
    let start = out.len();
    out.put_i32(0);
    write(out)?;
    // The length of a message counts itself.
    set_length(out, start, 0)
}

/// Writes what `write` does, with its length before it.
fn measured(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut) -> Result<()>) -> Result<()> {
    let start = out.len();
    out.put_i32(0);
    write(out)?;
    set_length(out, start, size_of::<i32>())
}

/// Writes the length of what follows `start` there, less `left_out`.
fn set_length(out: &mut BytesMut, start: usize, left_out: usize) -> Result<()> {
    let length = i32::try_from(out.len() - start - left_out).map_err(|_| too_long())?;
    let place = out.get_mut(start..start + size_of::<i32>()).ok_or_else(unexpected)?;
    place.copy_from_slice(&length.to_be_bytes());
    Ok(())
}

fn too_long() -> Error {
    Error::new(ErrorKind::ResourcesExhausted, "a row is longer than PostgreSQL's protocol allows")
        .with_hint("select fewer columns, or connect with Arrow Flight SQL")
}

fn no_place(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Unsupported, "a value does not fit into the type of PostgreSQL")
        .with_hint("connect with Arrow Flight SQL, or cast the column to text")
        .with_source(error)
}

fn unexpected() -> Error {
    Error::new(ErrorKind::Internal, "a column does not have the type that it was brought to")
}

#[cfg(test)]
mod tests;
