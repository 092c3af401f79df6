//! What a text asks for: SQL, which the engine reads, or what belongs to the connection alone, such
//! as cursors.

use datafusion::sql::sqlparser::tokenizer::Token;
use samite_engine::{Error, ErrorKind, Result};

use crate::copy::Copy;
use crate::words::{Words, is_word};

/// The directions of FETCH that are not forward.
const BACK: [&str; 6] = ["BACKWARD", "PRIOR", "FIRST", "LAST", "ABSOLUTE", "RELATIVE"];

/// What a text asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// What the engine reads.
    Sql(Verb),
    /// Gives a query a name, under which its rows are fetched.
    Declare { name: String, is_held: bool, query: String },
    /// Fetches rows of such a query: so many, or all.
    Fetch { name: String, rows: Option<usize> },
    /// Forgets such a query, or all.
    Close(Option<String>),
    /// Prepares a statement, with the names of the types of its parameters where they are said.
    Prepare { name: String, types: Vec<String>, query: String },
    /// Runs a prepared statement with the values of some expressions, written one after the other.
    Execute { name: String, values: String },
    /// Forgets a prepared statement, or all.
    Deallocate(Option<String>),
    /// Marks a place in a transaction.
    Savepoint(String),
    /// Forgets such a place.
    Release(String),
    /// Goes back to such a place: nothing was changed, but a transaction that failed goes on.
    RollbackTo(String),
    /// Forgets all that the session holds, and its settings.
    Discard,
    /// Sends the rows of a query as a file.
    Copy(Copy),
}

/// The first word of SQL, which the client gets back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Begins a transaction.
    Begin(&'static str),
    /// Ends one.
    Commit,
    /// Ends one that failed.
    Rollback,
    /// Gives rows, which are counted.
    Select,
    /// Anything else, by its name.
    Other(String),
}

impl Command {
    /// Says what a text asks for.
    ///
    /// # Errors
    ///
    /// When it is a cursor's command, or a COPY, of a form that is not supported.
    pub(crate) fn of(sql: &str) -> Result<Self> {
        let verb = first_word(sql);
        match verb.as_str() {
            "DECLARE" | "FETCH" | "MOVE" | "CLOSE" | "PREPARE" | "EXECUTE" | "DEALLOCATE"
            | "DISCARD" | "SAVEPOINT" | "RELEASE" => Words::new(sql)?.command(&verb),
            "ROLLBACK" | "ABORT" if returns(sql) => Words::new(sql)?.command(&verb),
            "COPY" => Copy::parse(sql).map(Self::Copy),
            _ => Ok(Self::Sql(Verb::of(verb))),
        }
    }
}

impl Verb {
    fn of(word: String) -> Self {
        match word.as_str() {
            "BEGIN" => Self::Begin("BEGIN"),
            "START" => Self::Begin("START TRANSACTION"),
            "COMMIT" | "END" => Self::Commit,
            "ROLLBACK" | "ABORT" => Self::Rollback,
            "SELECT" | "WITH" | "VALUES" | "TABLE" | "" => Self::Select,
            _ => Self::Other(word),
        }
    }

    /// What the client gets back after so many rows.
    pub(crate) fn tag(&self, rows: u64) -> String {
        match self {
            Self::Begin(word) => (*word).to_owned(),
            Self::Commit => "COMMIT".to_owned(),
            Self::Rollback => "ROLLBACK".to_owned(),
            Self::Select => format!("SELECT {rows}"),
            Self::Other(word) => word.clone(),
        }
    }
}

/// The first word, in capitals, without comments and parentheses before it.
fn first_word(sql: &str) -> String {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
        } else {
            let word = rest.split(|c: char| !c.is_ascii_alphabetic()).next();
            return word.unwrap_or_default().to_ascii_uppercase();
        }
    }
}

/// True for `ROLLBACK ... TO ...`.
fn returns(sql: &str) -> bool {
    sql.split_whitespace().any(|word| word.eq_ignore_ascii_case("to"))
}

