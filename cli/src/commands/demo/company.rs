//! Daff Inc., a music company that does not exist: its countries, months and artists.

use chrono::{Datelike, NaiveDate};

use super::random::Random;

/// A country where Daff plays music, and its share of all plays in percent.
pub(crate) const COUNTRIES: [(&str, u64); 12] = [
    ("US", 22),
    ("DE", 14),
    ("GB", 12),
    ("SE", 11),
    ("FR", 9),
    ("BR", 8),
    ("JP", 7),
    ("NL", 5),
    ("ES", 4),
    ("NO", 3),
    ("DK", 3),
    ("CH", 2),
];

/// The months of the second layout of plays, and of the royalties.
pub(crate) const MONTHS: [&str; 6] =
    ["2026-05", "2026-06", "2026-07", "2026-08", "2026-09", "2026-10"];

/// How many artists Daff has an agreement with.
pub(crate) const ARTISTS: usize = 2_000;

/// How many people listen.
pub(crate) const LISTENERS: u64 = 40_000;

const FIRST_WORDS: [&str; 50] = [
    "Amber",
    "Ancient",
    "Arctic",
    "Autumn",
    "Blue",
    "Broken",
    "Burning",
    "Cardboard",
    "Cobalt",
    "Copper",
    "Crystal",
    "Distant",
    "Double",
    "Electric",
    "Endless",
    "Faded",
    "Falling",
    "Feral",
    "Frozen",
    "Gentle",
    "Glass",
    "Golden",
    "Hollow",
    "Humble",
    "Indigo",
    "Iron",
    "Ivory",
    "Last",
    "Little",
    "Lonely",
    "Lunar",
    "Midnight",
    "Minor",
    "Neon",
    "Northern",
    "Paper",
    "Plastic",
    "Polar",
    "Quiet",
    "Rolling",
    "Scarlet",
    "Second",
    "Silver",
    "Slow",
    "Solar",
    "Stone",
    "Sudden",
    "Velvet",
    "Wooden",
    "Young",
];

const SECOND_WORDS: [&str; 40] = [
    "Anchors",
    "Antlers",
    "Arcade",
    "Avenue",
    "Balcony",
    "Bicycle",
    "Birches",
    "Cathedral",
    "Comets",
    "Compass",
    "Corridor",
    "Currents",
    "Engines",
    "Ferry",
    "Garden",
    "Gravity",
    "Harbour",
    "Hours",
    "Islands",
    "Kites",
    "Lanterns",
    "Letters",
    "Lighthouse",
    "Machines",
    "Meadow",
    "Mirrors",
    "Orchard",
    "Parade",
    "Pilots",
    "Planets",
    "Radio",
    "Rivers",
    "Rooftops",
    "Satellites",
    "Signals",
    "Sparrows",
    "Stations",
    "Tides",
    "Trains",
    "Weather",
];

/// The name of an artist; unique among [`ARTISTS`].
pub(crate) fn stage_name(artist: usize) -> String {
    let first = FIRST_WORDS.get(artist % FIRST_WORDS.len()).copied().unwrap_or_default();
    let second = (artist / FIRST_WORDS.len() + artist) % SECOND_WORDS.len();
    let second = SECOND_WORDS.get(second).copied().unwrap_or_default();
    format!("{first} {second}")
}

/// The mesh-wide identifier of an artist.
pub(crate) fn artist_id(artist: usize) -> String {
    format!("artist-{artist:05}")
}

/// The country where an artist lives: the larger a country, the more artists.
pub(crate) fn artist_country(artist: usize) -> &'static str {
    pick_country(&mut Random::new(0xA271_0000 + artist as u64))
}

/// A country, as often as its share says.
pub(crate) fn pick_country(random: &mut Random) -> &'static str {
    let mut place = random.below(COUNTRIES.iter().map(|(_, share)| share).sum());
    for (country, share) in COUNTRIES {
        if place < share {
            return country;
        }
        place -= share;
    }
    "SE"
}

/// An artist, the popular ones far more often. Popularity does not follow the identifier.
pub(crate) fn pick_artist(random: &mut Random) -> usize {
    let rank = (random.fraction().powf(2.2) * ARTISTS as f64) as usize;
    (rank * 739 + 17) % ARTISTS
}

/// The first day of a month such as `2026-05`.
pub(crate) fn first_day(month: &str) -> NaiveDate {
    format!("{month}-01").parse().unwrap_or_default()
}

/// Begin and length of a month, in microseconds since 1970 and in microseconds.
pub(crate) fn span_us(month: &str) -> (i64, i64) {
    let begin = first_day(month);
    let end = if begin.month() == 12 {
        NaiveDate::from_ymd_opt(begin.year() + 1, 1, 1)
    } else {
        NaiveDate::from_ymd_opt(begin.year(), begin.month() + 1, 1)
    };
    let microseconds =
        |day: NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros();
    let begin_us = microseconds(begin);
    (begin_us, end.map_or(0, |end| microseconds(end) - begin_us))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn artist_has_a_name_of_its_own() {
        let names: BTreeSet<String> = (0..ARTISTS).map(stage_name).collect();
        assert_eq!(names.len(), ARTISTS);
    }

    #[test]
    fn shares_are_percents() {
        assert_eq!(COUNTRIES.iter().map(|(_, share)| share).sum::<u64>(), 100);
    }

    #[test]
    fn month_has_a_begin_and_a_length() {
        assert_eq!(span_us("2026-05"), (1_777_593_600_000_000, 31 * 86_400_000_000));
        assert_eq!(span_us("2026-12").1, 31 * 86_400_000_000);
    }
}
