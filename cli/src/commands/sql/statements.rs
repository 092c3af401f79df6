//! Where one statement of a text ends and the next begins.

/// What a semicolon may stand in without ending a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Sql,
    Text,
    Name,
    LineComment,
    BlockComment(u32),
}

/// The statements of a text, without their semicolons; what holds no SQL is left out.
pub(crate) fn split(text: &str) -> Vec<String> {
    let mut statements = Vec::new();
    let mut statement = String::new();
    let mut has_sql = false;
    scan(text, |letter, within| {
        if letter == ';' && within == Within::Sql {
            let finished = std::mem::take(&mut statement);
            if std::mem::take(&mut has_sql) {
                statements.push(finished.trim().to_owned());
            }
            return;
        }
        statement.push(letter);
        let is_comment = matches!(within, Within::LineComment | Within::BlockComment(_));
        has_sql |= !is_comment && !letter.is_whitespace();
    });
    if has_sql {
        statements.push(statement.trim().to_owned());
    }
    statements
}

/// True if the last statement of a text has its semicolon, and nothing is left open.
pub(crate) fn is_complete(text: &str) -> bool {
    let mut ends = true;
    let last = scan(text, |letter, within| {
        let is_comment = matches!(within, Within::LineComment | Within::BlockComment(_));
        if letter == ';' && within == Within::Sql {
            ends = true;
        } else if !is_comment && !letter.is_whitespace() {
            ends = false;
        }
    });
    ends && matches!(last, Within::Sql | Within::LineComment)
}

/// Calls `visit` for each letter with what it stands in, and says what the end stands in. The
/// letters that begin a comment count as part of it.
fn scan(text: &str, mut visit: impl FnMut(char, Within)) -> Within {
    let mut within = Within::Sql;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied();
        let (after, pair) = match (within, letter, next) {
            (Within::Sql, '\'', _) => (Within::Text, false),
            (Within::Sql, '"', _) => (Within::Name, false),
            (Within::Sql, '-', Some('-')) => (Within::LineComment, true),
            (Within::Sql, '/', Some('*')) => (Within::BlockComment(1), true),
            (Within::Text, '\'', _) | (Within::Name, '"', _) => (Within::Sql, false),
            (Within::LineComment, '\n', _) => (Within::Sql, false),
            (Within::BlockComment(depth), '/', Some('*')) => {
                (Within::BlockComment(depth + 1), true)
            }
            (Within::BlockComment(1), '*', Some('/')) => (Within::Sql, true),
            (Within::BlockComment(depth), '*', Some('/')) => {
                (Within::BlockComment(depth - 1), true)
            }
            (same, _, _) => (same, false),
        };
        let comment = if within == Within::Sql && pair { after } else { within };
        visit(letter, comment);
        if pair && let Some(second) = letters.next() {
            visit(second, comment);
        }
        within = after;
    }
    within
}

/// The command of a line: what follows a backslash, or one of the words with which people ask for
/// help or leave.
pub(super) fn command_of(line: &str) -> Option<&str> {
    let line = line.trim().trim_end_matches(';').trim();
    let mut words = ["help", "exit", "quit"].into_iter();
    let word = words.find(|word| line.eq_ignore_ascii_case(word));
    word.or_else(|| line.strip_prefix('\\').map(str::trim))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_begins_with_a_backslash_or_is_a_word_for_leaving() {
        for (line, command) in [
            (" \\d artists.profiles; ", Some("d artists.profiles")),
            ("help", Some("help")),
            ("QUIT;", Some("quit")),
            ("SELECT 1;", None),
            ("help me", None),
            ("", None),
        ] {
            assert_eq!(command_of(line), command, "{line}");
        }
    }

    #[test]
    fn semicolon_ends_a_statement_unless_it_is_quoted() {
        for (text, statements) in [
            ("SELECT 1", vec!["SELECT 1"]),
            ("SELECT 1;", vec!["SELECT 1"]),
            ("SELECT 1; ;\nSELECT 2 ;", vec!["SELECT 1", "SELECT 2"]),
            ("SELECT ';', 'it''s; ' AS \"a;b\"; x", vec!["SELECT ';', 'it''s; ' AS \"a;b\"", "x"]),
            ("-- a; b\nSELECT 1", vec!["-- a; b\nSELECT 1"]),
            ("/* a; /* b; */ c; */ SELECT 1", vec!["/* a; /* b; */ c; */ SELECT 1"]),
            ("-- nothing;\n /* ; */", vec![]),
            ("  ;; ", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(split(text), statements, "{text}");
        }
    }

    #[test]
    fn statement_is_complete_at_its_semicolon() {
        for (text, expected) in [
            ("SELECT 1;", true),
            ("SELECT 1; -- done", true),
            ("SELECT 1", false),
            ("SELECT ';", false),
            ("SELECT 1; /* open", false),
            ("", true),
        ] {
            assert_eq!(is_complete(text), expected, "{text}");
        }
    }
}
