//! Views become plain texts and bytes: what a cast does, in fewer steps for each value.
//!
//! ```text
//! view: length (4) | text (12)                             short, copied whole
//! view: length (4) | prefix (4) | buffer (4) | offset (4)  long, copied from its buffer
//! ```

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, ByteView, GenericByteViewArray, StringArray,
};
use datafusion::arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::{ByteViewType, DataType};
use datafusion::arrow::error::ArrowError;

/// Bytes that a view itself can hold.
const SHORT_MAX: usize = 12;

/// The column as plain texts or bytes; `None` if it is not one of views.
///
/// # Errors
///
/// When all values together are too long for one array.
pub(super) fn plain(column: &ArrayRef, to: &DataType) -> Option<Result<ArrayRef, ArrowError>> {
    match (column.data_type(), to) {
        (DataType::Utf8View, DataType::Utf8) => Some(plain_texts(column)),
        (DataType::BinaryView, DataType::Binary) => Some(plain_bytes(column)),
        _ => None,
    }
}

fn plain_texts(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let (offsets, values, nulls) = parts(column.as_string_view())?;
    Ok(Arc::new(StringArray::try_new(offsets, values, nulls)?))
}

fn plain_bytes(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let (offsets, values, nulls) = parts(column.as_binary_view())?;
    Ok(Arc::new(BinaryArray::try_new(offsets, values, nulls)?))
}

/// What a plain array is made of.
type Parts = (OffsetBuffer<i32>, Buffer, Option<NullBuffer>);

fn parts<T: ByteViewType + ?Sized>(array: &GenericByteViewArray<T>) -> Result<Parts, ArrowError> {
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0).cloned();
    let offsets = offsets(array.views(), nulls.as_ref())?;
    let length = offsets.last().map_or(0, |last| *last as usize);
    // Room after the last value, so that a short one is always copied in one step.
    let mut values = vec![0; length + SHORT_MAX];
    let starts = offsets.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?)));
    for (view, (start, end)) in array.views().iter().zip(starts) {
        let (start, length) = (start as usize, (end - start) as usize);
        // A null has no length here, whatever its view says.
        let is_copied = match length {
            0 => true,
            1..=SHORT_MAX => copy_short(&mut values, start, *view),
            _ => copy_long(&mut values, start, *view, array.data_buffers()),
        };
        if !is_copied {
            let message = "a view points outside of its buffers";
            return Err(ArrowError::InvalidArgumentError(message.to_owned()));
        }
    }
    values.truncate(length);
    Ok((OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(values), nulls))
}

/// Where each value begins, and where the last one ends.
fn offsets(views: &[u128], nulls: Option<&NullBuffer>) -> Result<Vec<i32>, ArrowError> {
    let mut offsets = Vec::with_capacity(views.len() + 1);
    let mut end = 0u64;
    offsets.push(0);
    for (row, view) in views.iter().enumerate() {
        if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
            end += u64::from(*view as u32);
        }
        // Too large an end is found below: it never gets smaller.
        offsets.push(end as i32);
    }
    match i32::try_from(end) {
        Ok(_) => Ok(offsets),
        Err(_) => Err(ArrowError::OffsetOverflowError(end as usize)),
    }
}

fn copy_short(values: &mut [u8], start: usize, view: u128) -> bool {
    let bytes = view.to_le_bytes();
    let source = bytes.last_chunk::<SHORT_MAX>();
    let target = values.get_mut(start..).and_then(|rest| rest.first_chunk_mut::<SHORT_MAX>());
    let (Some(source), Some(target)) = (source, target) else { return false };
    *target = *source;
    true
}

fn copy_long(values: &mut [u8], start: usize, view: u128, buffers: &[Buffer]) -> bool {
    let view = ByteView::from(view);
    let (length, offset) = (view.length as usize, view.offset as usize);
    let source = buffers.get(view.buffer_index as usize);
    let source = source.and_then(|buffer| buffer.get(offset..offset.checked_add(length)?));
    let target = values.get_mut(start..start + length);
    let (Some(source), Some(target)) = (source, target) else { return false };
    target.copy_from_slice(source);
    true
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{BinaryViewArray, StringViewArray};
    use datafusion::arrow::compute::cast;

    use super::*;

    fn texts() -> Vec<Option<String>> {
        let lengths = [0, 1, 11, 12, 13, 14, 300, 12, 0, 12];
        let text = |(row, length): (usize, usize)| (row % 4 != 3).then(|| "ä".repeat(length / 2));
        let mut texts: Vec<Option<String>> = lengths.into_iter().enumerate().map(text).collect();
        texts.push(Some("x".repeat(12)));
        texts
    }

    #[test]
    fn views_have_the_values_of_a_cast() {
        let array = StringViewArray::from_iter(texts());
        let bytes = BinaryViewArray::from_iter(texts());
        let columns: [(ArrayRef, DataType); 2] =
            [(Arc::new(array), DataType::Utf8), (Arc::new(bytes), DataType::Binary)];
        for (column, to) in columns {
            for (start, rows) in [(0, 11), (3, 5), (2, 1), (5, 0)] {
                let slice = column.slice(start, rows);
                let plain = plain(&slice, &to).unwrap().unwrap();
                assert_eq!(&plain, &cast(&slice, &to).unwrap(), "{to} {start} {rows}");
                plain.to_data().validate_full().unwrap();
            }
        }
    }

    #[test]
    fn value_behind_a_null_is_not_sent() {
        let array = StringViewArray::from_iter_values(["secret of somebody", "short", "seen"]);
        let (views, buffers, _) = array.into_parts();
        let nulls = NullBuffer::from(vec![false, false, true]);
        let column: ArrayRef = Arc::new(StringViewArray::new(views, buffers, Some(nulls)));
        let plain = plain(&column, &DataType::Utf8).unwrap().unwrap();
        assert_eq!(plain.as_string::<i32>().values().as_slice(), b"seen");
        assert_eq!(plain.null_count(), 2);
    }

    #[test]
    fn values_that_are_too_long_for_one_array_are_refused() {
        let views = vec![u128::from(u32::MAX); 2];
        assert!(offsets(&views, None).is_err());
        assert!(offsets(&views, Some(&NullBuffer::new_null(2))).is_ok());
    }
}
