//! What the rows of a column take as values of their own.
//!
//! A few bytes on the wire may stand for many: views and lists may point to the same text again and
//! again, a dictionary names it once, and nulls take nothing at all.

use datafusion::arrow::array::{Array, AsArray, RunArray, UnionArray};
use datafusion::arrow::datatypes::{DataType, Int16Type, Int32Type, Int64Type, RunEndIndexType};
use datafusion::arrow::error::ArrowError;

/// A value without what it points to, in bytes.
const CELL_BYTES: usize = 64;

/// Each array inside a value with its bookkeeping, in bytes.
const ARRAY_BYTES: usize = 512;

/// What all rows of a column take as values, in bytes.
///
/// # Errors
///
/// When the type of the column cannot be a parameter.
pub(super) fn value_bytes(column: &dyn Array) -> Result<usize, ArrowError> {
    let cell = match arrays(column.data_type()) {
        0 => CELL_BYTES,
        arrays => CELL_BYTES.saturating_add(arrays.saturating_mul(ARRAY_BYTES)),
    };
    let sizes = match column.data_type() {
        DataType::RunEndEncoded(..) => Sizes::of_runs(column)?,
        _ => Sizes::of(column)?,
    };
    let content = sizes.range(0, column.len());
    Ok(column.len().saturating_mul(cell).saturating_add(content))
}

/// The arrays that one value of this type is made of; none if it is no array.
fn arrays(data_type: &DataType) -> usize {
    let with = |child: &DataType| 1 + arrays(child).max(1);
    match data_type {
        DataType::List(child)
        | DataType::LargeList(child)
        | DataType::ListView(child)
        | DataType::LargeListView(child)
        | DataType::FixedSizeList(child, _)
        | DataType::Map(child, _) => with(child.data_type()),
        DataType::Struct(fields) => {
            1 + fields.iter().map(|field| arrays(field.data_type()).max(1)).sum::<usize>()
        }
        DataType::Union(fields, _) => {
            fields.iter().map(|(_, field)| arrays(field.data_type())).max().unwrap_or(0)
        }
        DataType::Dictionary(_, value) => arrays(value),
        DataType::RunEndEncoded(_, values) => arrays(values.data_type()),
        _ => 0,
    }
}

/// What each value of an array points to, in bytes.
enum Sizes {
    /// The same for all.
    Same(usize),
    /// What all values before each one take, and all of them.
    Sums(Vec<usize>),
}

impl Sizes {
    fn of(array: &dyn Array) -> Result<Self, ArrowError> {
        Ok(match array.data_type() {
            DataType::Utf8 => Self::summed(lengths(array.as_string::<i32>().value_offsets())),
            DataType::Binary => Self::summed(lengths(array.as_binary::<i32>().value_offsets())),
            DataType::LargeUtf8 => Self::summed(lengths(array.as_string::<i64>().value_offsets())),
            DataType::LargeBinary => {
                Self::summed(lengths(array.as_binary::<i64>().value_offsets()))
            }
            DataType::Utf8View => Self::summed(array.as_string_view().lengths().map(size)),
            DataType::BinaryView => Self::summed(array.as_binary_view().lengths().map(size)),
            DataType::FixedSizeBinary(width) => Self::Same(size(*width)),
            DataType::Dictionary(..) => Self::of_dictionary(array)?,
            DataType::Union(..) => Self::of_union(array.as_union())?,
            // Inside another array a few runs may stand for any number of rows.
            DataType::RunEndEncoded(..) => return Err(no_parameter(array.data_type())),
            data_type if data_type.is_nested() => Self::of_nested(array)?,
            data_type => Self::Same(data_type.primitive_width().unwrap_or(1)),
        })
    }

