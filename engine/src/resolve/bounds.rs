//! How long and how deep a statement may be.
//!
//! Parsing, planning and dropping a statement are recursive, and a stack that overflows ends the
//! process. So depth is counted on the tokens, without recursion, before anything else happens.
//! What tokens do not show, such as tables behind commas, is counted once the statement is read.

mod dialect;
mod relations;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::config::EngineConfig;
use crate::error::{Error, ErrorKind, Result};

pub(super) use dialect::Budgeted;
pub(super) use relations::levels;

/// Parentheses, brackets, braces and CASE expressions inside each other.
const NESTING_MAX: usize = 100;

/// Operators of one expression, those around it included: a chain of them is a tree as deep as the
/// chain is long, and planning it takes time that grows with the square.
const CHAIN_MAX: usize = 1000;

/// Joins and set operations of one statement.
const RELATIONS_MAX: usize = 500;

/// Tokens that the parser may read, each as often as it is tried: it reads what stands in doubled
/// parentheses, `FROM ((SELECT ...`, once for each of them, and all of it anew at each level.
const READINGS_MAX: usize = 2_000_000;

/// Operators from which on a statement is worked on with a stack of its own.
const SHALLOW: usize = 16;

/// The stack for statements with many operators, in bytes; only what is touched is real memory.
const DEEP_STACK_BYTES: usize = 256 << 20;

/// How deep a statement can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Depth(usize);

impl Depth {
    /// A depth that needs a stack of its own.
    pub(crate) const DEEP: Self = Self(SHALLOW + 1);

    /// A depth with so many levels more.
    pub(super) fn deeper(self, levels: usize) -> Self {
        Self(self.0.saturating_add(levels))
    }

    /// Runs `work` on a stack that suffices for a statement of this depth.
    pub(crate) fn on_stack<R>(self, work: impl FnOnce() -> R) -> R {
        if self.0 <= SHALLOW { work() } else { stacker::grow(DEEP_STACK_BYTES, work) }
    }
}

/// Checks the length and the depth of a statement.
///
/// # Errors
///
/// When it is too long or too deep, or its tokens are broken.
pub(crate) fn check(sql: &str, config: &EngineConfig) -> Result<Depth> {
    if sql.len() > config.sql_bytes_max {
        return Err(Error::new(ErrorKind::InvalidQuery, "the statement is too long")
            .with_detail(format!(
                "it has {} bytes, {} are allowed",
                sql.len(),
                config.sql_bytes_max
            ))
            .with_hint("split it, or join with a table that holds the values"));
    }
    let tokens = Tokenizer::new(&GenericDialect {}, sql)
        .tokenize()
        .map_err(|error| Error::new(ErrorKind::InvalidQuery, format!("syntax error: {error}")))?;
    let mut shape = Shape { open: vec![0], ..Shape::default() };
    let mut readings = Readings { times: 1, ..Readings::default() };
    for token in &tokens {
        shape.add(role(token));
        readings.add(token);
    }
    readings.check()?;
    shape.check()
}

/// How often tokens are read.
#[derive(Debug, Default)]
struct Readings {
    /// How often the next token is read.
    times: usize,
    /// The same for what stood before each parenthesis that is open.
    outer: Vec<usize>,
    /// Parentheses that were opened one right after the other, up to here.
    run: usize,
    sum: usize,
}

impl Readings {
    fn add(&mut self, token: &Token) {
        match token {
            Token::Whitespace(_) => return,
            Token::LParen => {
                self.outer.push(self.times);
                self.run += 1;
            }
            Token::RParen => {
                self.times = self.outer.pop().unwrap_or(1);
                self.run = 0;
            }
            Token::Word(word) if self.run > 1 && begins_query(word.keyword) => {
                self.times = self.times.saturating_mul(self.run);
                self.run = 0;
            }
            _ => self.run = 0,
        }
        self.sum = self.sum.saturating_add(self.times);
    }

    fn check(&self) -> Result<()> {
        if self.sum <= READINGS_MAX {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidQuery, "the statement is too deep")
            .with_detail("doubled parentheses stand inside each other before SELECT")
            .with_hint("write one parenthesis around each subquery, or name it in WITH"))
    }
}

fn begins_query(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::SELECT
            | Keyword::WITH
            | Keyword::VALUES
            | Keyword::VALUE
            | Keyword::FROM
            | Keyword::TABLE
            | Keyword::INSERT
            | Keyword::UPDATE
            | Keyword::DELETE
            | Keyword::MERGE
    )
}

/// What was counted.
#[derive(Debug, Default)]
struct Shape {
    /// The operators so far of each expression that is open, innermost last.
    open: Vec<usize>,
    chain: usize,
    longest_chain: usize,
    deepest: usize,
    relations: usize,
}

impl Shape {
    fn add(&mut self, role: Role) {
        match role {
            Role::Opens => {
                self.open.push(0);
                self.deepest = self.deepest.max(self.open.len() - 1);
            }
            Role::Closes => {
                let inner = if self.open.len() > 1 { self.open.pop() } else { None };
                self.chain -= inner.unwrap_or(0);
            }
            Role::Operator => {
                if let Some(innermost) = self.open.last_mut() {
                    *innermost += 1;
                    self.chain += 1;
                    self.longest_chain = self.longest_chain.max(self.chain);
                }
            }
            Role::Separator => self.begin_expression(),
            Role::Relation => {
                self.relations += 1;
                self.begin_expression();
            }
            Role::Flat => {}
        }
    }

