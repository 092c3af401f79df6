//! What PostgreSQL has no type for, as JSON.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, StringBuilder};
use datafusion::arrow::datatypes::Field;
use datafusion::arrow::json::EncoderOptions;
use datafusion::arrow::json::writer::make_encoder;
use samite_engine::{Error, ErrorKind, Result};

use super::no_place;

/// The JSON text of each value; NULL stays NULL.
///
/// # Errors
///
/// When the type has no form in JSON.
pub(super) fn texts(array: &ArrayRef) -> Result<ArrayRef> {
    let field = Arc::new(Field::new("value", array.data_type().clone(), true));
    let options = EncoderOptions::default().with_explicit_nulls(true);
    let mut encoder = make_encoder(&field, array.as_ref(), &options).map_err(|error| {
        Error::new(
            ErrorKind::Unsupported,
            format!("a column of the type {} has no form in JSON", array.data_type()),
        )
        .with_hint("connect with Arrow Flight SQL")
        .with_source(error)
    })?;
    let mut texts = StringBuilder::with_capacity(array.len(), 0);
    let mut bytes = Vec::new();
    for row in 0..array.len() {
        if array.is_null(row) {
            texts.append_null();
            continue;
        }
        bytes.clear();
        encoder.encode(row, &mut bytes);
        texts.append_value(std::str::from_utf8(&bytes).map_err(no_place)?);
    }
    Ok(Arc::new(texts.finish()))
}
