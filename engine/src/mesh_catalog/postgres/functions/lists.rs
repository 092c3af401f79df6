//! `pg_expanded_array`: the items of an array, each with its place, as a list of rows.
//!
//! What `information_schema._pg_expandarray` gives as a set, once it is unnested.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int16Array, Int32Array, ListArray, StructArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Fields, Int16Type};
use datafusion::common::{Result as DataFusionResult, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

/// `pg_expanded_array(list)`: rows `(x, n)` of item and place.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Expanded {
    signature: Signature,
}

impl Default for Expanded {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("x", DataType::Int16, true),
        Field::new("n", DataType::Int32, true),
    ])
}

fn item() -> Arc<Field> {
    Arc::new(Field::new_list_field(DataType::Struct(fields()), true))
}

impl ScalarUDFImpl for Expanded {
    fn name(&self) -> &'static str {
        "pg_expanded_array"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> DataFusionResult<Vec<DataType>> {
        match given {
            [_] => Ok(vec![DataType::new_list(DataType::Int16, true)]),
            _ => plan_err!("pg_expanded_array takes one array"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(DataType::List(item()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [lists] = arrays.as_slice() else {
            return plan_err!("pg_expanded_array takes one array");
        };
        let lists = lists.as_list::<i32>();
        let (mut items, mut places, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
        for list in lists.iter() {
            let list = list.unwrap_or_else(|| Arc::new(Int16Array::new_null(0)));
            items.extend(list.as_primitive::<Int16Type>().iter());
            places.extend((1..).take(list.len()));
            lengths.push(list.len());
        }
        let columns: Vec<ArrayRef> =
            vec![Arc::new(Int16Array::from(items)), Arc::new(Int32Array::from(places))];
        let rows = StructArray::try_new(fields(), columns, None)?;
        let offsets = OffsetBuffer::from_lengths(lengths);
        let expanded = ListArray::try_new(item(), offsets, Arc::new(rows), lists.nulls().cloned())?;
        Ok(ColumnarValue::Array(Arc::new(expanded)))
    }
}