    fn begin_expression(&mut self) {
        if let Some(innermost) = self.open.last_mut() {
            self.chain -= std::mem::take(innermost);
        }
    }

    fn check(&self) -> Result<Depth> {
        if self.deepest > NESTING_MAX {
            let found = format!("{} parentheses are open at once", self.deepest);
            return Err(too_deep(found, NESTING_MAX));
        }
        if self.longest_chain > CHAIN_MAX {
            let found = format!("one expression has {} operators", self.longest_chain);
            return Err(too_deep(found, CHAIN_MAX));
        }
        if self.relations > RELATIONS_MAX {
            let found = format!("it has {} joins and set operations", self.relations);
            return Err(too_deep(found, RELATIONS_MAX));
        }
        Ok(Depth(self.longest_chain + self.deepest + self.relations))
    }
}

fn too_deep(found: String, allowed: usize) -> Error {
    Error::new(ErrorKind::InvalidQuery, "the statement is too deep")
        .with_detail(format!("{found}, {allowed} are allowed"))
        .with_hint(
            "write IN (...) for long chains of OR, or join with a table that holds the values",
        )
}

enum Role {
    Opens,
    Closes,
    Operator,
    /// Begins another expression beside the last one.
    Separator,
    Relation,
    Flat,
}

fn role(token: &Token) -> Role {
    match token {
        Token::LParen | Token::LBracket | Token::LBrace => Role::Opens,
        Token::RParen | Token::RBracket | Token::RBrace => Role::Closes,
        Token::Word(word) if word.quote_style.is_none() => match word.keyword {
            Keyword::CASE => Role::Opens,
            Keyword::END => Role::Closes,
            keyword if separates(keyword) => Role::Separator,
            keyword if relates(keyword) => Role::Relation,
            keyword if deepens(keyword) => Role::Operator,
            _ => Role::Flat,
        },
        Token::Comma => Role::Separator,
        Token::Word(_)
        | Token::Number(..)
        | Token::Char(_)
        | Token::SingleQuotedString(_)
        | Token::DoubleQuotedString(_)
        | Token::NationalStringLiteral(_)
        | Token::EscapedStringLiteral(_)
        | Token::UnicodeStringLiteral(_)
        | Token::DollarQuotedString(_)
        | Token::HexStringLiteral(_)
        | Token::Placeholder(_)
        | Token::Period
        | Token::SemiColon
        | Token::Whitespace(_)
        | Token::EOF => Role::Flat,
        _ => Role::Operator,
    }
}

fn separates(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::SELECT
            | Keyword::FROM
            | Keyword::WHERE
            | Keyword::GROUP
            | Keyword::HAVING
            | Keyword::ORDER
            | Keyword::LIMIT
            | Keyword::ON
            | Keyword::WHEN
            | Keyword::THEN
            | Keyword::ELSE
    )
}

fn relates(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::UNION
            | Keyword::INTERSECT
            | Keyword::EXCEPT
            | Keyword::MINUS
            | Keyword::JOIN
            | Keyword::APPLY
    )
}

fn deepens(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::AND
            | Keyword::OR
            | Keyword::XOR
            | Keyword::NOT
            | Keyword::IS
            | Keyword::IN
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::SIMILAR
            | Keyword::RLIKE
            | Keyword::REGEXP
            | Keyword::BETWEEN
            | Keyword::DIV
            | Keyword::COLLATE
            | Keyword::AT
            | Keyword::OVERLAPS
            | Keyword::EXPLAIN
            | Keyword::INTERVAL
            | Keyword::PRIOR
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(sql: &str) -> Result<Depth> {
        check(sql, &EngineConfig::default())
    }

    #[test]
    fn statement_has_bounds() {
        for (sql, fits) in [
            (format!("SELECT {}1", "1+".repeat(CHAIN_MAX)), true),
            (format!("SELECT {}1", "1+".repeat(CHAIN_MAX + 1)), false),
            (format!("SELECT 1 WHERE {}true", "NOT ".repeat(CHAIN_MAX + 1)), false),
            (format!("SELECT {}1", "1+(".repeat(60) + &"1+".repeat(CHAIN_MAX - 50)), false),
            (format!("SELECT {}1", "a*b+c, ".repeat(CHAIN_MAX)), true),
            (format!("SELECT {}1{}", "(".repeat(NESTING_MAX), ")".repeat(NESTING_MAX)), true),
            (format!("SELECT {}1", "(".repeat(NESTING_MAX + 1)), false),
            (format!("SELECT 1 WHERE 1 IN ({}1)", "1,".repeat(50_000)), true),
            (format!("SELECT 1 {}", "UNION ALL SELECT 1 ".repeat(RELATIONS_MAX)), true),
            (format!("SELECT 1 {}", "UNION ALL SELECT 1 ".repeat(RELATIONS_MAX + 1)), false),
            (format!("SELECT '{}'", "x".repeat(300 << 10)), false),
            ("SELECT '".to_owned(), false),
            ("SELECT 1)))) + 1".to_owned(), true),
            ("SELECT * FROM ((SELECT ".repeat(40), false),
            ("SELECT * FROM ( /* */ (FROM ".repeat(40), false),
            ("SELECT * FROM (((((VALUES (1".repeat(16), false),
            ("SELECT * FROM (SELECT ".repeat(40), true),
            ("SELECT * FROM ((SELECT 1) UNION (SELECT 2)) ".repeat(40), true),
            (format!("{}SELECT 1", "SELECT * FROM ((".repeat(8)), true),
        ] {
            assert_eq!(verdict(&sql).is_ok(), fits, "{sql:.60}");
        }
    }
}
