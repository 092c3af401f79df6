//! Masks of text.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::array::{LargeStringArray, StringArray, StringViewArray};
use datafusion::arrow::datatypes::DataType;

/// Code points that the partial masks keep.
const SHOWN_MAX: usize = 4;

/// Rewrites each text of an array; `None` if it holds none.
pub(super) fn rewrite(array: &ArrayRef, one: impl Fn(&str) -> String) -> Option<ArrayRef> {
    let one = |text: Option<&str>| text.map(&one);
    Some(match array.data_type() {
        DataType::Utf8 => {
            Arc::new(array.as_string_opt::<i32>()?.iter().map(one).collect::<StringArray>())
        }
        DataType::LargeUtf8 => {
            Arc::new(array.as_string_opt::<i64>()?.iter().map(one).collect::<LargeStringArray>())
        }
        DataType::Utf8View => {
            Arc::new(array.as_string_view_opt()?.iter().map(one).collect::<StringViewArray>())
        }
        _ => return None,
    })
}

/// Letters become `x` and digits `n`.
pub(super) fn alphanum(text: &str) -> String {
    text.chars().map(covered).collect()
}

/// The first four code points stay.
pub(super) fn show_first_4(text: &str) -> String {
    text.chars()
        .enumerate()
        .map(|(place, c)| if place < SHOWN_MAX { c } else { covered(c) })
        .collect()
}

/// The last four code points stay.
pub(super) fn show_last_4(text: &str) -> String {
    let covered_first = text.chars().count().saturating_sub(SHOWN_MAX);
    text.chars()
        .enumerate()
        .map(|(place, c)| if place < covered_first { covered(c) } else { c })
        .collect()
}

fn covered(c: char) -> char {
    if c.is_alphabetic() {
        'x'
    } else if c.is_numeric() {
        'n'
    } else {
        c
    }
}
