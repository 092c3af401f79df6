//! Folders of Parquet files of another writer, in every form, read as the same rows in the plainest form.

use std::path::Path;

use samite_connectors::parquet::{ParquetConfig, ParquetConnector};
use samite_connectors::stores::Stores;
use samite_engine::connector::{Connector, OpenRequest, PinnedTable};
use samite_engine::product::{Moment, Server};

use crate::formats::{
    answers, assert_same, assert_same_filtered, cases, parquet, query, request, scanned, stores,
    written,
};

fn connector(stores: &Stores) -> ParquetConnector {
    ParquetConnector::new(stores.clone(), ParquetConfig::default())
}

fn asked(case: &Path) -> OpenRequest {
    let location = format!("file://{}", case.join("table").display());
    let mut request = request("parquet", &location, Moment::Latest);
    if case.ends_with("hive") {
        let server = Server { is_hive_partitioned: true, ..request.server.as_ref().clone() };
        request.server = std::sync::Arc::new(server);
    }
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_file_reads_as_the_plainest_one() {
    let Some(folder) = written("parquet_tables.py", &[]) else { return };
    let stores = stores(&[folder.path()]);
    let connector = connector(&stores);
    let mut failures = Vec::new();
    for case in cases(folder.path()) {
        let what = case.file_name().unwrap().display().to_string();
        let (_, answer) = answers(&case).remove(0);
        let read = async {
            let pinned = connector.open(asked(&case)).await?;
            Ok::<_, samite_engine::Error>((
                query(&stores, &pinned, "SELECT * FROM t").await?,
                pinned,
            ))
        };
        match read.await {
            Ok((ours, pinned)) => {
                let answer = parquet(&answer);
                assert_same(&ours, &answer, &what);
                // Hundreds of queries over dozens of files would say little more.
                if what != "encodings" {
                    assert_same_filtered(&stores, &pinned, &answer, &what).await;
                }
            }
            Err(error) => failures.push(format!("{what}: {error:?}")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

async fn skipped(
    connector: &ParquetConnector,
    stores: &Stores,
    pinned: &PinnedTable,
    sql: &str,
) -> u64 {
    let (report, _) = scanned(connector, stores, pinned, sql).await;
    report.files_total - report.files_read
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_skipped_by_folders_and_by_bounds() {
    let Some(folder) = written("parquet_tables.py", &["hive", "grown"]) else { return };
    let stores = stores(&[folder.path()]);
    let connector = connector(&stores);
    for (case, filter, at_least) in [
        ("hive", "text = 'x/y'", 10),
        ("hive", "text IS NULL", 10),
        ("hive", "year = '2024'", 5),
        ("grown", "id > 4000000000", 1),
        ("grown", "d > 1000", 1),
        ("grown", "name IS NOT NULL", 1),
    ] {
        let pinned = connector.open(asked(&folder.path().join(case))).await.expect(case);
        let sql = format!("SELECT * FROM t WHERE {filter}");
        let skipped = skipped(&connector, &stores, &pinned, &sql).await;
        assert!(skipped >= at_least, "{case}: {filter}: {skipped}");
    }
}
