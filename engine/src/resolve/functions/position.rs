//! Where a text stands in another one, from a character on.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Int64Array};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result as DataFusionResult, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::as_constant_as;

/// `name(sought, text)` and `name(sought, text, start)`: the number of the character at which it is
/// found, 0 if it is not.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Position {
    name: &'static str,
    /// True if a text of no characters is found where the search begins.
    finds_nothing: bool,
    signature: Signature,
}

impl Position {
    pub(super) fn new(name: &'static str, finds_nothing: bool) -> Self {
        Self { name, finds_nothing, signature: Signature::user_defined(Volatility::Immutable) }
    }

    fn position(&self, sought: &str, text: &str, start: i64) -> i64 {
        if sought.is_empty() && !self.finds_nothing {
            return 0;
        }
        let before = usize::try_from(start.saturating_sub(1)).unwrap_or(0);
        let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        let rest = ends.nth(before).and_then(|at| text.get(at..));
        let found = rest.and_then(|rest| rest.find(sought).and_then(|at| rest.get(..at)));
        let position = found.map(|between| before + between.chars().count() + 1);
        position.and_then(|position| i64::try_from(position).ok()).unwrap_or(0)
    }
}

impl ScalarUDFImpl for Position {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> DataFusionResult<Vec<DataType>> {
        match given {
            [_, _] => Ok(vec![DataType::Utf8, DataType::Utf8]),
            [_, _, start] if start.is_integer() || start.is_null() => {
                Ok(vec![DataType::Utf8, DataType::Utf8, DataType::Int64])
            }
            [_, _, start] => plan_err!("{} starts at a whole number, not {start}", self.name),
            _ => plan_err!("{} takes two texts, and where to start", self.name),
        }
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [sought, text, start @ ..] = arrays.as_slice() else {
            return plan_err!("{} takes two texts, and where to start", self.name);
        };
        let (sought, text) = (sought.as_string::<i32>(), text.as_string::<i32>());
        let starts = start.first().map(|start| start.as_primitive::<Int64Type>());
        let mut found = Vec::with_capacity(text.len());
        for (row, (sought, text)) in sought.iter().zip(text).enumerate() {
            let start = match starts {
                None => Some(1),
                Some(starts) => starts.is_valid(row).then(|| starts.value(row)),
            };
            found.push(match (sought, text, start) {
                (Some(sought), Some(text), Some(start)) => Some(self.position(sought, text, start)),
                _ => None,
            });
        }
        as_constant_as(&args.args, Arc::new(Int64Array::from(found)))
    }
}
