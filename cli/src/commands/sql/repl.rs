//! A dialogue on the terminal: history, lines until a semicolon, completion, `\` commands.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustyline::config::{CompletionType, Configurer};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor};
use samite_engine::{Error, ErrorKind};

use super::answer::Printer;
use super::completion::Completion;
use super::connection::Connection;
use super::statements;
use crate::commands::failure::{Failure, print_error};
use crate::commands::terminal;
use crate::output::{Format, Target};

/// Lines of history that are kept.
const HISTORY_MAX: usize = 5_000;

/// The longest that is waited for the names to complete.
const LEARN_TIMEOUT: Duration = Duration::from_secs(3);

const HELP: &str = "\
Statements end with a semicolon. Ctrl-C stops a running query, Ctrl-D ends.

  \\d                 data products
  \\d DOMAIN.PRODUCT  tables and columns of a product
  \\dt                tables
  \\timing            say how long statements take, or stop it
  \\types             show the types of columns, or stop it
  \\format FORMAT     table, csv or json
  \\?                 this help
  \\q                 end

A table is DOMAIN.PRODUCT.TABLE; version 1 of a product is DOMAIN.\"PRODUCT@1\".TABLE.
EXPLAIN ANALYZE SELECT ...; shows what each port had to read.
";

/// What a dialogue has set.
struct Dialogue {
    connection: Connection,
    printer: Printer,
    is_timed: bool,
}

/// What to do after a line.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    GoOn,
    End,
}

/// Reads and answers lines until the end of input or `\q`.
pub(super) async fn run(
    mut connection: Connection,
    printer: Printer,
    history: Option<PathBuf>,
) -> Result<(), Failure> {
    if !matches!(printer.format, Format::Table | Format::Csv | Format::Json) {
        return Err(Failure::usage_text("a terminal shows table, csv or json"));
    }
    terminal::note(&format!(
        "samite {}, asking {}. \\? for help, \\q to end.",
        env!("CARGO_PKG_VERSION"),
        connection.describe()
    ));
    let completion = tokio::time::timeout(LEARN_TIMEOUT, Completion::learn(&mut connection))
        .await
        .unwrap_or_default();
    let mut editor = editor(completion).map_err(from_readline)?;
    if let Some(file) = &history {
        // The first dialogue has no history yet.
        let _ = editor.load_history(file);
    }
    let mut dialogue = Dialogue { connection, printer, is_timed: false };
    loop {
        match tokio::task::block_in_place(|| editor.readline("samite> ")) {
            Ok(line) => {
                if !line.trim().is_empty() {
                    let _ = editor.add_history_entry(line.trim());
                }
                if dialogue.answer(&line).await? == Next::End {
                    break;
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(from_readline(error)),
        }
    }
    if let Some(file) = &history {
        // A home that cannot be written to is no reason to complain at the end.
        let _ = editor.save_history(file);
    }
    Ok(())
}

fn editor(completion: Completion) -> rustyline::Result<Editor<Completion, FileHistory>> {
    let config = Config::builder()
        .max_history_size(HISTORY_MAX)?
        .completion_type(CompletionType::List)
        .auto_add_history(false)
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_history_ignore_space(true);
    editor.set_helper(Some(completion));
    Ok(editor)
}

fn from_readline(error: ReadlineError) -> Failure {
    Failure::Failed(
        Error::new(ErrorKind::Internal, "the terminal cannot be read")
            .with_detail(error.to_string())
            .with_source(error),
    )
}

impl Dialogue {
    async fn answer(&mut self, line: &str) -> Result<Next, Failure> {
        if let Some(command) = statements::command_of(line) {
            return self.command(command).await;
        }
        for statement in statements::split(line) {
            if !self.interruptible(&statement).await? {
                break;
            }
        }
        Ok(Next::GoOn)
    }

    async fn command(&mut self, command: &str) -> Result<Next, Failure> {
        let (name, argument) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        match (name, argument.trim()) {
            ("q" | "quit" | "exit", _) => return Ok(Next::End),
            ("?" | "h" | "help", _) => terminal::note(HELP),
            ("timing", _) => {
                self.is_timed = !self.is_timed;
                terminal::note(if self.is_timed { "timing is on" } else { "timing is off" });
            }
            ("types", _) => self.printer.table.has_types = !self.printer.table.has_types,
            ("format", format) => self.set_format(format),
            ("d", "") => self.list(PRODUCTS).await?,
            ("dt", _) => self.list(TABLES).await?,
            ("d", product) => self.list(&columns_of(product)).await?,
            (other, _) => terminal::note(&format!("there is no command \\{other}; \\? lists them")),
        }
        Ok(Next::GoOn)
    }

    fn set_format(&mut self, format: &str) {
        match format {
            "table" => self.printer.format = Format::Table,
            "csv" => self.printer.format = Format::Csv,
            "json" => self.printer.format = Format::Json,
            _ => terminal::note("write \\format table, csv or json"),
        }
    }

    async fn list(&mut self, sql: &str) -> Result<(), Failure> {
        self.interruptible(sql).await.map(|_| ())
    }

    /// Runs one statement; false if it failed or was stopped. Ctrl-C drops it, which stops it.
    async fn interruptible(&mut self, sql: &str) -> Result<bool, Failure> {
        let begin = Instant::now();
        let outcome = tokio::select! {
            outcome = self.ask(sql) => outcome,
            _ = tokio::signal::ctrl_c() => {
                terminal::note("stopped");
                return Ok(false);
            }
        };
        let is_good = match outcome {
            Ok(()) => true,
            Err(Failure::Failed(error)) => {
                print_error(&error);
                false
            }
            Err(other) => return Err(other),
        };
        if self.is_timed {
            terminal::note(&format!("{:.3} s", begin.elapsed().as_secs_f64()));
        }
        Ok(is_good)
    }

    async fn ask(&mut self, sql: &str) -> Result<(), Failure> {
        let answer = self.connection.ask(sql).await?;
        answer.print_warnings();
        if answer.has_rows() {
            self.printer.print(answer, Target::stdout()).await?;
        } else {
            answer.drain().await?;
        }
        Ok(())
    }
}

const PRODUCTS: &str = "SELECT * FROM mesh.discovery.products ORDER BY 1, 2";

const TABLES: &str = "SELECT table_catalog AS domain, table_schema AS product, table_name AS \"table\" \
                      FROM information_schema.tables \
                      WHERE table_catalog <> 'mesh' AND table_schema <> 'information_schema' \
                      ORDER BY 1, 2, 3";

/// The query for the columns of `domain.product`, or of a product by its name alone.
fn columns_of(product: &str) -> String {
    let text = |name: &str| name.trim_matches('"').replace('\'', "''");
    let place = match product.split_once('.') {
        Some((domain, product)) => {
            format!("table_catalog = '{}' AND table_schema = '{}'", text(domain), text(product))
        }
        None => format!("table_schema = '{}'", text(product)),
    };
    format!(
        "SELECT table_name AS \"table\", column_name AS \"column\", data_type AS type, \
         is_nullable AS nullable FROM information_schema.columns WHERE {place} \
         ORDER BY table_catalog, table_name, ordinal_position"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_in_a_command_cannot_leave_its_quotes() {
        let sql = columns_of("artists.pro'files");
        assert!(sql.contains("table_catalog = 'artists' AND table_schema = 'pro''files'"), "{sql}");
        assert!(columns_of("\"plays@1\"").contains("table_schema = 'plays@1'"));
    }
}
