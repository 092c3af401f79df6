//! A pattern of `LIKE` with backslashes, which alone escape in DataFusion, for one in which another
//! character does.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result as DataFusionResult, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::as_constant_as;
use crate::error::{Error, ErrorKind, Result};

/// What escapes in every pattern.
const BACKSLASH: char = '\\';

/// `samite_like_pattern(pattern, escape)`: the pattern with backslashes.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct LikePattern {
    signature: Signature,
}

impl LikePattern {
    /// The name that it is called by.
    pub(super) const NAME: &'static str = "samite_like_pattern";

    pub(super) fn new() -> Self {
        let signature =
            Signature::exact(vec![DataType::Utf8, DataType::Utf8], Volatility::Immutable);
        Self { signature }
    }
}

impl ScalarUDFImpl for LikePattern {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [patterns, escapes] = arrays.as_slice() else {
            return plan_err!("{} takes a pattern, and what escapes in it", Self::NAME);
        };
        let written = patterns
            .as_string::<i32>()
            .iter()
            .zip(escapes.as_string::<i32>())
            .map(|(pattern, escape)| match (pattern, escape) {
                (Some(pattern), Some(escape)) => with_backslashes(pattern, escape).map(Some),
                _ => Ok(None),
            })
            .collect::<Result<StringArray>>()?;
        as_constant_as(&args.args, Arc::new(written))
    }
}

/// Writes a pattern with backslashes, in which `escape` escapes: one character, or none.
///
/// # Errors
///
/// When it is more than one, or the pattern ends with it.
pub(crate) fn with_backslashes(pattern: &str, escape: &str) -> Result<String> {
    let mut letters = escape.chars();
    let escape = letters.next();
    if letters.next().is_some() {
        return Err(Error::new(ErrorKind::InvalidQuery, "ESCAPE takes one character"));
    }
    let mut written = String::with_capacity(pattern.len());
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        let (letter, is_escaped) = match Some(letter) == escape {
            true => (letters.next().ok_or_else(unfinished)?, true),
            false => (letter, false),
        };
        let needs_escape = match letter {
            '%' | '_' => is_escaped,
            letter => letter == BACKSLASH,
        };
        if needs_escape {
            written.push(BACKSLASH);
        }
        written.push(letter);
    }
    Ok(written)
}

fn unfinished() -> Error {
    Error::new(ErrorKind::InvalidQuery, "the pattern ends with the escape character")
}