    fn of_nested(array: &dyn Array) -> Result<Self, ArrowError> {
        match array.data_type() {
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                Self::of_lists(list.values(), pairs(list.value_offsets()))
            }
            DataType::LargeList(_) => {
                let list = array.as_list::<i64>();
                Self::of_lists(list.values(), pairs(list.value_offsets()))
            }
            DataType::Map(..) => {
                let map = array.as_map();
                Self::of_lists(map.entries(), pairs(map.value_offsets()))
            }
            DataType::FixedSizeList(_, width) => {
                let list = array.as_fixed_size_list();
                let width = size(*width);
                Ok(match Self::of(list.values())? {
                    Self::Same(bytes) => Self::Same(bytes.saturating_mul(width)),
                    sums @ Self::Sums(_) => {
                        Self::summed((0..array.len()).map(|row| sums.range(row * width, width)))
                    }
                })
            }
            DataType::ListView(_) => {
                let list = array.as_list_view::<i32>();
                Self::of_lists(list.values(), ranges(list.value_offsets(), list.value_sizes()))
            }
            DataType::LargeListView(_) => {
                let list = array.as_list_view::<i64>();
                Self::of_lists(list.values(), ranges(list.value_offsets(), list.value_sizes()))
            }
            DataType::Struct(_) => Self::of_struct(array),
            other => Err(no_parameter(other)),
        }
    }

    fn of_struct(array: &dyn Array) -> Result<Self, ArrowError> {
        let (mut same, mut sums) = (0usize, Vec::new());
        for column in array.as_struct().columns() {
            match Self::of(column)? {
                Self::Same(bytes) => same = same.saturating_add(bytes),
                each @ Self::Sums(_) => sums.push(each),
            }
        }
        if sums.is_empty() {
            return Ok(Self::Same(same.max(1)));
        }
        let row =
            |row| sums.iter().map(|each| each.range(row, 1)).fold(same, usize::saturating_add);
        Ok(Self::summed((0..array.len()).map(row)))
    }

    fn of_lists(
        values: &dyn Array,
        ranges: impl Iterator<Item = (usize, usize)>,
    ) -> Result<Self, ArrowError> {
        let values = Self::of(values)?;
        Ok(Self::summed(ranges.map(|(start, count)| values.range(start, count))))
    }

    fn of_dictionary(array: &dyn Array) -> Result<Self, ArrowError> {
        let dictionary = array.as_any_dictionary();
        let values = Self::of(dictionary.values().as_ref())?;
        if dictionary.values().is_empty() {
            return Ok(Self::Same(0));
        }
        let keys = dictionary.normalized_keys().into_iter().enumerate();
        let is_null = |row| dictionary.keys().is_null(row);
        Ok(Self::summed(keys.map(|(row, key)| if is_null(row) { 0 } else { values.range(key, 1) })))
    }

    fn of_runs(array: &dyn Array) -> Result<Self, ArrowError> {
        let found = Self::of_runs_by::<Int16Type>(array);
        let found = found.or_else(|| Self::of_runs_by::<Int32Type>(array));
        let found = found.or_else(|| Self::of_runs_by::<Int64Type>(array));
        found.unwrap_or_else(|| Err(no_parameter(array.data_type())))
    }

    fn of_runs_by<T: RunEndIndexType>(array: &dyn Array) -> Option<Result<Self, ArrowError>> {
        let runs = array.as_any().downcast_ref::<RunArray<T>>()?;
        let row = |values: &Self, row| values.range(runs.get_physical_index(row), 1);
        let values = Self::of(runs.values().as_ref());
        Some(values.map(|values| Self::summed((0..runs.len()).map(|at| row(&values, at)))))
    }

    fn of_union(union: &UnionArray) -> Result<Self, ArrowError> {
        let mut members = std::collections::HashMap::new();
        for (id, _) in union.fields().iter() {
            members.insert(id, Self::of(union.child(id))?);
        }
        let row = |row| {
            let member = members.get(&union.type_id(row));
            member.map_or(0, |member| member.range(union.value_offset(row), 1))
        };
        Ok(Self::summed((0..union.len()).map(row)))
    }

    fn summed(sizes: impl Iterator<Item = usize>) -> Self {
        let mut sum = 0usize;
        let sums = sizes.map(|bytes| {
            sum = sum.saturating_add(bytes);
            sum
        });
        Self::Sums(std::iter::once(0).chain(sums).collect())
    }

    /// What `count` values from `start` on point to.
    fn range(&self, start: usize, count: usize) -> usize {
        match self {
            Self::Same(bytes) => bytes.saturating_mul(count),
            Self::Sums(sums) => {
                let before = sums.get(start).copied().unwrap_or(0);
                let all = sums.get(start.saturating_add(count)).or(sums.last());
                all.copied().unwrap_or(0).saturating_sub(before)
            }
        }
    }
}

