//! Texts for the log, without what could be a value of a table.

/// A text with a mark in place of numbers and of what is quoted.
pub(crate) fn without_values(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut quote = None;
    let mut in_number = false;
    let mut previous = ' ';
    for c in text.chars() {
        let is_digit = c.is_numeric();
        match quote {
            Some(end) if c == end => quote = None,
            Some(_) => {}
            // The one in "doesn't" begins nothing.
            None if c == '"' || c == '`' || (c == '\'' && !previous.is_alphanumeric()) => {
                quote = Some(c);
                shown.push('?');
            }
            None if is_digit && !in_number => shown.push('?'),
            None if is_digit => {}
            None => shown.push(c),
        }
        (in_number, previous) = (is_digit, c);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_left_out() {
        for (text, shown) in [
            ("Cannot cast string 'secret 7' to Int32", "Cannot cast string ? to Int?"),
            ("value \"a\" at 12.5 is `x`", "value ? at ?.? is ?"),
            ("it doesn't answer", "it doesn't answer"),
            ("never closed: 'abc", "never closed: ?"),
        ] {
            assert_eq!(without_values(text), shown, "{text}");
        }
    }
}
