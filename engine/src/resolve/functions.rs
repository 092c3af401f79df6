//! Functions that DataFusion does not have and that tools call.
//!
//! `resolve/shims` brings their many ways of writing into the one that is here, for instance
//! `DATEDIFF(dd, a, b)` into `datediff('day', a, b)`.

mod difference;
mod instants;
mod like_pattern;
mod position;
mod shift;
mod unit;

use std::sync::Arc;

use datafusion::common::Result as DataFusionResult;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::{ColumnarValue, ScalarUDF};
use datafusion::scalar::ScalarValue;

use difference::{Counts, Difference};
use like_pattern::LikePattern;
pub(super) use like_pattern::with_backslashes;
use position::Position;
use shift::Shift;
pub(crate) use unit::Unit;

/// The function that brings the pattern of a `LIKE` with ESCAPE into the one form.
pub(super) const LIKE_PATTERN: &str = LikePattern::NAME;

/// Adds the functions to `state`.
///
/// # Errors
///
/// When DataFusion does not take a function.
pub(crate) fn register(state: &mut SessionState) -> DataFusionResult<()> {
    let functions = [
        ScalarUDF::new_from_impl(Difference::new("datediff", Counts::Boundaries)),
        ScalarUDF::new_from_impl(Difference::new("timestampdiff", Counts::WholeUnits)),
        ScalarUDF::new_from_impl(Shift::new("dateadd", true)),
        ScalarUDF::new_from_impl(Shift::new("timestampadd", false)),
        ScalarUDF::new_from_impl(LikePattern::new()),
        ScalarUDF::new_from_impl(Position::new("locate", true)),
        ScalarUDF::new_from_impl(Position::new("charindex", false)),
    ];
    for function in functions {
        state.register_udf(Arc::new(function))?;
    }
    Ok(())
}

/// A result as constant as the arguments were.
fn as_constant_as(
    args: &[ColumnarValue],
    result: datafusion::arrow::array::ArrayRef,
) -> DataFusionResult<ColumnarValue> {
    let is_constant = args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
    match is_constant {
        true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?)),
        false => Ok(ColumnarValue::Array(result)),
    }
}

#[cfg(test)]
mod tests;
