//! Patterns in names (GetTables and the like), held against a slower way to match them.
//!
//! The pattern stands before the first end of a line, the name behind it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use samite_flight_server::fuzzing::matches;

/// Characters of a pattern and of a name.
const CHARACTERS_MAX: usize = 200;

fuzz_target!(init: samite_fuzz::note_panics(), |input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    let (pattern, name) = text.split_once('\n').unwrap_or((&text, ""));
    if pattern.chars().count() > CHARACTERS_MAX || name.chars().count() > CHARACTERS_MAX {
        return;
    }
    samite_fuzz::run(&[], || match matches(pattern, name) == expected(pattern, name) {
        true => Ok(()),
        false => Err(format!("{pattern:?} and {name:?}")),
    });
});

/// Which beginnings of the name the pattern matches so far, character by character of the pattern.
fn expected(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let mut matched = vec![false; name.len() + 1];
    matched[0] = true;
    let mut rest = pattern.chars();
    while let Some(character) = rest.next() {
        if character == '%' {
            let first = matched.iter().position(|is| *is).unwrap_or(matched.len());
            matched.iter_mut().skip(first).for_each(|is| *is = true);
            continue;
        }
        let wanted = match character {
            '_' => None,
            '\\' => Some(rest.next().unwrap_or('\\')),
            other => Some(other),
        };
        let fits = |found: char| wanted.is_none_or(|wanted| wanted == found);
        let next = (0..name.len()).map(|at| matched[at] && fits(name[at]));
        matched = std::iter::once(false).chain(next).collect();
    }
    matched[name.len()]
}
