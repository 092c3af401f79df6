//! How fast a store is: what decides whether reading over a gap is cheaper than another request.
//!
//! ```text
//! time to the first byte x bytes in a second = bytes that come in the time of one more request
//! ```
//!
//! As networks do it: the shortest time and the highest rate count, since all else is waiting; both
//! are forgotten little by little, so that a store may become slower. Until long answers have come,
//! a store is taken to be as fast as those of a data centre.

use std::time::Duration;

use parking_lot::Mutex;

/// The gap that is always read over, and until the store is known.
const GAP_BYTES_MIN: u64 = 1024 * 1024;
/// The widest gap that is read over.
const GAP_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// The shortest bound on one request's answer.
const PART_BYTES_MIN: u64 = 8 * 1024 * 1024;
/// The longest bound on one request's answer.
const PART_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// A part takes at least so many times as long as the wait for its first byte.
const PART_WAITS: u64 = 4;
/// Shorter answers say nothing about the rate.
const RATED_BYTES_MIN: u64 = 512 * 1024;
/// The rate of a store that nothing is known of yet.
const BYTES_PER_SECOND: f64 = 256.0 * 1024.0 * 1024.0;
/// What an older answer still counts after a newer one.
const REMEMBERED: f64 = 0.9;

/// How fast a store is, as far as its answers have shown.
#[derive(Debug, Default)]
pub(crate) struct Speed(Mutex<Seen>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    first_byte_seconds: Option<f64>,
    bytes_per_second: f64,
}

impl Default for Seen {
    fn default() -> Self {
        Self { first_byte_seconds: None, bytes_per_second: BYTES_PER_SECOND }
    }
}

impl Speed {
    /// Notes an answer: the time until it began, and how long its bytes then took.
    pub(super) fn note(&self, first_byte: Duration, bytes: u64, rest: Duration) {
        let mut seen = self.0.lock();
        let first_byte = first_byte.as_secs_f64();
        seen.first_byte_seconds = Some(match seen.first_byte_seconds {
            Some(known) => first_byte.min(known / REMEMBERED),
            None => first_byte,
        });
        if bytes >= RATED_BYTES_MIN {
            // What was there at once came at least this fast.
            let rate = bytes as f64 / rest.as_secs_f64().max(1e-4);
            seen.bytes_per_second = rate.max(seen.bytes_per_second * REMEMBERED);
        }
    }

    /// How many bytes that nobody wants are read to spare a request.
    pub(crate) fn gap_bytes(&self) -> u64 {
        self.bytes_of_a_wait().clamp(GAP_BYTES_MIN, GAP_BYTES_MAX)
    }

    /// How many bytes one request asks for at most.
    pub(crate) fn part_bytes(&self) -> u64 {
        self.bytes_of_a_wait().saturating_mul(PART_WAITS).clamp(PART_BYTES_MIN, PART_BYTES_MAX)
    }

    /// How large the files of a table together may be to be read whole.
    pub(crate) fn whole_bytes(&self) -> u64 {
        (self.part_bytes() / 2).max(PART_BYTES_MIN)
    }

    fn bytes_of_a_wait(&self) -> u64 {
        let Seen { first_byte_seconds, bytes_per_second } = *self.0.lock();
        first_byte_seconds.map_or(0, |seconds| (seconds * bytes_per_second) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn answers(speed: &Speed, count: usize, first_byte_ms: u64, mib: u64, rest_ms: u64) {
        let ms = Duration::from_millis;
        (0..count).for_each(|_| speed.note(ms(first_byte_ms), mib * MIB, ms(rest_ms)));
    }

    #[test]
    fn gap_is_what_comes_in_the_time_of_one_more_request() {
        for (what, [count, first_byte_ms, mib, rest_ms], gaps, parts) in [
            ("nothing known", [0, 0, 0, 0], 1..=1, 8..=8),
            ("nothing known of its rate", [1, 30, 0, 0], 7..=7, 30..=30),
            ("a store beside us", [9, 1, 1, 1], 1..=1, 8..=8),
            ("a store across a town", [50, 30, 1, 10], 3..=3, 12..=12),
            ("a thin line", [50, 30, 1, 1_000], 1..=1, 8..=8),
            ("a store behind a thick line", [50, 30, 8, 8], 8..=8, 32..=32),
        ] {
            let speed = Speed::default();
            answers(&speed, count as usize, first_byte_ms, mib, rest_ms);
            assert!((8 * MIB..=16 * MIB).contains(&speed.whole_bytes()), "{what}");
            let (gap, part) = (speed.gap_bytes() / MIB, speed.part_bytes() / MIB);
            assert!(gaps.contains(&gap) && parts.contains(&part), "{what}: {gap}, {part}");
        }
    }

    #[test]
    fn one_slow_answer_changes_little_and_many_change_it() {
        let speed = Speed::default();
        answers(&speed, 50, 30, 1, 10);
        answers(&speed, 1, 500, 1, 900);
        assert!((2 * MIB..4 * MIB).contains(&speed.gap_bytes()), "{}", speed.gap_bytes());
        answers(&speed, 50, 30, 1, 1_000);
        assert_eq!(speed.gap_bytes(), MIB);
    }
}
