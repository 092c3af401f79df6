//! Puts something else in place of the values of a column.
//!
//! ```text
//! array ─mask─▶ array of the same type and length
//! ```
//!
//! Masks are total: whatever a column holds, there is an answer, and no answer tells more than the
//! mask allows. They run below the barrier on Arrow arrays, not as expressions, so that no plan holds
//! them, and no rule of an optimizer moves what is above them below.

mod calendar;
mod digest;
mod fixed;
mod text;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, new_null_array};
use datafusion::arrow::datatypes::DataType;

use super::salt::Salt;
use crate::authorizer::Mask;

/// The mask that a column gets: one that does not fit is [`Mask::FixedValue`], and so is
/// [`Mask::Null`] for a column that was promised to hold no NULL, since the promise holds for
/// everybody.
pub(super) fn fitting(mask: Mask, data_type: &DataType, may_be_null: bool) -> Mask {
    let values = match data_type {
        DataType::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    let is_text = matches!(values, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let is_binary =
        matches!(values, DataType::Binary | DataType::LargeBinary | DataType::BinaryView);
    let fits = match mask {
        Mask::Null => may_be_null,
        Mask::FixedValue => true,
        Mask::Sha256QueryLocal | Mask::Sha256Global => is_text || is_binary || values.is_integer(),
        Mask::Alphanum | Mask::ShowLast4 | Mask::ShowFirst4 => is_text,
        Mask::TruncateToYear | Mask::TruncateToMonth => {
            matches!(values, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..))
        }
    };
    if fits { mask } else { Mask::FixedValue }
}

/// The values of a column, masked: an array of the same type and length.
pub(super) fn apply(mask: Mask, array: &ArrayRef, salt: &Salt) -> ArrayRef {
    let masked = match mask {
        Mask::Null => Some(new_null_array(array.data_type(), array.len())),
        Mask::FixedValue => None,
        _ => match array.as_any_dictionary_opt() {
            // As many values as the dictionary has are masked, not as many as there are rows.
            Some(dictionary) => {
                values(mask, dictionary.values(), salt).map(|values| dictionary.with_values(values))
            }
            None => values(mask, array, salt),
        },
    };
    masked.unwrap_or_else(|| fixed::values(array.data_type(), array.len()))
}

/// Masks each value but NULL; `None` where the mask does not fit.
fn values(mask: Mask, array: &ArrayRef, salt: &Salt) -> Option<ArrayRef> {
    match mask {
        Mask::TruncateToMonth => calendar::truncate(array, calendar::start_of_month),
        Mask::TruncateToYear => calendar::truncate(array, calendar::start_of_year),
        Mask::ShowFirst4 => text::rewrite(array, text::show_first_4),
        Mask::ShowLast4 => text::rewrite(array, text::show_last_4),
        Mask::Alphanum => text::rewrite(array, text::alphanum),
        Mask::Sha256Global => digest::of(array, digest::plain),
        Mask::Sha256QueryLocal => digest::of(array, |value| salt.digest(value)),
        Mask::FixedValue | Mask::Null => None,
    }
}

#[cfg(test)]
mod tests;
