//! What of an Iceberg table's metadata a query needs: the rest may be gone, and the answer is the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use samite_connectors::iceberg::{IcebergConfig, IcebergConnector};
use samite_connectors::stores::Stores;
use samite_engine::connector::Connector;
use samite_engine::product::Moment;
use samite_engine::{Error, ErrorKind};

use crate::formats::{cases, cells, parquet, query, request, stores, written};

struct Table<'a> {
    stores: &'a Stores,
    location: String,
}

impl<'a> Table<'a> {
    fn new(stores: &'a Stores, case: &Path) -> Self {
        let location = std::fs::read_to_string(case.join("location")).expect("a location");
        Self { stores, location }
    }

    /// The rows that `filter` keeps, asked of a connector that has read nothing yet.
    async fn ask(&self, filter: &str) -> Result<Vec<Vec<String>>, Error> {
        let connector = IcebergConnector::new(self.stores.clone(), IcebergConfig::default());
        let pinned = connector.open(request("iceberg", &self.location, Moment::Latest)).await?;
        let sql = format!("SELECT * FROM t WHERE {filter}");
        Ok(cells(&query(self.stores, &pinned, &sql).await?))
    }

    fn files(&self, folder: &str, is_meant: impl Fn(&str) -> bool) -> Vec<PathBuf> {
        let root = Path::new(self.location.strip_prefix("file://").expect("a file"));
        let entries = std::fs::read_dir(root.join(folder)).expect("a folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.filter(|path| is_meant(&name(path))).collect()
    }

    /// Those of `files` without which `filter` cannot be answered.
    async fn needed(&self, filter: &str, files: &[PathBuf]) -> BTreeSet<String> {
        let rows = self.ask(filter).await.expect(filter);
        let mut needed = BTreeSet::new();
        for file in files {
            let away = file.with_extension("away");
            std::fs::rename(file, &away).expect("moved");
            match self.ask(filter).await {
                Ok(found) => assert_eq!(found, rows, "{filter} without {}", name(file)),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::CorruptSource, "{filter}: {error:?}");
                    needed.insert(name(file));
                }
            }
            std::fs::rename(&away, file).expect("moved back");
        }
        needed
    }
}

fn name(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_that_cannot_hold_a_row_are_not_read() {
    let Some(folder) = written("iceberg_tables.py", &["manifests"]) else { return };
    let stores = stores(&[folder.path()]);
    for (case, filter, manifests_max) in [
        ("identity", "text = 'btext1'", 1),
        ("identity", "text >= 'etext4'", 2),
        ("identity", "text IS NULL", 1),
        ("identity", "text IS NOT NULL", 6),
        ("identity", "text IN ('atext0', 'ftext5')", 2),
        ("identity", "text = 'zzz'", 0),
        ("ratio", "ratio = 1.5", 1),
        ("ratio", "ratio < 1", 2),
        ("bucket", "number = 2", 1),
        ("bucket", "number IN (0, 2)", 2),
        ("truncate", "text LIKE 'dte%'", 1),
        ("truncate", "text < 'b'", 1),
        ("price", "price > 1.5", 2),
        ("year", "day >= DATE '1973-01-01'", 1),
        ("year", "day < DATE '1969-01-01' AND number < 0", 2),
        ("month", "instant < TIMESTAMP '1969-01-01T00:00:00Z'", 1),
        ("day", "instant = TIMESTAMP '1972-05-28T04:00:00Z'", 1),
        ("hour", "instant = TIMESTAMP '1972-05-28T04:00:00Z'", 1),
        ("evolved", "number = 1", 3),
        ("evolved", "text = 't3'", 4),
        ("evolved", "number = 1 OR number IS NULL", 3),
    ] {
        let table = Table::new(&stores, &folder.path().join(format!("manifests_{case}")));
        let is_manifest = |name: &str| name.ends_with(".avro") && !name.starts_with("snap-");
        let files = table.files("metadata", is_manifest);
        let needed = table.needed(filter, &files).await;
        assert!(needed.len() <= manifests_max, "{case}: {filter}: {needed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_of_files_that_are_not_read_are_not_read() {
    let Some(folder) = written("iceberg_deletes.py", &["skipped_deletes"]) else { return };
    let stores = stores(&[folder.path()]);
    for case in cases(folder.path()) {
        let table = Table::new(&stores, &case);
        let rows = table.ask("TRUE").await.expect("rows");
        assert_eq!(rows, cells(&parquet(&case.join("latest.parquet"))), "{}", case.display());
    }
    for (case, filter, files) in [
        ("positions", "part = 'red'", "deletes-red.parquet"),
        ("positions", "part = 'red' AND id > 99", ""),
        ("positions", "part IS NULL", ""),
        ("positions", "TRUE", "deletes-green.parquet deletes-red.parquet"),
        ("paths", "id < 50", "deletes-0.parquet"),
        ("paths", "id > 50", "deletes-100.parquet"),
        ("paths", "id > 500", ""),
        ("keys", "part = 'red'", "keys-1.parquet"),
        ("keys", "part = 'green'", "keys-2.parquet"),
        ("keys", "part = 'green' AND id > 99", ""),
        ("keys", "part IS NULL", ""),
        ("vectors", "part = 'red'", "vectors-1.puffin"),
        ("vectors", "part = 'green'", "vectors-2.puffin"),
        ("vectors", "id > 99", ""),
    ] {
        let table = Table::new(&stores, &folder.path().join(format!("skip_{case}")));
        let is_delete = |name: &str| {
            ["deletes-", "keys-", "vectors-"].iter().any(|start| name.starts_with(start))
        };
        let deletes = table.files("data", is_delete);
        let needed = table.needed(filter, &deletes).await;
        let files: BTreeSet<String> = files.split_whitespace().map(str::to_owned).collect();
        assert_eq!(needed, files, "{case}: {filter}");
    }
}
