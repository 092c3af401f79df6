//! The values that nested fields have where a file lacks them, carried as metadata of the fields.
//!
//! A column's own is [`SnapshotColumn::when_missing`](super::SnapshotColumn::when_missing); a field
//! within a struct, at any depth, has no other place for it than its Arrow field.

use datafusion::arrow::datatypes::Field;
use datafusion::scalar::ScalarValue;
use datafusion_proto::protobuf;
use prost::Message;
use samite_engine::{Error, ErrorKind, Result};

/// The metadata key of a value, as a JSON list of the bytes of its encoding.
const WHEN_MISSING: &str = "samite.when_missing";

/// What the scan is told of the value of a nested field that a file lacks, as metadata of the field.
///
/// # Errors
///
/// When the value has no encoding.
pub(crate) fn when_missing(value: &ScalarValue) -> Result<(String, String)> {
    let unencoded = || Error::new(ErrorKind::Internal, "a default value cannot be encoded");
    let encoded = protobuf::ScalarValue::try_from(value).map_err(|_| unencoded())?;
    let text = serde_json::to_string(&encoded.encode_to_vec()).map_err(|_| unencoded())?;
    Ok((WHEN_MISSING.to_owned(), text))
}

/// The value of `field` in a file that lacks it; `None` if it is NULL there.
///
/// # Errors
///
/// When the metadata is no value, or the value is not of the field's type.
pub(crate) fn value_when_missing(field: &Field) -> Result<Option<ScalarValue>> {
    let Some(text) = field.metadata().get(WHEN_MISSING) else { return Ok(None) };
    let broken = || {
        Error::new(
            ErrorKind::Internal,
            format!("the default value of field \"{}\" cannot be read", field.name()),
        )
    };
    let bytes: Vec<u8> = serde_json::from_str(text).map_err(|_| broken())?;
    let encoded = protobuf::ScalarValue::decode(bytes.as_slice()).map_err(|_| broken())?;
    let value = ScalarValue::try_from(&encoded).map_err(|_| broken())?;
    Ok(Some(value.cast_to(field.data_type()).map_err(|_| broken())?))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::DataType;

    use super::*;

    #[test]
    fn value_reads_back() {
        for value in [
            ScalarValue::from("ä \"quoted\""),
            ScalarValue::FixedSizeBinary(2, Some(vec![0, 0xFF])),
            ScalarValue::Decimal128(Some(-150), 9, 2),
            ScalarValue::TimestampNanosecond(Some(1), Some("UTC".into())),
            ScalarValue::Boolean(Some(true)),
        ] {
            let metadata = [when_missing(&value).unwrap()].into();
            let field = Field::new("x", value.data_type(), true).with_metadata(metadata);
            assert_eq!(value_when_missing(&field).unwrap(), Some(value));
        }
        assert_eq!(value_when_missing(&Field::new("x", DataType::Int8, true)).unwrap(), None);
        let damaged = [(WHEN_MISSING.to_owned(), "[1".to_owned())].into();
        let field = Field::new("x", DataType::Int8, true).with_metadata(damaged);
        assert!(value_when_missing(&field).is_err());
    }
}
