//! Masks that digest: equal values stay equal, and nothing else is told.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::array::{BinaryArray, BinaryViewArray, LargeBinaryArray};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use sha2::{Digest, Sha256};

use super::text;

/// The SHA-256 of a value.
pub(super) fn plain(value: &[u8]) -> [u8; 32] {
    Sha256::digest(value).into()
}

/// Digests each value: text becomes 64 hexadecimal digits, a number the first bytes of the digest of
/// its bytes (little-endian, both), binary the digest; `None` if the array holds anything else.
pub(super) fn of(array: &ArrayRef, digest: impl Fn(&[u8]) -> [u8; 32]) -> Option<ArrayRef> {
    if let Some(texts) = text::rewrite(array, |text| hexadecimal(digest(text.as_bytes()))) {
        return Some(texts);
    }
    let of_binary = |value: Option<&[u8]>| value.map(&digest);
    Some(match array.data_type() {
        DataType::Int8 => {
            numbers::<Int8Type>(array, |n| i8::from_le_bytes(first(digest(&n.to_le_bytes()))))?
        }
        DataType::Int16 => {
            numbers::<Int16Type>(array, |n| i16::from_le_bytes(first(digest(&n.to_le_bytes()))))?
        }
        DataType::Int32 => {
            numbers::<Int32Type>(array, |n| i32::from_le_bytes(first(digest(&n.to_le_bytes()))))?
        }
        DataType::Int64 => {
            numbers::<Int64Type>(array, |n| i64::from_le_bytes(first(digest(&n.to_le_bytes()))))?
        }
        DataType::UInt8 => {
            numbers::<UInt8Type>(array, |n| u8::from_le_bytes(first(digest(&n.to_le_bytes()))))?
        }
        DataType::UInt16 => {
            numbers::<UInt16Type>(array, |n| u16::from_le_bytes(first(digest(&n.to_le_bytes()))))?
        }
        DataType::UInt32 => {
            numbers::<UInt32Type>(array, |n| u32::from_le_bytes(first(digest(&n.to_le_bytes()))))?
        }
        DataType::UInt64 => {
            numbers::<UInt64Type>(array, |n| u64::from_le_bytes(first(digest(&n.to_le_bytes()))))?
        }
        DataType::Binary => {
            let values = array.as_binary_opt::<i32>()?.iter().map(of_binary);
            Arc::new(values.collect::<BinaryArray>())
        }
        DataType::LargeBinary => {
            let values = array.as_binary_opt::<i64>()?.iter().map(of_binary);
            Arc::new(values.collect::<LargeBinaryArray>())
        }
        DataType::BinaryView => {
            let values = array.as_binary_view_opt()?.iter().map(of_binary);
            Arc::new(values.collect::<BinaryViewArray>())
        }
        _ => return None,
    })
}

fn numbers<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    one: impl Fn(T::Native) -> T::Native,
) -> Option<ArrayRef> {
    Some(Arc::new(array.as_primitive_opt::<T>()?.unary::<_, T>(one)))
}

fn first<const BYTES: usize>(digest: [u8; 32]) -> [u8; BYTES] {
    let mut first = [0; BYTES];
    for (place, byte) in first.iter_mut().zip(digest) {
        *place = byte;
    }
    first
}

fn hexadecimal(digest: [u8; 32]) -> String {
    let half = |digit: u8| char::from_digit(u32::from(digit), 16).unwrap_or_default();
    digest.iter().flat_map(|byte| [half(byte >> 4), half(byte & 15)]).collect()
}
