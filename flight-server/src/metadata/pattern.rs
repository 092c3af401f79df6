//! Patterns in names: `%` is any text, `_` any character, `\` takes the meaning from the next one.

/// A pattern in names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
    /// The text as it came; a client may mean it as a name.
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    AnyText,
    AnyCharacter,
    Character(char),
}

impl Pattern {
    /// Reads a pattern.
    pub(crate) fn new(text: &str) -> Self {
        let mut parts = Vec::with_capacity(text.len());
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            parts.push(match character {
                '%' => Part::AnyText,
                '_' => Part::AnyCharacter,
                '\\' => Part::Character(characters.next().unwrap_or('\\')),
                other => Part::Character(other),
            });
        }
        Self { parts, text: text.to_owned() }
    }

    /// True if `name` matches.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let (mut at, mut part) = (0, 0);
        // Where to go on if the rest fails: behind the last `%`, one character further.
        let mut retry = None;
        while at < name.len() {
            match (self.parts.get(part), name.get(at)) {
                (Some(Part::AnyText), _) => {
                    retry = Some((at, part + 1));
                    part += 1;
                    continue;
                }
                (Some(Part::AnyCharacter), _) => (at, part) = (at + 1, part + 1),
                (Some(Part::Character(wanted)), Some(found)) if wanted == found => {
                    (at, part) = (at + 1, part + 1);
                }
                _ => {
                    let Some((from, behind)) = retry else { return false };
                    retry = Some((from + 1, behind));
                    (at, part) = (from + 1, behind);
                }
            }
        }
        self.parts.iter().skip(part).all(|part| *part == Part::AnyText)
    }

    /// True if `name` is the pattern, letter by letter.
    pub(crate) fn is_exactly(&self, name: &str) -> bool {
        self.text == name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_in_like() {
        for (pattern, name, matches) in [
            ("plays", "plays", true),
            ("plays", "Plays", false),
            ("pl%", "plays", true),
            ("%ay%", "plays", true),
            ("%a%a%", "banana", true),
            ("%ab", "aab", true),
            ("_lays", "plays", true),
            ("_", "", false),
            ("%", "", true),
            ("", "", true),
            ("", "a", false),
            ("play_events", "play-events", true),
            ("play\\_events", "play-events", false),
            ("play\\_events", "play_events", true),
            ("100\\%", "100%", true),
            ("ä_", "äö", true),
            ("a\\", "a\\", true),
            (
                "%%%%%%%%%%%%%%%%%%%%b",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                false,
            ),
        ] {
            assert_eq!(Pattern::new(pattern).matches(name), matches, "{pattern} {name}");
        }
    }
}
