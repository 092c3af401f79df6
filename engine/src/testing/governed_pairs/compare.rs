//! Holds two answers against each other.

use std::collections::BTreeMap;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;

use super::Compared;
use super::queries::{Order, Question};
use super::world::World;
use crate::error::{Error, ErrorKind, Result};
use crate::session::Session;

/// What a session answers.
#[derive(Debug)]
enum Answer {
    /// The names and types of the columns, and the rows.
    Rows(String, Vec<String>),
    /// Refused before it ran, with these words.
    Refused(ErrorKind, String),
    /// It ran and failed. Which row fails first is chance, and so are the words.
    Failed(ErrorKind, String),
}

impl Answer {
    fn is_rows(&self) -> bool {
        matches!(self, Self::Rows(..))
    }

    /// True if both were refused with the same words, or failed in the same way.
    fn fails_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Refused(kind, words), Self::Refused(other_kind, other_words)) => {
                (kind, words) == (other_kind, other_words)
            }
            (Self::Failed(kind, _), Self::Failed(other_kind, _)) => kind == other_kind,
            _ => false,
        }
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
                        rows.len() == other_rows.len() && is_among(rows, by_hand, whole).await
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
        _ if seen.fails_like(&expected) => {
            compared.failed += 1;
            Ok(())
        }
        // In one plan a row is sorted out before the predicate that fails on it, in the other not: then
        // the predicate fails by hand, too, if it is asked of all that is seen. Of two that fail, one
        // can come first.
        (Answer::Refused(..), _) | (_, Answer::Refused(..)) => differ(),
        _ if !question.is_strict && fails(by_hand, &question.atoms).await => {
            compared.failed_once += 1;
            Ok(())
        }
        _ => differ(),
    }
}

/// How a session answers a query, in its own words.
pub(super) async fn plan(session: &Session, sql: &str) -> String {
    match answer(session, &format!("EXPLAIN {sql}")).await {
        Answer::Rows(_, rows) => rows.join("\n"),
        Answer::Refused(_, words) => words,
        Answer::Failed(_, words) => words,
    }
}

/// True if one of the queries fails.
async fn fails(session: &Session, atoms: &[String]) -> bool {
    for atom in atoms {
        if !answer(session, atom).await.is_rows() {
            return true;
        }
    }
    false
}

fn sorted(rows: &[String]) -> Vec<&String> {
    let mut sorted: Vec<&String> = rows.iter().collect();
    sorted.sort();
    sorted
}

/// True if the whole query gives all of the rows, each as often. Where it fails, nothing can be said.
async fn is_among(rows: &[String], session: &Session, whole: &str) -> bool {
    let Answer::Rows(_, all) = answer(session, whole).await else { return true };
    let mut counts: BTreeMap<&String, i64> = BTreeMap::new();
    for row in &all {
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

fn shown(batches: &[RecordBatch]) -> Result<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let columns: std::result::Result<Vec<ArrayFormatter<'_>>, _> = batch
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
