//! What only the tokens of a statement show: escapes that the parser does not read, and the column
//! `top`.
//!
//! ```text
//! {oj a LEFT JOIN b ON ..}, {escape '\'}, {limit 5}  ─▶ the same without braces
//! {TS '2026-01-31 12:00:00'}                         ─▶ {ts '2026-01-31 12:00:00'}
//! SELECT top FROM t                                  ─▶ SELECT "top" FROM t
//! SELECT TOP $1 * FROM t                             ─▶ SELECT TOP ($1) * FROM t
//! trim(TRAILING FROM x)                              ─▶ trim(TRAILING x)
//! ```

use datafusion::sql::sqlparser::dialect::Dialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Word};

/// The tokens of a statement with something of it, made from `read` where another reader has them
/// already; `read` if it has nothing of it.
pub(in crate::resolve) fn tokens(
    sql: &str,
    dialect: &dyn Dialect,
    read: Option<Vec<TokenWithSpan>>,
) -> Option<Vec<TokenWithSpan>> {
    let bytes = sql.as_bytes();
    let may_have = bytes.contains(&b'{')
        || bytes.windows(3).any(|three| three.eq_ignore_ascii_case(b"TOP"))
        || bytes.windows(4).any(|four| four.eq_ignore_ascii_case(b"TRIM"));
    if !may_have {
        return read;
    }
    let mut tokens = match read {
        Some(tokens) => tokens,
        None => {
            let all = Tokenizer::new(dialect, sql).tokenize_with_location().ok()?;
            all.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect()
        }
    };
    name_columns_top(&mut tokens);
    trim_blanks(&mut tokens);
    Some(without_braces(tokens))
}

/// True for a statement in which brackets stand where only a name can: elsewhere they are arrays.
pub(in crate::resolve) fn quotes_with_brackets(sql: &str, dialect: &dyn Dialect) -> bool {
    let Ok(tokens) = Tokenizer::new(dialect, sql).tokenize() else { return false };
    let mut before: Option<Token> = None;
    for token in tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))) {
        let begins_name = match &before {
            Some(Token::Period) => true,
            Some(Token::Word(word)) => matches!(word.keyword, Keyword::FROM | Keyword::JOIN),
            _ => false,
        };
        if begins_name && token == Token::LBracket {
            return true;
        }
        before = Some(token);
    }
    false
}

fn word(token: Option<&TokenWithSpan>) -> Option<&Word> {
    match token.map(|token| &token.token) {
        Some(Token::Word(word)) if word.quote_style.is_none() => Some(word),
        _ => None,
    }
}

fn is_word(token: Option<&TokenWithSpan>, wanted: &[&str]) -> bool {
    word(token)
        .is_some_and(|word| wanted.iter().any(|wanted| word.value.eq_ignore_ascii_case(wanted)))
}

/// `TOP` after SELECT is a keyword only where a number follows.
fn name_columns_top(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 1;
    while at < tokens.len() {
        let is_top = is_word(tokens.get(at), &["TOP"])
            && is_word(tokens.get(at - 1), &["SELECT", "DISTINCT", "ALL"]);
        let next = tokens.get(at + 1).map(|token| token.token.clone());
        match next {
            _ if !is_top => {}
            Some(Token::Number(..) | Token::LParen) => {}
            Some(Token::Placeholder(_)) => {
                if let Some(parameter) = tokens.get(at + 1).cloned() {
                    let like = |token| TokenWithSpan { token, span: parameter.span };
                    tokens.insert(at + 2, like(Token::RParen));
                    tokens.insert(at + 1, like(Token::LParen));
                }
            }
            _ => {
                if let Some(token) = tokens.get_mut(at) {
                    token.token = Token::make_word("top", Some('"'));
                }
            }
        }
        at += 1;
    }
}

/// `trim(TRAILING FROM x)` trims blanks, as `trim(TRAILING x)` does.
fn trim_blanks(tokens: &mut Vec<TokenWithSpan>) {
    let mut at = 3;
    while at < tokens.len() {
        let is_bare = is_word(tokens.get(at), &["FROM"])
            && is_word(tokens.get(at - 1), &["LEADING", "TRAILING", "BOTH"])
            && tokens.get(at - 2).is_some_and(|token| token.token == Token::LParen)
            && is_word(tokens.get(at - 3), &["TRIM"]);
        if is_bare {
            tokens.remove(at);
        }
        at += 1;
    }
}

/// Leaves out the braces of escapes whose inside is SQL, and writes the kinds of literals small.
fn without_braces(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut kept = Vec::with_capacity(tokens.len());
    // For each brace that is open, whether it is left out.
    let mut open: Vec<bool> = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match &token.token {
            Token::LBrace => {
                let words = words_left_out(&tokens, at);
                open.push(words.is_some());
                match words {
                    Some(words) => at += words,
                    None => kept.push(token.clone()),
                }
            }
            Token::RBrace => {
                if !open.pop().unwrap_or_default() {
                    kept.push(token.clone());
                }
            }
            _ if is_kind_of_literal(&tokens, at) => kept.push(small(token)),
            _ => kept.push(token.clone()),
        }
        at += 1;
    }
    kept
}

/// How many words after a brace go with it; `None` for a brace that stays.
fn words_left_out(tokens: &[TokenWithSpan], at: usize) -> Option<usize> {
    let (first, second) = (tokens.get(at + 1), tokens.get(at + 2));
    if matches!(second.map(|token| &token.token), None | Some(Token::Colon)) {
        return None;
    }
    if is_word(first, &["oj"]) {
        return Some(1);
    }
    if is_word(first, &["escape", "limit", "interval"]) {
        return Some(0);
    }
    // Calls with words between their arguments are no calls to the parser.
    let is_special = is_word(second, &["extract", "position", "cast", "trim"]);
    let is_bare = tokens.get(at + 3).is_some_and(|token| token.token == Token::RBrace)
        && word(second).is_some();
    (is_word(first, &["fn"]) && (is_special || is_bare)).then_some(1)
}

fn is_kind_of_literal(tokens: &[TokenWithSpan], at: usize) -> bool {
    let follows_brace = at
        .checked_sub(1)
        .and_then(|before| tokens.get(before))
        .is_some_and(|before| before.token == Token::LBrace);
    let precedes_text =
        matches!(tokens.get(at + 1).map(|token| &token.token), Some(Token::SingleQuotedString(_)));
    follows_brace && precedes_text && is_word(tokens.get(at), &["d", "t", "ts"])
}

fn small(token: &TokenWithSpan) -> TokenWithSpan {
    let Token::Word(word) = &token.token else { return token.clone() };
    let token_small = Token::make_word(&word.value.to_ascii_lowercase(), None);
    TokenWithSpan { token: token_small, span: token.span }
}
