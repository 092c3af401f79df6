//! Deleted rows that lie elsewhere, and files that change after their footers were kept.

use async_trait::async_trait;
use parking_lot::Mutex;

use super::*;
use crate::scan::{DeletedRows, StoredDeletes};

/// Deleted rows by place, none where they cannot be read, and the places that were asked for.
#[derive(Debug)]
struct Elsewhere {
    rows: Vec<Option<Arc<DeletedRows>>>,
    asked: Mutex<Vec<usize>>,
}

#[async_trait]
impl StoredDeletes for Elsewhere {
    async fn fetch(&self, places: &[usize]) -> samite_engine::Result<Vec<Arc<DeletedRows>>> {
        self.asked.lock().extend(places);
        let lost = || Error::new(ErrorKind::CorruptSource, "a vector is lost");
        places.iter().map(|place| self.rows[*place].clone().ok_or_else(lost)).collect()
    }
}

async fn asked(
    memory: &Memory,
    table: &TableSnapshot,
    sql: &str,
) -> samite_engine::Result<Vec<String>> {
    let pinned = pinned(table.clone(), &request("s3://one/x", Vec::new())).unwrap();
    let config = SessionConfig::new().with_target_partitions(2);
    let context = with_tables(&memory.stores, config, &[("t", &pinned.provider)]);
    ask(&context, sql).await.map(|(rows, _)| rows)
}

#[tokio::test]
async fn deleted_rows_are_fetched_for_the_files_that_are_read_alone() {
    let memory = Memory::new();
    let of = Arc::new(Elsewhere {
        rows: vec![Some(Arc::new([0, 9].into_iter().collect())), None, None],
        asked: Mutex::default(),
    });
    let mut files = Vec::new();
    for (place, deleted) in [(0_usize, 2), (1, 3), (2, 0)] {
        let from = place as i64 * 10;
        let mut file =
            memory.file("one", &format!("{place}.parquet"), &numbers("id", from..from + 10)).await;
        file.bounds = vec![int_bounds(from, from + 9)];
        let of: Arc<dyn StoredDeletes> = Arc::clone(&of) as _;
        file.deleted_rows = (place < 2).then_some(Deletes::Stored { rows: deleted, of, place });
        files.push(file);
    }
    let table = snapshot(vec![by_name("id", DataType::Int64)], files);
    for (sql, rows, places) in [
        // Their number is known without them.
        ("select count(*) from t", Some(vec!["25"]), vec![]),
        ("select sum(1) from t", Some(vec!["25"]), vec![]),
        ("select count(*) from (select 1 from t limit 22)", Some(vec!["22"]), vec![]),
        ("select sum(id) from t where id < 10", Some(vec!["36"]), vec![0]),
        ("select count(*) from t where id between 8 and 9", Some(vec!["1"]), vec![0]),
        ("select sum(id) from t where id > 20", Some(vec!["225"]), vec![]),
        ("select sum(id) from t where id > 5", None, vec![0, 1]),
        ("select count(*) from t where id = 15", None, vec![1]),
    ] {
        let found = asked(&memory, &table, sql).await;
        assert_eq!(std::mem::take(&mut *of.asked.lock()), places, "{sql}");
        match (found, rows) {
            (Ok(found), Some(rows)) => assert_eq!(found, rows, "{sql}"),
            (Err(error), None) => assert_eq!(error.kind(), ErrorKind::CorruptSource, "{error:?}"),
            (found, _) => panic!("{sql}: {found:?}"),
        }
    }
}

#[tokio::test]
async fn file_that_has_another_content_than_its_kept_footer_is_an_error_once() {
    let memory = Memory::new();
    // A rows' values are in the footer of one file and in the data of the other; both have one size.
    for bucket in ["one", "local"] {
        let file = memory.file(bucket, "a.parquet", &numbers("id", 0..50)).await;
        let mut table = snapshot(vec![by_name("id", DataType::Int64)], vec![file.clone()]);
        let sql = "select sum(id) from t where id >= 0";
        assert_eq!(asked(&memory, &table, sql).await.unwrap(), ["1225"]);
        let other = memory.file(bucket, "a.parquet", &numbers("id", 100..150)).await;
        assert_eq!(other.size, file.size);
        let error = asked(&memory, &table, sql).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{bucket}: {error:?}");
        assert!(error.to_line().contains("a.parquet\" was overwritten"), "{bucket}: {error:?}");
        // Who asks next has nothing of the old content.
        assert_eq!(asked(&memory, &table, sql).await.unwrap(), ["6225"], "{bucket}");
        // Another state of the table says another time: what was kept for this one is not meant.
        memory.file(bucket, "a.parquet", &numbers("id", 0..50)).await;
        table.files[0].last_modified = noon() + chrono::Duration::seconds(1);
        assert_eq!(asked(&memory, &table, sql).await.unwrap(), ["1225"], "{bucket}");
    }
}
