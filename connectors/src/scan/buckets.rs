//! Files that hold only values of one hash bucket, skipped by filters that name single values.
//!
//! The hash is that of Iceberg's bucket transform: 32 bits of Murmur3 over a value's canonical bytes.

use std::collections::HashMap;

use datafusion::arrow::datatypes::Schema;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;

use super::LakeFile;

/// All values of a column in one file are NULL or fall into one of neighbouring buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// The column.
    pub(crate) column: usize,
    /// How many buckets there are.
    pub(crate) buckets: u32,
    /// The first of them.
    pub(crate) first: u32,
    /// The last of them.
    pub(crate) last: u32,
}

/// The hashes of the only values that filters let through, by column.
#[derive(Debug, Default)]
pub(crate) struct Wanted(Vec<(usize, Vec<u32>)>);

impl Wanted {
    /// What `filters` on a table of `schema` let through.
    pub(crate) fn new(filters: &[Expr], schema: &Schema) -> Self {
        let conjuncts = filters.iter().flat_map(split_conjunction);
        let wanted = conjuncts.filter_map(|conjunct| {
            let (name, values) = values(conjunct)?;
            let (column, field) = schema.column_with_name(name)?;
            let hash = |value: &&ScalarValue| match value.data_type() == *field.data_type() {
                true => hash(value),
                false => None,
            };
            let hashes: Option<Vec<u32>> = values.iter().map(hash).collect();
            Some((column, hashes?))
        });
        Self(wanted.collect())
    }

    /// False if no value that is let through can be in `file`.
    pub(crate) fn may_be_in(&self, file: &LakeFile) -> bool {
        let buckets: HashMap<usize, &Bucket> =
            file.buckets.iter().map(|bucket| (bucket.column, bucket)).collect();
        self.0.iter().all(|(column, hashes)| match buckets.get(column) {
            Some(Bucket { buckets, first, last, .. }) => hashes.iter().any(|hash| {
                let bucket = (hash & 0x7FFF_FFFF).checked_rem(*buckets);
                bucket.is_none_or(|at| (*first..=*last).contains(&at))
            }),
            None => true,
        })
    }
}

/// The column that a filter is about, and the only values of it that the filter keeps.
fn values(filter: &Expr) -> Option<(&str, Vec<&ScalarValue>)> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            match (left.as_ref(), right.as_ref()) {
                (Expr::Column(column), Expr::Literal(value, _))
                | (Expr::Literal(value, _), Expr::Column(column)) => {
                    Some((&column.name, vec![value]))
                }
                _ => None,
            }
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let (name, mut all) = values(left)?;
            let (other, more) = values(right)?;
            all.extend(more);
            (name == other).then_some((name, all))
        }
        Expr::InList(list) if !list.negated => {
            let Expr::Column(column) = list.expr.as_ref() else { return None };
            Some((&column.name, list.list.iter().map(literal).collect::<Option<_>>()?))
        }
        _ => None,
    }
}

