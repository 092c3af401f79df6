//! How many bytes the values of an array have.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, OffsetSizeTrait};
use datafusion::arrow::compute::cast;
use datafusion::arrow::compute::kernels::length::length;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;

/// The bytes of each value, about; null where the value is null.
pub(super) fn of(array: &ArrayRef) -> Result<Float64Array> {
    match array.data_type() {
        DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView => of_texts(array),
        DataType::List(_) => of_lists(array.as_list::<i32>()),
        DataType::LargeList(_) => of_lists(array.as_list::<i64>()),
        DataType::Struct(_) => of_structs(array),
        DataType::Dictionary(..) => of_dictionary(array),
        _ => average(array),
    }
}

/// All bytes together.
pub(super) fn sum(array: &ArrayRef) -> Result<f64> {
    Ok(of(array)?.iter().flatten().sum())
}

fn of_texts(array: &ArrayRef) -> Result<Float64Array> {
    let lengths = match array.data_type() {
        DataType::BinaryView => length(&cast(array, &DataType::LargeBinary)?)?,
        _ => length(array)?,
    };
    Ok(cast(&lengths, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

fn of_lists<O: OffsetSizeTrait>(
    array: &datafusion::arrow::array::GenericListArray<O>,
) -> Result<Float64Array> {
    let mut before = vec![0.0];
    let mut sum = 0.0;
    for bytes in &of(array.values())? {
        sum += bytes.unwrap_or(1.0);
        before.push(sum);
    }
    let up_to = |offset: &O| before.get(offset.as_usize()).copied().unwrap_or(sum);
    let offsets = array.value_offsets();
    let rows = offsets.iter().zip(offsets.iter().skip(1)).enumerate();
    Ok(rows.map(|(row, (from, to))| array.is_valid(row).then(|| up_to(to) - up_to(from))).collect())
}

fn of_structs(array: &ArrayRef) -> Result<Float64Array> {
    let mut sums = vec![0.0; array.len()];
    for column in array.as_struct().columns() {
        for (sum, bytes) in sums.iter_mut().zip(&of(column)?) {
            *sum += bytes.unwrap_or(0.0);
        }
    }
    Ok(sums.into_iter().map(Some).collect())
}

fn of_dictionary(array: &ArrayRef) -> Result<Float64Array> {
    let dictionary = array.as_any_dictionary();
    let values = of(dictionary.values())?;
    if values.is_empty() {
        return Ok(Float64Array::new_null(array.len()));
    }
    let keys = dictionary.normalized_keys().into_iter().enumerate();
    Ok(keys.map(|(row, key)| array.is_valid(row).then(|| values.value(key))).collect())
}

fn average(array: &ArrayRef) -> Result<Float64Array> {
    let rows = array.len();
    let bytes = array.to_data().get_slice_memory_size()?;
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let average = bytes as f64 / rows.max(1) as f64;
    Ok((0..rows).map(|row| array.is_valid(row).then_some(average.max(1.0))).collect())
}
