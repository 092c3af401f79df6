//! Ranges of bytes: which are read together, in what parts, and how they are cut out again.

use std::ops::Range;

use bytes::Bytes;
use object_store::{Error, Result};

/// Wider gaps than this are counted.
const SMALL_GAP_BYTES: u64 = 1024 * 1024;
/// So many times as much as is wanted may lie in the wider gaps that are read over.
const WASTE_MAX: u64 = 4;

/// The ranges that cover `ranges`, read over gaps of up to `gap_max` bytes: the small ones always,
/// the wider ones from the narrowest on as long as they are worth it.
pub(super) fn coalesced(ranges: &[Range<u64>], gap_max: u64) -> Vec<Range<u64>> {
    let near = merged(ranges, |gap, _| gap <= SMALL_GAP_BYTES);
    let mut gaps: Vec<(u64, u64)> = near
        .iter()
        .zip(near.iter().skip(1))
        .map(|(one, other)| (other.start.saturating_sub(one.end), other.start))
        .filter(|(gap, _)| *gap <= gap_max)
        .collect();
    gaps.sort_unstable();
    let wanted: u64 = near.iter().map(|range| range.end.saturating_sub(range.start)).sum();
    let mut left = wanted.saturating_mul(WASTE_MAX);
    let bridged: Vec<u64> = gaps
        .into_iter()
        .take_while(|(gap, _)| {
            let is_left = *gap <= left;
            left = left.saturating_sub(*gap);
            is_left
        })
        .map(|(_, end)| end)
        .collect();
    merged(&near, |_, end| bridged.contains(&end))
}

/// Merges neighbours whose gap `is_bridged`, told by its length and its end.
fn merged(ranges: &[Range<u64>], is_bridged: impl Fn(u64, u64) -> bool) -> Vec<Range<u64>> {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match merged.last_mut() {
            Some(last)
                if range.start <= last.end || is_bridged(range.start - last.end, range.start) =>
            {
                last.end = last.end.max(range.end);
            }
            _ => merged.push(range),
        }
    }
    merged
}

/// `range` in parts of about equal length, of at most `part_max` bytes.
pub(super) fn parts(range: Range<u64>, part_max: u64) -> impl Iterator<Item = Range<u64>> {
    let length = range.end.saturating_sub(range.start);
    let count = length.div_ceil(part_max.max(1)).max(1);
    let part = length.div_ceil(count).max(1);
    (0..count).map(move |at| {
        let start = range.start + at * part;
        start.min(range.end)..(start + part).min(range.end)
    })
}

/// The bytes of `range`, copied only if they lie in several parts.
///
/// # Errors
///
/// When `read`, which is in the order of the file, does not hold all of it.
pub(super) fn slice_of(read: &[(Range<u64>, Bytes)], range: &Range<u64>) -> Result<Bytes> {
    let cut = || Error::Generic { store: "data file", source: "a range was cut short".into() };
    let first = read.partition_point(|(part, _)| part.start <= range.start);
    let touched = first.checked_sub(1).and_then(|first| read.get(first..)).ok_or_else(cut)?;
    let mut pieces = Vec::new();
    let mut from = range.start;
    for (part, bytes) in touched {
        if from >= range.end && !pieces.is_empty() {
            break;
        }
        let start = usize::try_from(from.checked_sub(part.start).ok_or_else(cut)?);
        let to = range.end.min(part.end);
        let end = usize::try_from(to.checked_sub(part.start).ok_or_else(cut)?);
        let (start, end) = (start.map_err(|_| cut())?, end.map_err(|_| cut())?);
        if start > end || end > bytes.len() {
            return Err(cut());
        }
        pieces.push(bytes.slice(start..end));
        from = to;
    }
    match pieces.as_slice() {
        _ if from < range.end => Err(cut()),
        [only] => Ok(only.clone()),
        pieces => Ok(pieces.concat().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn read(ranges: &[Range<u64>]) -> Vec<(Range<u64>, Bytes)> {
        let bytes = |range: Range<u64>| range.map(|at| (at % 251) as u8).collect::<Bytes>();
        ranges.iter().map(|range| (range.clone(), bytes(range.clone()))).collect()
    }

    #[test]
    fn near_ranges_are_read_as_one_and_cut_out_again() {
        let far = 10 * MIB;
        let ranges = [far..far + 4, 10..20, 0..4, 30..35];
        let merged = coalesced(&ranges, MIB);
        assert_eq!(merged, [0..35, far..far + 4]);
        let held = read(&merged);
        for range in ranges {
            let expected: Vec<u8> = range.clone().map(|at| (at % 251) as u8).collect();
            assert_eq!(slice_of(&held, &range).unwrap(), expected, "{range:?}");
        }
    }

    #[test]
    fn wide_gaps_are_read_over_from_the_narrowest_on_while_they_are_worth_it() {
        let ranges = [0..MIB, 5 * MIB..6 * MIB, 8 * MIB..9 * MIB];
        for (gap_max, expected) in [
            (MIB, vec![(0, 1), (5, 6), (8, 9)]),
            (2 * MIB, vec![(0, 1), (5, 9)]),
            (4 * MIB, vec![(0, 9)]),
        ] {
            let found = coalesced(&ranges, gap_max);
            let found: Vec<_> = found.iter().map(|it| (it.start / MIB, it.end / MIB)).collect();
            assert_eq!(found, expected, "{gap_max}");
        }
        let thin = [0..1000, 5 * MIB..5 * MIB + 1000];
        assert_eq!(coalesced(&thin, 8 * MIB), thin, "almost all of it would be a gap");
    }

    #[test]
    fn long_range_is_read_in_parts_and_put_together_again() {
        let ranges = [0..3 * MIB + 5, 100..MIB + 200, 7..7];
        let cut: Vec<_> =
            coalesced(&ranges, MIB).into_iter().flat_map(|range| parts(range, MIB)).collect();
        let held = read(&cut);
        assert_eq!(held.len(), 4);
        assert!(held.iter().all(|(part, _)| part.end - part.start <= MIB));
        for range in ranges {
            let expected: Vec<u8> = range.clone().map(|at| (at % 251) as u8).collect();
            assert!(slice_of(&held, &range).unwrap() == expected, "{range:?}");
        }
        assert!(slice_of(&held, &(0..4 * MIB)).is_err());
    }
}