impl Words<'_> {
    fn command(mut self, verb: &str) -> Result<Command> {
        self.next();
        let command = match verb {
            "DECLARE" => return self.declare(),
            "PREPARE" => return self.prepare(),
            "EXECUTE" => return self.execute(),
            "FETCH" => self.fetch()?,
            "CLOSE" => Command::Close(self.name_or_all()?),
            "DEALLOCATE" => {
                self.skip("PREPARE");
                Command::Deallocate(self.name_or_all()?)
            }
            "DISCARD" if self.skip("ALL") => Command::Discard,
            "SAVEPOINT" => Command::Savepoint(self.name()?),
            "RELEASE" => {
                self.skip("SAVEPOINT");
                Command::Release(self.name()?)
            }
            "ROLLBACK" | "ABORT" => {
                let _ = self.skip("WORK") || self.skip("TRANSACTION");
                self.skip("TO");
                self.skip("SAVEPOINT");
                Command::RollbackTo(self.name()?)
            }
            _ => return Err(unsupported(verb)),
        };
        match self.next() {
            None => Ok(command),
            Some(_) => Err(unsupported(verb)),
        }
    }

    /// `DECLARE name [ASENSITIVE] [NO SCROLL] CURSOR [WITH HOLD] FOR query`
    fn declare(mut self) -> Result<Command> {
        let name = self.name()?;
        let mut is_held = false;
        self.skip("ASENSITIVE");
        self.skip("INSENSITIVE");
        if self.skip("NO") && !self.skip("SCROLL") {
            return Err(unsupported("DECLARE"));
        }
        if self.skip("SCROLL") {
            return Err(goes_back("DECLARE ... SCROLL CURSOR"));
        }
        if !self.skip("CURSOR") {
            return Err(unsupported("DECLARE"));
        }
        if self.skip("WITH") {
            is_held = true;
        } else {
            self.skip("WITHOUT");
        }
        self.skip("HOLD");
        let end = match self.next() {
            Some((token, end)) if is_word(&token, "FOR") => end,
            _ => return Err(unsupported("DECLARE")),
        };
        Ok(Command::Declare { name, is_held, query: self.rest(end).to_owned() })
    }

    /// `PREPARE name [(type, ...)] AS query`
    fn prepare(mut self) -> Result<Command> {
        let name = self.name()?;
        let mut types = Vec::new();
        if self.skip_token(&Token::LParen) {
            let mut words: Vec<String> = Vec::new();
            loop {
                match self.next() {
                    Some((Token::Word(word), _)) => words.push(word.value.to_lowercase()),
                    Some((end @ (Token::Comma | Token::RParen), _)) if !words.is_empty() => {
                        types.push(words.join(" "));
                        words.clear();
                        if end == Token::RParen {
                            break;
                        }
                    }
                    _ => return Err(unsupported("PREPARE")),
                }
            }
        }
        match self.next() {
            Some((token, end)) if is_word(&token, "AS") => {
                Ok(Command::Prepare { name, types, query: self.rest(end).to_owned() })
            }
            _ => Err(unsupported("PREPARE")),
        }
    }

    /// `EXECUTE name [(value, ...)]`
    fn execute(mut self) -> Result<Command> {
        let name = self.name()?;
        let values = match self.next() {
            None => "",
            Some((Token::LParen, end)) => {
                self.rest(end).strip_suffix(')').ok_or_else(|| unsupported("EXECUTE"))?
            }
            Some(_) => return Err(unsupported("EXECUTE")),
        };
        Ok(Command::Execute { name, values: values.trim().to_owned() })
    }

    /// `FETCH [NEXT | ALL | n | FORWARD [n | ALL]] [FROM | IN] name`
    fn fetch(&mut self) -> Result<Command> {
        self.skip("FORWARD");
        for word in BACK {
            if self.skip(word) && !matches!(self.peek(), None | Some(Token::SemiColon)) {
                return Err(goes_back(&format!("FETCH {word}")));
            }
        }
        let rows = match self.peek().cloned() {
            Some(Token::Minus) => return Err(goes_back("FETCH of a negative number")),
            Some(Token::Number(number, _)) => {
                self.next();
                Some(number.parse().map_err(|_| unsupported("FETCH"))?)
            }
            Some(token) if is_word(&token, "ALL") => {
                self.next();
                None
            }
            _ => {
                self.skip("NEXT");
                Some(1)
            }
        };
        if !self.skip("FROM") {
            self.skip("IN");
        }
        Ok(Command::Fetch { name: self.name()?, rows })
    }

    fn name_or_all(&mut self) -> Result<Option<String>> {
        if self.skip("ALL") { Ok(None) } else { self.name().map(Some) }
    }
}

/// The refusal of a cursor that does more than go on.
fn goes_back(what: &str) -> Error {
    let message = format!("{what} is not supported: cursors only go forward");
    Error::new(ErrorKind::Unsupported, message)
        .with_hint("write DECLARE name CURSOR FOR query, and FETCH n FROM name")
}

fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("this form of {what} is not supported")).with_hint(
        "write DECLARE name CURSOR FOR query, FETCH n FROM name, CLOSE name, PREPARE name AS query, EXECUTE name (value)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_word_says_what_the_client_gets_back() {
        for (sql, tag) in [
            ("select 1", "SELECT 3"),
            ("/* a */ -- b\n (SELECT 1)", "SELECT 3"),
            ("WITH a AS (SELECT 1) SELECT * FROM a", "SELECT 3"),
            ("values (1)", "SELECT 3"),
            ("BEGIN", "BEGIN"),
            ("start transaction", "START TRANSACTION"),
            ("end", "COMMIT"),
            ("abort", "ROLLBACK"),
            ("SET a = 1", "SET"),
            ("show all", "SHOW"),
            ("explain select 1", "EXPLAIN"),
        ] {
            match Command::of(sql) {
                Ok(Command::Sql(verb)) => assert_eq!(verb.tag(3), tag, "{sql}"),
                other => panic!("{sql}: {other:?}"),
            }
        }
    }

    #[test]
    fn cursor_is_declared_fetched_from_and_closed() {
        let name = || "c".to_owned();
        let declare = |name: &str, is_held, query: &str| {
            Some(Command::Declare { name: name.to_owned(), is_held, query: query.to_owned() })
        };
        for (sql, command) in [
            ("DECLARE c CURSOR FOR SELECT 1;", declare("c", false, "SELECT 1")),
            (
                "declare \"SQL_CUR1\" cursor with hold for\n SELECT 'ä;' FROM t",
                declare("SQL_CUR1", true, "SELECT 'ä;' FROM t"),
            ),
            (
                "DECLARE C NO SCROLL CURSOR WITHOUT HOLD FOR VALUES (1)",
                declare("c", false, "VALUES (1)"),
            ),
            ("DECLARE c BINARY CURSOR FOR SELECT 1", None),
            ("DECLARE c SCROLL CURSOR FOR SELECT 1", None),
            ("FETCH c", Some(Command::Fetch { name: name(), rows: Some(1) })),
            ("FETCH NEXT FROM c", Some(Command::Fetch { name: name(), rows: Some(1) })),
            ("fetch 2048 in c;", Some(Command::Fetch { name: name(), rows: Some(2048) })),
            ("FETCH FORWARD 5 FROM \"c\"", Some(Command::Fetch { name: name(), rows: Some(5) })),
            ("FETCH ALL FROM c", Some(Command::Fetch { name: name(), rows: None })),
            ("FETCH FORWARD ALL IN c", Some(Command::Fetch { name: name(), rows: None })),
            ("FETCH BACKWARD 5 FROM c", None),
            ("FETCH -1 FROM c", None),
            ("FETCH 1 FROM c d", None),
            ("MOVE 1 FROM c", None),
            (
                "PREPARE p (int, double precision) AS SELECT $1, $2;",
                Some(Command::Prepare {
                    name: "p".to_owned(),
                    types: vec!["int".to_owned(), "double precision".to_owned()],
                    query: "SELECT $1, $2".to_owned(),
                }),
            ),
            ("PREPARE p (int AS SELECT 1", None),
            ("PREPARE p () AS SELECT 1", None),
            (
                "execute p ( 1, f(2) );",
                Some(Command::Execute { name: "p".to_owned(), values: "1, f(2)".to_owned() }),
            ),
            ("EXECUTE p", Some(Command::Execute { name: "p".to_owned(), values: String::new() })),
            ("EXECUTE p (1", None),
            ("CLOSE c", Some(Command::Close(Some(name())))),
            ("CLOSE ALL", Some(Command::Close(None))),
            ("DEALLOCATE c", Some(Command::Deallocate(Some(name())))),
            ("DEALLOCATE PREPARE ALL", Some(Command::Deallocate(None))),
            ("DISCARD ALL", Some(Command::Discard)),
            ("DISCARD TEMP", None),
            ("SAVEPOINT s", Some(Command::Savepoint("s".to_owned()))),
            ("RELEASE SAVEPOINT \"S\"", Some(Command::Release("S".to_owned()))),
            ("rollback to savepoint s;", Some(Command::RollbackTo("s".to_owned()))),
            ("ROLLBACK WORK TO s", Some(Command::RollbackTo("s".to_owned()))),
            ("ROLLBACK", Some(Command::Sql(Verb::Rollback))),
        ] {
            assert_eq!(Command::of(sql).ok(), command, "{sql}");
        }
    }
}
