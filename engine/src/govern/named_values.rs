//! Takes the values that no row has out of the dictionaries of a column.
//!
//! A filter leaves a dictionary as it is, with the values of rows that are hidden. What is asked of such
//! a column is asked of each value of its dictionary: a cast would fail on one that is hidden, and say it.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayData, ArrayRef, AsArray, UInt32Array, make_array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;

/// The same column, whose dictionaries hold nothing but values of its rows.
///
/// # Errors
///
/// When a column inside of another cannot be put back.
pub(super) fn only_named(array: &ArrayRef) -> Result<ArrayRef> {
    if !has_dictionary(array.data_type()) {
        return Ok(Arc::clone(array));
    }
    let Some(dictionary) = array.as_any_dictionary_opt() else { return inside(array) };
    let values = dictionary.values();
    if values.is_empty() {
        return Ok(Arc::clone(array));
    }
    let mut is_named = vec![false; values.len()];
    for (row, key) in dictionary.normalized_keys().into_iter().enumerate() {
        if dictionary.is_valid(row)
            && let Some(is_named) = is_named.get_mut(key)
        {
            *is_named = true;
        }
    }
    let all = || (0_u32..).zip(&is_named);
    if is_named.iter().all(|is_named| *is_named) {
        return Ok(Arc::clone(array));
    }
    // One of those that are named stands for all others, so that each key keeps its meaning.
    let stand_in = all().find(|(_, is_named)| **is_named).map(|(place, _)| place);
    let kept = all().map(|(place, is_named)| if *is_named { Some(place) } else { stand_in });
    Ok(dictionary.with_values(take(values, &kept.collect::<UInt32Array>(), None)?))
}

fn inside(array: &ArrayRef) -> Result<ArrayRef> {
    let data = array.to_data();
    let child = |child: &ArrayData| Ok(only_named(&make_array(child.clone()))?.to_data());
    let children: Result<Vec<_>> = data.child_data().iter().map(child).collect();
    Ok(make_array(data.into_builder().child_data(children?).build()?))
}

fn has_dictionary(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(..) => true,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _)
        | DataType::RunEndEncoded(_, item) => has_dictionary(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_dictionary(field.data_type())),
        DataType::Union(fields, _) => {
            fields.iter().any(|(_, field)| has_dictionary(field.data_type()))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{DictionaryArray, RecordBatch, StringArray, StructArray};
    use datafusion::arrow::compute::cast;
    use datafusion::arrow::datatypes::{Field, Int32Type, Int64Type};
    use datafusion::datasource::MemTable;
    use datafusion::prelude::SessionContext;

    use super::super::barrier::BarrierTable;
    use super::super::salt::Salt;
    use super::*;
    use crate::authorizer::{Comparison, Obligations, RowPredicate, Value};
    use crate::product::Table;

    fn dictionary(keys: &[Option<i32>]) -> ArrayRef {
        let values = Arc::new(StringArray::from(vec!["1", "canary", "3"]));
        let dictionary =
            DictionaryArray::<Int32Type>::try_new(keys.iter().copied().collect(), values);
        Arc::new(dictionary.unwrap())
    }

    #[test]
    fn no_value_is_left_that_no_row_has() {
        for keys in [
            &[Some(0), Some(2), None, Some(0)][..],
            &[Some(2)],
            &[None, None],
            &[],
            &[Some(0), Some(1), Some(2)],
        ] {
            let array = dictionary(keys);
            let left = only_named(&array).unwrap();
            assert_eq!(left.data_type(), array.data_type());
            let shown = |array: &ArrayRef| cast(array, &DataType::Utf8).unwrap();
            assert_eq!(&shown(&left), &shown(&array), "{keys:?}");
            let is_left = format!("{:?}", left.as_any_dictionary().values()).contains("canary");
            assert_eq!(is_left, keys.contains(&Some(1)), "{keys:?}");
        }
    }

    #[test]
    fn dictionary_inside_of_a_column_is_looked_at() {
        let inner = dictionary(&[Some(2), None]);
        let field = Arc::new(Field::new("a", inner.data_type().clone(), true));
        let array: ArrayRef = Arc::new(StructArray::from(vec![(field, inner)]));
        let left = only_named(&array).unwrap();
        assert_eq!(&left, &array);
        let inner = left.as_struct().column(0);
        assert!(!format!("{:?}", inner.as_any_dictionary().values()).contains("canary"));
    }

    #[tokio::test]
    async fn cast_of_what_is_seen_meets_no_hidden_value() {
        let names: DictionaryArray<Int32Type> =
            ["1", "canary", "3", "canary"].into_iter().collect();
        let countries = StringArray::from(vec!["SE", "NO", "SE", "NO"]);
        let columns: [(_, ArrayRef); 2] =
            [("name", Arc::new(names)), ("country", Arc::new(countries))];
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let inner = Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]]).unwrap());
        let obligations = Obligations {
            row_filter: Some(RowPredicate::Compare {
                column: "country".to_owned(),
                comparison: Comparison::Equal,
                value: Value::Text("SE".to_owned()),
            }),
            ..Obligations::default()
        };
        let parts = (inner as _, &Table::default());
        let table = BarrierTable::new("d.p.t", parts, &obligations, Salt::random()).unwrap();
        let seen = SessionContext::new().read_table(Arc::new(table)).unwrap();
        let sum = seen.select_exprs(&["CAST(name AS BIGINT) AS number"]).unwrap().collect().await;
        let numbers: Vec<i64> = sum
            .unwrap()
            .iter()
            .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
            .collect();
        assert_eq!(numbers, [1, 3]);
    }
}
