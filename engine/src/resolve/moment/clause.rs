//! The clauses of time in the forms that the parser reads.
//!
//! sqlparser 0.62 reads them in some dialects only, `FOR VERSION` and `FOR TIMESTAMP` in none, and
//! a version as a number only. So the tokens are brought into its forms first:
//!
//! ```text
//! FOR VERSION AS OF 3        ─▶ VERSION AS OF 3
//! FOR SYSTEM_VERSION AS OF 3 ─▶ VERSION AS OF 3
//! VERSION AS OF 'name'       ─▶ VERSION AS OF 'name     a placeholder that nobody can write
//! FOR TIMESTAMP AS OF '...'  ─▶ TIMESTAMP AS OF '...'
//! ```

use datafusion::sql::sqlparser::dialect::Dialect;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

/// What a placeholder begins with that is the name of a branch or tag: no text is tokenised so.
pub(in crate::resolve) const REFERENCE_MARK: char = '\'';

/// How the clauses are written.
pub(in crate::resolve) const FORMS: &str = "write it right after the table: VERSION AS OF 3, VERSION AS OF 'branch or tag', or TIMESTAMP AS OF '2026-01-31 12:00:00'";

/// The tokens of a statement with a clause of time; `None` if it has none.
pub(in crate::resolve) fn tokens(sql: &str, dialect: &dyn Dialect) -> Option<Vec<TokenWithSpan>> {
    let may_have = sql.as_bytes().windows(2).any(|two| two.eq_ignore_ascii_case(b"OF"));
    if !may_have {
        return None;
    }
    let tokens = Tokenizer::new(dialect, sql).tokenize_with_location().ok()?;
    let mut tokens: Vec<TokenWithSpan> =
        tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    let clauses: Vec<usize> = (0..tokens.len()).filter(|at| is_clause(&tokens, *at)).collect();
    // From the end, so that what is removed moves no clause that is still to be seen.
    for at in clauses.iter().rev() {
        bring_into_form(&mut tokens, *at);
    }
    (!clauses.is_empty()).then_some(tokens)
}

fn is_word(token: Option<&TokenWithSpan>, word: &str) -> bool {
    matches!(token.map(|token| &token.token), Some(Token::Word(found))
        if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

fn is_clause(tokens: &[TokenWithSpan], at: usize) -> bool {
    let is = |offset: usize, word: &str| is_word(tokens.get(at + offset), word);
    let clock = ["VERSION", "TIMESTAMP", "SYSTEM_TIME", "SYSTEM_VERSION"];
    clock.iter().any(|clock| is(0, clock)) && is(1, "AS") && is(2, "OF")
}

fn bring_into_form(tokens: &mut Vec<TokenWithSpan>, at: usize) {
    let is_for = at.checked_sub(1).is_some_and(|before| is_word(tokens.get(before), "FOR"));
    let is_version =
        is_word(tokens.get(at), "VERSION") || (is_for && is_word(tokens.get(at), "SYSTEM_VERSION"));
    if is_version {
        if let Some(clock) = tokens.get_mut(at) {
            clock.token = Token::make_keyword("VERSION");
        }
        if let Some(value) = tokens.get_mut(at + 3)
            && let Token::SingleQuotedString(name) = &value.token
        {
            value.token = Token::Placeholder(format!("{REFERENCE_MARK}{name}"));
        }
    }
    if is_for && (is_version || is_word(tokens.get(at), "TIMESTAMP")) {
        tokens.remove(at - 1);
    }
}
