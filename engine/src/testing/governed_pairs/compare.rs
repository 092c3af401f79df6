//! Holds two answers against each other.

use std::collections::BTreeMap;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;

use super::Compared;
use super::queries::{Order, Question};
use super::world::World;
use super::writer::Atom;
use crate::error::{Error, ErrorKind};
use crate::session::Session;

/// What a session answers.
#[derive(Debug, PartialEq)]
enum Answer {
    /// The names and types of the columns, and the rows.
    Rows(String, Vec<String>),
    /// Refused before it ran, with these words.
    Refused(ErrorKind, String),
    /// It ran and failed, with these words.
    Failed(ErrorKind, String),
}

impl Answer {
    fn is_rows(&self) -> bool {
        matches!(self, Self::Rows(..))
    }
}

/// Compares the answers to one question; else says how they differ.
pub(super) async fn one(
    world: &World,
    (governed, by_hand): (&Session, &Session),
    question: &Question,
    compared: &mut Compared,
) -> Result<(), String> {
    let seen = answer(governed, &question.sql).await;
    let is_open = |place: &usize| world.tables.get(*place).is_some_and(|table| table.is_open);
    if !question.tables.iter().all(is_open) {
        compared.closed += 1;
        return match seen {
            Answer::Refused(ErrorKind::PermissionDenied, _) => Ok(()),
            other => Err(format!("its policy cannot be kept, and yet:\n{other:?}")),
        };
    }
    let expected = answer(by_hand, &question.sql).await;
    let differ = || Err(format!("governed: {seen:#?}\nby hand: {expected:#?}"));
    match (&seen, &expected) {
        (Answer::Rows(columns, rows), Answer::Rows(other_columns, other_rows)) => {
            let is_same = columns == other_columns
                && match &question.order {
                    Order::Given => rows == other_rows,
                    Order::Any => sorted(rows) == sorted(other_rows),
                    Order::SomeOf(whole) => {
                        let all = match answer(by_hand, whole).await {
                            Answer::Rows(_, all) => all,
                            _ => each_alone(world, &question.tables, whole).await?,
                        };
                        rows.len() == other_rows.len() && are_among(rows, &all)
                    }
                };
            if !is_same {
                return differ();
            }
            if rows.is_empty() {
                compared.empty += 1
            } else {
                compared.answered += 1
            }
            Ok(())
        }
        _ if seen == expected => {
            compared.failed += 1;
            Ok(())
        }
        (Answer::Refused(..), _) | (_, Answer::Refused(..)) => differ(),
        _ => {
            // Which row fails first is up to a plan, and so it is whether one fails at all where another
            // part of the query sorts rows out. It must be a row that is seen, and nothing else be said.
            let is_one_sided = seen.is_rows() || expected.is_rows();
            if is_one_sided && question.is_strict {
                return differ();
            }
            for failure in [&seen, &expected].into_iter().filter(|answer| !answer.is_rows()) {
                if !is_of_a_row(world, &question.atoms, failure).await? {
                    return differ();
                }
            }
            match is_one_sided {
                true => compared.failed_once += 1,
                false => compared.failed += 1,
            }
            Ok(())
        }
    }
}

/// True if a row that is seen fails in just these words when it is alone, in one of the parts that fail.
async fn is_of_a_row(world: &World, atoms: &[Atom], failure: &Answer) -> Result<bool, String> {
    for atom in atoms {
        for session in world.each_row(atom.place) {
            let session = session.map_err(|error| error.to_line())?;
            if answer(&session, &atom.sql).await == *failure {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// How a session answers a query, in its own words.
pub(super) async fn plan(session: &Session, sql: &str) -> String {
    match answer(session, &format!("EXPLAIN {sql}")).await {
        Answer::Rows(_, rows) => rows.join("\n"),
        Answer::Refused(_, words) => words,
        Answer::Failed(_, words) => words,
    }
}

fn sorted(rows: &[String]) -> Vec<&String> {
    let mut sorted: Vec<&String> = rows.iter().collect();
    sorted.sort();
    sorted
}

/// What a query gives of those rows on which it does not fail.
async fn each_alone(world: &World, places: &[usize], sql: &str) -> Result<Vec<String>, String> {
    let mut all = Vec::new();
    for session in places.iter().flat_map(|place| world.each_row(*place)) {
        let session = session.map_err(|error| error.to_line())?;
        if let Answer::Rows(_, rows) = answer(&session, sql).await {
            all.extend(rows);
        }
    }
    Ok(all)
}

/// True if all of the rows are among those, each as often.
fn are_among(rows: &[String], all: &[String]) -> bool {
    let mut counts: BTreeMap<&String, i64> = BTreeMap::new();
    for row in all {
        *counts.entry(row).or_default() += 1;
    }
    rows.iter().all(|row| {
        let count = counts.entry(row).or_default();
        *count -= 1;
        *count >= 0
    })
}

async fn answer(session: &Session, sql: &str) -> Answer {
    let refused = |error: Error| Answer::Refused(error.kind(), error.to_line());
    let statement = match session.parse(sql) {
        Ok(statement) => statement,
        Err(error) => return refused(error),
    };
    let plan = match session.plan(&statement).await {
        Ok(plan) => plan,
        Err(error) => return refused(error),
    };
    let ran = async {
        let rows: Vec<RecordBatch> = plan.execute().await?.try_collect().await?;
        shown(&rows)
    };
    match ran.await {
        Ok(rows) => Answer::Rows(format!("{:?}", plan.schema()), rows),
        Err(error) => Answer::Failed(error.kind(), error.to_line()),
    }
}

fn shown(batches: &[RecordBatch]) -> crate::error::Result<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Result<Vec<ArrayFormatter<'_>>, _> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options))
            .collect();
        let columns =
            columns.map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
        for row in 0..batch.num_rows() {
            let values: Vec<String> =
                columns.iter().map(|column| column.value(row).to_string()).collect();
            rows.push(values.join(" | "));
        }
    }
    Ok(rows)
}
