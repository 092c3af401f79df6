//! Tables whose files change between planning and reading, or between two queries: the rows of the snapshot, or an error
//! that names the file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use samite_connectors::connectors;
use samite_connectors::stores::Stores;
use samite_engine::connector::{Connector, PinnedTable};
use samite_engine::product::Moment;
use samite_engine::{Error, ErrorKind};
use tempfile::TempDir;

use crate::formats::{assert_same, query, request, stores, written};

/// One table, opened through stores of its own.
struct Opened {
    folder: TempDir,
    table: PathBuf,
    stores: Stores,
    connector: Arc<dyn Connector>,
    format: &'static str,
    location: String,
}

impl Opened {
    /// A table with some files in each format; nothing where it cannot be written.
    fn all() -> Vec<Self> {
        let cases = [
            ("parquet", "grown", "grown", "table"),
            ("delta", "commits", "commits", "table"),
            ("iceberg", "hints", "hint_number", ""),
        ];
        let opened = |(format, function, case, table): (&'static str, _, _, _)| {
            let folder = written(&format!("{format}_tables.py"), &[function])?;
            let case = folder.path().join(case);
            let location = match format {
                "iceberg" => std::fs::read_to_string(case.join("location")).expect("a location"),
                _ => format!("file://{}", case.join("table").display()),
            };
            let stores = stores(&[folder.path()]);
            let mut known = connectors(stores.clone()).into_iter();
            let connector = known.find(|known| known.kind() == format).expect(format);
            let table = case.join(table);
            Some(Self { folder, table, stores, connector, format, location })
        };
        cases.into_iter().filter_map(opened).collect()
    }

    async fn pinned(&self) -> Result<PinnedTable, Error> {
        self.connector.open(request(self.format, &self.location, Moment::Latest)).await
    }

    async fn rows(&self, pinned: &PinnedTable) -> Result<Vec<RecordBatch>, Error> {
        query(&self.stores, pinned, "SELECT * FROM t").await
    }

    /// The data files of the newest state, by what a reader of files finds.
    fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(&self.table, &mut found);
        found
    }

    fn assert_named(&self, error: &Error, file: &Path, what: &str) {
        let line = error.to_line();
        let name = file.file_name().expect("a name").to_string_lossy();
        assert!(line.contains(&*name), "{}, {what}: {line}", self.format);
        assert!(line.contains("domain.product.table"), "{}, {what}: {line}", self.format);
        let place = self.folder.path().display().to_string();
        assert!(!line.contains(&place), "{}, {what}: {line}", self.format);
    }
}

/// The Parquet files below a folder that are not answers.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let is_answer = path.parent() == Some(folder) && name.starts_with(['s', 'v', 'r']);
        if path.is_dir() {
            walk(&path, found);
        } else if name.ends_with(".parquet") && !(is_answer && name.len() < 30) {
            found.push(path);
        }
    }
    found.sort();
}

/// The bytes with others in the place of the data; the footer is as it was.
fn with_other_data(bytes: &[u8]) -> Vec<u8> {
    let mut other = bytes.to_vec();
    let footer = u32::from_le_bytes(*bytes[..bytes.len() - 4].last_chunk().expect("a file"));
    let end = bytes.len() - 8 - usize::try_from(footer).expect("a length");
    other[4..end].reverse();
    other
}

#[tokio::test(flavor = "multi_thread")]
async fn file_that_was_overwritten_is_an_error_that_says_so() {
    for table in Opened::all() {
        let pinned = table.pinned().await.expect(table.format);
        let before = table.rows(&pinned).await.expect(table.format);
        let mut noticed = 0;
        for file in table.files() {
            // The footer is kept, and the size is the same.
            let bytes = std::fs::read(&file).expect("a file");
            std::fs::write(&file, with_other_data(&bytes)).expect("a file");
            match table.rows(&pinned).await {
                Err(error) => {
                    noticed += 1;
                    assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{error:?}");
                    table.assert_named(&error, &file, "overwritten");
                    assert!(error.to_line().contains("was overwritten"), "{error:?}");
                }
                // It belongs to an older state.
                Ok(rows) => assert_same(&rows, &before, table.format),
            }
            std::fs::write(&file, bytes).expect("a file");
            // What is there again counts, to those that are not bound to the content of before.
            if table.format != "parquet" {
                let read = table.rows(&pinned).await;
                let read = if read.is_err() { table.rows(&pinned).await } else { read };
                assert_same(&read.expect("it is whole again"), &before, table.format);
            }
            if table.format == "parquet" {
                break;
            }
        }
        assert!(noticed > 0, "{}", table.format);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn file_that_is_gone_is_an_error_that_names_it() {
    for table in Opened::all() {
        let pinned = table.pinned().await.expect(table.format);
        let before = table.rows(&pinned).await.expect(table.format);
        let mut noticed = 0;
        for file in table.files() {
            let hidden = table.folder.path().join("hidden");
            std::fs::rename(&file, &hidden).expect("a file");
            match table.rows(&pinned).await {
                Err(error) => {
                    noticed += 1;
                    assert_eq!(error.kind(), ErrorKind::CorruptSource, "{error:?}");
                    table.assert_named(&error, &file, "gone");
                }
                Ok(rows) => assert_same(&rows, &before, table.format),
            }
            std::fs::rename(&hidden, &file).expect("a file");
        }
        assert!(noticed > 0, "{}", table.format);
        let after = table.rows(&pinned).await.expect("all is there again");
        assert_same(&after, &before, table.format);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn table_that_is_replaced_gives_the_old_rows_or_an_error_and_then_the_new_rows() {
    for (table, other) in Opened::all().into_iter().zip(Opened::all()) {
        let pinned = table.pinned().await.expect(table.format);
        let before = table.rows(&pinned).await.expect(table.format);
        if table.format == "iceberg" {
            // Its metadata names its files by their locations, so that another table cannot lie there.
            std::fs::rename(&table.table, table.folder.path().join("away")).expect("a folder");
            let error = table.rows(&pinned).await.expect_err("nothing is there");
            assert_eq!(error.kind(), ErrorKind::CorruptSource, "{error:?}");
            let error = table.pinned().await.expect_err("nothing is there");
            assert_eq!(error.kind(), ErrorKind::CorruptSource, "{error:?}");
            continue;
        }
        let fresh = other.pinned().await.expect(table.format);
        let fresh = other.rows(&fresh).await.expect(table.format);
        std::fs::rename(&table.table, table.folder.path().join("away")).expect("a folder");
        std::fs::rename(&other.table, &table.table).expect("a folder");
        match table.rows(&pinned).await {
            Ok(rows) => assert_same(&rows, &before, table.format),
            Err(error) => assert!(
                matches!(error.kind(), ErrorKind::CorruptSource | ErrorKind::SourceUnavailable),
                "{error:?}"
            ),
        }
        let pinned = table.pinned().await.expect("the new table");
        let mut read = table.rows(&pinned).await;
        for _ in 0..table.files().len() {
            // A file of the same name may be kept once for each.
            read = if read.is_err() { table.rows(&pinned).await } else { read };
        }
        assert_same(&read.expect("the new table"), &fresh, table.format);
    }
}
