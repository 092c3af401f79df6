//! The names that come nearest to one that does not exist.

/// How many names are offered.
const OFFERED_MAX: usize = 3;

/// How alike two names must be (Jaro-Winkler, 0 to 1).
const LIKENESS_MIN: f64 = 0.75;

/// The names most like `wanted`, best first; empty if none is like it.
#[must_use]
pub fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut ranked: Vec<(f64, &str)> = names
        .map(|name| (strsim::jaro_winkler(&wanted.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .collect();
    ranked.sort_by(|left, right| right.0.total_cmp(&left.0).then_with(|| left.1.cmp(right.1)));
    ranked.dedup_by_key(|(_, name)| *name);
    ranked.into_iter().take(OFFERED_MAX).map(|(_, name)| name).collect()
}

/// A hint that offers the names most like `wanted`, or, without one, a few or all that there are.
pub(crate) fn hint<'a>(
    wanted: &str,
    what: &str,
    names: impl Iterator<Item = &'a str> + Clone,
) -> Option<String> {
    let like = nearest(wanted, names.clone());
    if !like.is_empty() {
        return Some(format!("did you mean {}?", like.join(", ")));
    }
    let all: Vec<&str> = names.take(OFFERED_MAX + 8).collect();
    match all.len() {
        0 => None,
        1..=10 => Some(format!("the {what} are {}", all.join(", "))),
        _ => Some(format!("list the {what} with SELECT * FROM mesh.discovery.{what}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_name_comes_first() {
        let names = ["plays", "play_events", "profiles", "royalties"];
        assert_eq!(nearest("play", names.into_iter()).first(), Some(&"plays"));
        assert_eq!(nearest("Royaltys", names.into_iter()).first(), Some(&"royalties"));
        assert!(nearest("zzz", names.into_iter()).is_empty());
    }
}
