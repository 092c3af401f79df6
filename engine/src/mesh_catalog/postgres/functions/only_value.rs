//! The value of a subquery that must have one row at most.

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result as DataFusionResult, exec_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

/// The aggregate `pg_only_value`.
pub(crate) fn only_value() -> AggregateUDF {
    AggregateUDF::new_from_impl(OnlyValue { signature: Signature::any(1, Volatility::Immutable) })
}

/// The only value there is; NULL without one, and an error for two.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OnlyValue {
    signature: Signature,
}

impl AggregateUDFImpl for OnlyValue {
    fn name(&self) -> &str {
        "pg_only_value"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, given: &[DataType]) -> DataFusionResult<DataType> {
        let [given] = take_function_args(self.name(), given)?;
        Ok(given.clone())
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> DataFusionResult<Box<dyn Accumulator>> {
        let value = ScalarValue::try_from(args.return_field.data_type())?;
        Ok(Box::new(Only { value, count: 0 }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> DataFusionResult<Vec<FieldRef>> {
        Ok(vec![
            Field::new("value", args.return_field.data_type().clone(), true).into(),
            Field::new("count", DataType::Int64, true).into(),
        ])
    }
}

#[derive(Debug)]
struct Only {
    value: ScalarValue,
    count: i64,
}

impl Only {
    fn add(&mut self, values: &ArrayRef) -> DataFusionResult<()> {
        for row in 0..values.len() {
            self.count += 1;
            if self.count > 1 {
                return exec_err!("a subquery that stands for one value has more than one row");
            }
            self.value = ScalarValue::try_from_array(values, row)?;
        }
        Ok(())
    }
}

impl Accumulator for Only {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        values.first().map_or(Ok(()), |values| self.add(values))
    }

    fn evaluate(&mut self) -> DataFusionResult<ScalarValue> {
        Ok(self.value.clone())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.value.size()
    }

    fn state(&mut self) -> DataFusionResult<Vec<ScalarValue>> {
        Ok(vec![self.value.clone(), ScalarValue::Int64(Some(self.count))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DataFusionResult<()> {
        let [values, counts] = states else { return Ok(()) };
        for row in 0..values.len() {
            match ScalarValue::try_from_array(counts, row)? {
                ScalarValue::Int64(Some(0) | None) => {}
                _ => self.add(&values.slice(row, 1))?,
            }
        }
        Ok(())
    }
}