fn lengths<T: Copy + TryInto<usize>>(offsets: &[T]) -> impl Iterator<Item = usize> {
    pairs(offsets).map(|(_, length)| length)
}

/// Where each range begins, and how long it is.
fn pairs<T: Copy + TryInto<usize>>(offsets: &[T]) -> impl Iterator<Item = (usize, usize)> {
    offsets.windows(2).filter_map(|pair| {
        let (start, end) = (size(*pair.first()?), size(*pair.last()?));
        Some((start, end.saturating_sub(start)))
    })
}

/// The ranges of a list of views.
fn ranges<T: Copy + TryInto<usize>>(
    offsets: &[T],
    sizes: &[T],
) -> impl Iterator<Item = (usize, usize)> {
    offsets.iter().zip(sizes).map(|(offset, count)| (size(*offset), size(*count)))
}

fn no_parameter(data_type: &DataType) -> ArrowError {
    ArrowError::NotYetImplemented(format!("parameters of type {data_type}"))
}

fn size<T: TryInto<usize>>(number: T) -> usize {
    number.try_into().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::*;
    use datafusion::arrow::buffer::OffsetBuffer;
    use datafusion::arrow::datatypes::{Field, Int8Type};

    use super::*;

    const LONG: usize = 1 << 20;

    fn content(array: &dyn Array) -> usize {
        Sizes::of(array).unwrap().range(0, array.len())
    }

    /// Views that all point to one long text.
    fn views(count: usize) -> StringViewArray {
        let mut builder = StringViewBuilder::new();
        let block = builder.append_block("x".repeat(LONG).into_bytes().into());
        for _ in 0..count {
            builder.try_append_view(block, 0, LONG as u32).unwrap();
        }
        builder.finish()
    }

    fn list(values: ArrayRef, offsets: Vec<i32>) -> ListArray {
        let field = Arc::new(Field::new("item", values.data_type().clone(), true));
        ListArray::new(field, OffsetBuffer::new(offsets.into()), values, None)
    }

    #[test]
    fn text_counts_as_often_as_it_is_named() {
        assert_eq!(content(&views(1000)), 1000 * LONG);
        let keys = Int8Array::from(vec![Some(0), Some(1), None, Some(1)]);
        let values = StringArray::from(vec!["", "four"]);
        let dictionary = DictionaryArray::<Int8Type>::new(keys, Arc::new(values));
        assert_eq!(content(&dictionary), 8);
        let keys = Int8Array::from(vec![0; 100]);
        let dictionary = DictionaryArray::<Int8Type>::new(keys, Arc::new(views(1)));
        assert_eq!(content(&dictionary), 100 * LONG);
        let ends = Int32Array::from(vec![7, 9]);
        let values = StringArray::from(vec!["one", "seven"]);
        let runs = RunArray::<Int32Type>::try_new(&ends, &values).unwrap();
        assert_eq!(value_bytes(&runs).unwrap(), 9 * CELL_BYTES + 7 * 3 + 2 * 5);
        assert_eq!(content(&list(Arc::new(views(10)), vec![0, 4, 4, 10])), 10 * LONG);
        let fields = vec![Arc::new(Field::new("a", DataType::Utf8View, true))].into();
        let rows = StructArray::new(fields, vec![Arc::new(views(3))], None);
        assert_eq!(content(&rows), 3 * LONG);
    }

    #[test]
    fn slice_counts_its_own_rows() {
        let texts = StringArray::from(vec!["one", "three", "seven"]);
        assert_eq!(content(&texts.slice(1, 1)), 5);
        let lists = list(Arc::new(texts), vec![0, 1, 3]);
        assert_eq!(content(&lists.slice(1, 1)), 10);
    }

    #[test]
    fn nulls_and_empty_rows_count_as_cells() {
        assert!(value_bytes(&NullArray::new(10_000)).unwrap() >= 10_000 * CELL_BYTES);
        let huge = list(Arc::new(NullArray::new(i32::MAX as usize)), vec![0, i32::MAX]);
        assert!(value_bytes(&huge).unwrap() >= i32::MAX as usize);
        assert!(value_bytes(&huge.slice(0, 0)).unwrap() == 0);
    }
}
