//! Runs every file of `tests/sql` against the sample mesh, each in a session of its own.
//!
//! `SAMITE_TEST_REWRITE=1 tests/run sql` writes what came instead of what was expected; read the difference before you
//! commit it.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use chrono::{TimeZone, Utc};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use samite::Mesh;
use samite_engine::session::{Principal, Session};
use samite_engine::{Clock, Error};
use samite_tests::{SampleMesh, left_out, python, rewrites_expected};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};

#[tokio::test(flavor = "multi_thread")]
async fn slt_files_give_what_they_say() {
    let Some(python) = python() else {
        return left_out("tests/sql", "no Python with tests/requirements.txt");
    };
    let folder = SampleMesh::make(&python).expect("the sample mesh is made");
    let now = Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).single().expect("a moment");
    let mesh = Mesh::builder(folder.path().display().to_string())
        .clock(Clock::new(move || now))
        .build()
        .await
        .expect("the sample mesh is opened");
    let mut failures = Vec::new();
    for file in files() {
        if let Err(failure) = run(&mesh, &file).await {
            failures.push(format!("{}: {failure}", file.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

async fn run(mesh: &Mesh, file: &Path) -> Result<(), String> {
    let mut runner = Runner::new(|| async { Ok(Client(mesh.session(Principal::user("ada")))) });
    runner.with_column_validator(sqllogictest::strict_column_validator);
    if rewrites_expected() {
        let (validator, normalizer) =
            (sqllogictest::default_validator, sqllogictest::default_normalizer);
        let columns = sqllogictest::strict_column_validator;
        let rewritten = runner.update_test_file(file, " ", validator, normalizer, columns).await;
        return rewritten.map_err(|error| error.to_string());
    }
    runner.run_file_async(file).await.map_err(|error| error.display(false).to_string())
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let entries = std::fs::read_dir(folder).expect("tests/sql can be read");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("tests/sql can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "slt"))
        .collect();
    files.sort();
    assert!(files.len() > 5, "{files:?}");
    files
}

/// What a file talks to: a session.
struct Client(Session);

/// An error as clients see it: message, detail and hint in one line.
#[derive(Debug)]
struct Line(String);

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Line {}

impl From<Error> for Line {
    fn from(error: Error) -> Self {
        Self(error.to_line())
    }
}

#[async_trait]
impl AsyncDB for Client {
    type Error = Line;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Line> {
        let stream = self.0.sql(sql).await?;
        let schema = stream.schema();
        let batches: Vec<RecordBatch> = stream.try_collect().await?;
        if schema.fields().is_empty() {
            return Ok(DBOutput::StatementComplete(0));
        }
        Ok(DBOutput::Rows { types: types(&schema), rows: batches.iter().flat_map(rows).collect() })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &'static str {
        "samite"
    }
}

fn types(schema: &Schema) -> Vec<DefaultColumnType> {
    let kind = |data_type: &DataType| match data_type {
        it if it.is_integer() => DefaultColumnType::Integer,
        it if it.is_numeric() => DefaultColumnType::FloatingPoint,
        it if it.is_string() => DefaultColumnType::Text,
        _ => DefaultColumnType::Any,
    };
    schema.fields().iter().map(|field| kind(field.data_type())).collect()
}

fn rows(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let columns: Vec<ArrayFormatter<'_>> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).expect("a type to show"))
        .collect();
    let value = |column: &ArrayFormatter<'_>, row| match column.value(row).to_string() {
        text if text.is_empty() => "(empty)".to_owned(),
        text => text,
    };
    (0..batch.num_rows()).map(|row| columns.iter().map(|it| value(it, row)).collect()).collect()
}