fn literal(item: &Expr) -> Option<&ScalarValue> {
    match item {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

/// The hash of a value; `None` for NULL and types that have no buckets.
fn hash(value: &ScalarValue) -> Option<u32> {
    use ScalarValue as S;
    let number = |value: i64| Some(murmur3(&value.to_le_bytes()));
    match value {
        S::Int32(Some(value)) | S::Date32(Some(value)) => number(i64::from(*value)),
        S::Int64(Some(value))
        | S::Time64Microsecond(Some(value))
        | S::TimestampMicrosecond(Some(value), _) => number(*value),
        S::Decimal128(Some(value), ..) => Some(murmur3(shortest(&value.to_be_bytes()))),
        S::Utf8(Some(text)) | S::Utf8View(Some(text)) => Some(murmur3(text.as_bytes())),
        S::Binary(Some(bytes))
        | S::BinaryView(Some(bytes))
        | S::FixedSizeBinary(_, Some(bytes)) => Some(murmur3(bytes)),
        _ => None,
    }
}

/// The fewest bytes that are the same number.
fn shortest(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes {
        let is_sign = match rest.first() {
            Some(next) if *next < 0x80 => *first == 0,
            Some(_) => *first == 0xFF,
            None => false,
        };
        if !is_sign {
            break;
        }
        bytes = rest;
    }
    bytes
}

/// The 32-bit hash of MurmurHash3 with seed 0.
fn murmur3(bytes: &[u8]) -> u32 {
    let mixed =
        |block: u32| block.wrapping_mul(0xCC9E_2D51).rotate_left(15).wrapping_mul(0x1B87_3593);
    let mut hash = 0_u32;
    let (blocks, rest) = bytes.as_chunks::<4>();
    for block in blocks {
        hash ^= mixed(u32::from_le_bytes(*block));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xE654_6B64);
    }
    let tail = rest.iter().rev().fold(0_u32, |tail, byte| (tail << 8) | u32::from(*byte));
    hash ^= mixed(tail);
    hash ^= bytes.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85EB_CA6B);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xC2B2_AE35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{DataType, Field};
    use datafusion::prelude::{col, lit};

    use super::*;

    #[test]
    fn hash_is_that_of_the_iceberg_specification() {
        // Appendix B of the specification.
        for (value, expected) in [
            (ScalarValue::Int32(Some(34)), 2_017_239_379_i64),
            (ScalarValue::Int64(Some(34)), 2_017_239_379),
            (ScalarValue::Decimal128(Some(1420), 4, 2), -500_754_589),
            (ScalarValue::Date32(Some(17_486)), -653_330_422),
            (ScalarValue::Time64Microsecond(Some(81_068_000_000)), -662_762_989),
            (ScalarValue::TimestampMicrosecond(Some(1_510_871_468_000_000), None), -2_047_944_441),
            ("iceberg".into(), 1_210_000_089),
            (
                ScalarValue::FixedSizeBinary(
                    16,
                    Some(0xf79c_3e09_677c_4bbd_a479_3f34_9cb7_85e7_u128.to_be_bytes().into()),
                ),
                1_488_055_340,
            ),
            (ScalarValue::Binary(Some(vec![0, 1, 2, 3])), -188_683_207),
        ] {
            assert_eq!(
                hash(&value).map(|hash| i64::from(hash as i32)),
                Some(expected),
                "{value:?}"
            );
        }
    }

    #[test]
    fn shortest_bytes_are_the_same_number() {
        for (value, bytes) in [
            (0_i128, vec![0]),
            (127, vec![127]),
            (128, vec![0, 128]),
            (-1, vec![255]),
            (-128, vec![128]),
            (-129, vec![255, 127]),
        ] {
            assert_eq!(shortest(&value.to_be_bytes()), bytes, "{value}");
        }
    }

    #[test]
    fn only_filters_that_name_all_their_values_skip() {
        let schema = Schema::new(vec![Field::new("a", DataType::Int64, true)]);
        let a = || col("a");
        for (filter, columns) in [
            (a().eq(lit(3_i64)), 1),
            (lit(3_i64).eq(a()), 1),
            (a().eq(lit(3_i64)).or(a().eq(lit(4_i64))), 1),
            (a().eq(lit(3_i64)).or(a().gt(lit(4_i64))), 0),
            (a().in_list(vec![lit(3_i64), lit(9_i64)], false), 1),
            (a().in_list(vec![lit(3_i64)], true), 0),
            (a().eq(lit(3_i32)), 0),
            (a().eq(lit(ScalarValue::Int64(None))), 0),
            (a().not_eq(lit(3_i64)), 0),
            (a().gt(lit(1_i64)).and(a().eq(lit(3_i64))), 1),
        ] {
            let text = filter.to_string();
            assert_eq!(Wanted::new(&[filter], &schema).0.len(), columns, "{text}");
        }
    }
}
