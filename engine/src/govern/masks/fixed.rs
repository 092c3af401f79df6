//! One value for all rows, whatever they hold.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, DictionaryArray, FixedSizeListArray, GenericListArray, GenericListViewArray,
    LargeStringArray, MapArray, OffsetSizeTrait, PrimitiveArray, StringArray, StringViewArray,
    StructArray, new_empty_array, new_null_array,
};
use datafusion::arrow::buffer::{OffsetBuffer, ScalarBuffer};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, Fields, Int32Type};
use datafusion::common::Result as DataFusionResult;
use datafusion::error::DataFusionError;
use datafusion::scalar::ScalarValue;

/// What every text becomes.
const TEXT: &str = concat!("XX", "XX", "XX", "XX");

/// As many fixed values of a type: NULL only where the type has nothing else.
pub(super) fn values(data_type: &DataType, rows: usize) -> ArrayRef {
    fixed(data_type, rows).unwrap_or_else(|_| new_null_array(data_type, rows))
}

fn fixed(data_type: &DataType, rows: usize) -> DataFusionResult<ArrayRef> {
    Ok(match data_type {
        DataType::Utf8 => Arc::new(StringArray::from_iter_values(texts(rows))),
        DataType::LargeUtf8 => Arc::new(LargeStringArray::from_iter_values(texts(rows))),
        DataType::Utf8View => Arc::new(StringViewArray::from_iter_values(texts(rows))),
        DataType::Dictionary(_, values) => {
            let keys = PrimitiveArray::<Int32Type>::from_value(0, rows);
            let dictionary = DictionaryArray::try_new(keys, fixed(values, 1)?)?;
            cast(&dictionary, data_type)?
        }
        DataType::Struct(fields) => structs(fields, rows)?,
        DataType::FixedSizeList(item, size) => {
            let items = usize::try_from(*size).ok().and_then(|size| size.checked_mul(rows));
            let items = items.ok_or_else(|| unfit(data_type))?;
            let items = fixed(item.data_type(), items)?;
            let item = Arc::clone(item);
            Arc::new(FixedSizeListArray::try_new_with_length(item, *size, items, None, rows)?)
        }
        DataType::List(item) => lists::<i32>(item, rows)?,
        DataType::LargeList(item) => lists::<i64>(item, rows)?,
        DataType::ListView(item) => views::<i32>(item, rows)?,
        DataType::LargeListView(item) => views::<i64>(item, rows)?,
        DataType::Map(entries, is_sorted) => {
            let none = new_empty_array(entries.data_type());
            let none = none.as_struct_opt().cloned().ok_or_else(|| unfit(data_type))?;
            let offsets = OffsetBuffer::new_zeroed(rows);
            Arc::new(MapArray::try_new(Arc::clone(entries), offsets, none, None, *is_sorted)?)
        }
        other => ScalarValue::new_default(other)?.to_array_of_size(rows)?,
    })
}

fn unfit(data_type: &DataType) -> DataFusionError {
    DataFusionError::Internal(format!("there is no fixed value of type {data_type}"))
}

fn texts(rows: usize) -> impl Iterator<Item = &'static str> {
    std::iter::repeat_n(TEXT, rows)
}

fn structs(fields: &Fields, rows: usize) -> DataFusionResult<ArrayRef> {
    let columns: DataFusionResult<Vec<ArrayRef>> =
        fields.iter().map(|field| fixed(field.data_type(), rows)).collect();
    let structs = StructArray::try_new_with_length(fields.clone(), columns?, None, rows)?;
    Ok(Arc::new(structs))
}

fn lists<O: OffsetSizeTrait>(item: &FieldRef, rows: usize) -> DataFusionResult<ArrayRef> {
    let none = new_empty_array(item.data_type());
    let offsets = OffsetBuffer::<O>::new_zeroed(rows);
    Ok(Arc::new(GenericListArray::<O>::try_new(Arc::clone(item), offsets, none, None)?))
}

fn views<O: OffsetSizeTrait>(item: &FieldRef, rows: usize) -> DataFusionResult<ArrayRef> {
    let none = new_empty_array(item.data_type());
    let zeros = || ScalarBuffer::from(vec![O::usize_as(0); rows]);
    let item = Arc::clone(item);
    Ok(Arc::new(GenericListViewArray::<O>::try_new(item, zeros(), zeros(), none, None)?))
}
