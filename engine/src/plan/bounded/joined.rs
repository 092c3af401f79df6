//! Texts joined with `||`, held to a size.
//!
//! `||` is an operator and no function that could be bounded: its result is weighed instead, so
//! that `x || x` in many levels stops at the first that is too large.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{DataFusionError, Result, internal_datafusion_err};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};

use super::{BATCH_BYTES_MAX, VALUE_BYTES_MAX, bytes, too_large};

/// A function that gives its argument, unless that is too large.
pub(super) fn weighing() -> Arc<ScalarUDF> {
    let signature = Signature::any(1, Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(Weighing { signature }))
}

/// True for a `||` whose result may be larger than what is written.
pub(super) fn is_joined(expr: &BinaryExpr) -> bool {
    let is_written = |side: &Expr| matches!(side, Expr::Literal(..));
    expr.op == Operator::StringConcat && !(is_written(&expr.left) && is_written(&expr.right))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Weighing {
    signature: Signature,
}

impl ScalarUDFImpl for Weighing {
    fn name(&self) -> &'static str {
        "weighed"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        arg_types.first().cloned().ok_or_else(no_argument)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        args.arg_fields.first().cloned().ok_or_else(no_argument)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let value = args.args.into_iter().next().ok_or_else(no_argument)?;
        let mut sum = 0.0;
        for bytes in bytes::of(&value.to_array(1)?)?.iter().flatten() {
            sum += bytes;
            if bytes > VALUE_BYTES_MAX || sum > BATCH_BYTES_MAX {
                return Err(too_large("||").into());
            }
        }
        Ok(value)
    }
}

fn no_argument() -> DataFusionError {
    internal_datafusion_err!("nothing is weighed")
}
