//! Parquet ports from end to end: what is read, what is skipped, what is refused.

mod governed;
mod skipping;
mod variant;

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, UInt32Array,
};
use datafusion::parquet::file::statistics::Statistics;
use samite_engine::connector::{Connector, OpenRequest, PinnedTable};
use samite_engine::product::{Column, LogicalType, Moment};
use samite_engine::{ErrorKind, Result};
use tempfile::TempDir;

use super::{ParquetConfig, ParquetConnector};
use crate::stores::{Stores, StoresConfig};
use crate::testing::{Folder, ask_pinned, hive, location, parquet_that_says, plays, request};

fn column(name: &str, logical_type: LogicalType) -> Column {
    Column { name: name.to_owned(), logical_type: Some(logical_type), ..Column::default() }
}

async fn open(folder: &Folder, request: OpenRequest) -> Result<PinnedTable> {
    ParquetConnector::new(folder.stores.clone(), ParquetConfig::default()).open(request).await
}

async fn open_all(folder: &Folder) -> Result<PinnedTable> {
    open(folder, request(&folder.location(), Vec::new())).await
}

#[tokio::test]
async fn folder_is_counted_filtered_and_projected() {
    let folder = Folder::new();
    folder.write_parquet("a.parquet", &plays(0, 100), 20);
    folder.write_parquet("x/b.parquet", &plays(100, 100), 20);
    folder.write("_SUCCESS", b"");
    folder.write("x/.b.parquet.crc", b"junk");
    let pinned = open_all(&folder).await.unwrap();
    assert_eq!((pinned.files, pinned.rows), (2, Some(200)));
    for (sql, expected) in [
        ("select count(*) from t", vec!["200"]),
        ("select min(id), max(id) from t", vec!["0|199"]),
        ("select name from t where id = 150", vec!["name 150"]),
        ("select id from t where name like '%77' order by id", vec!["77", "177"]),
        ("select count(*) from t where score > 50", vec!["99"]),
        ("select id from t order by id desc limit 2", vec!["199", "198"]),
        ("select count(*) from (select * from t limit 7)", vec!["7"]),
    ] {
        let (rows, _) = ask_pinned(&folder.stores, &pinned, sql).await.unwrap();
        assert_eq!(rows, expected, "{sql}");
    }
}

#[tokio::test]
async fn report_tells_what_was_read() {
    let folder = Folder::new();
    for part in 0..4 {
        folder.write_parquet(&format!("{part}.parquet"), &plays(part * 100, 100), 20);
    }
    let pinned = open_all(&folder).await.unwrap();
    let ask = async |sql: &str| {
        let (_, mut reports) = ask_pinned(&folder.stores, &pinned, sql).await.unwrap();
        reports.pop()
    };
    assert_eq!(ask("select count(*) from t").await, None, "counted without a scan");
    let report = ask("select name from t where id = 250").await.unwrap();
    assert_eq!((report.files_total, report.files_read), (4, 1), "{report:?}");
    assert_eq!(report.bytes_total, pinned.bytes);
    assert!(report.bytes_read > 0 && report.bytes_read < pinned.bytes / 8, "{report:?}");
    assert!(report.rows > 0 && report.rows <= 20, "at most one row group: {report:?}");
    assert!(report.filters[0].contains("250"), "{report:?}");
    assert_eq!(report.snapshot, pinned.snapshot.0);
    let report = ask("select * from t").await.unwrap();
    assert_eq!((report.files_read, report.rows), (4, 400), "{report:?}");
    let report = ask("select * from t where id < 0").await.unwrap();
    assert_eq!((report.files_total, report.files_read, report.bytes_read), (4, 0, 0), "{report:?}");
}

#[tokio::test]
async fn new_files_are_seen_and_change_the_snapshot() {
    let folder = Folder::new();
    folder.write_parquet("a.parquet", &plays(0, 10), 20);
    let before = open_all(&folder).await.unwrap();
    let again = open_all(&folder).await.unwrap();
    assert_eq!(before.snapshot, again.snapshot);
    folder.write_parquet("b.parquet", &plays(10, 10), 20);
    let after = open_all(&folder).await.unwrap();
    assert_ne!(before.snapshot, after.snapshot);
    let sql = "select count(*) + sum(id) * 0 from t";
    let (rows, _) = ask_pinned(&folder.stores, &after, sql).await.unwrap();
    assert_eq!(rows, ["20"]);
    let (rows, _) = ask_pinned(&folder.stores, &before, sql).await.unwrap();
    assert_eq!(rows, ["10"], "a pinned table stays as it was");
}

#[tokio::test]
async fn overwritten_file_is_an_error_and_not_another_answer() {
    let folder = Folder::new();
    folder.write_parquet("a.parquet", &plays(0, 100), 20);
    let pinned = open_all(&folder).await.unwrap();
    // The same size and schema, other values.
    folder.write_parquet("b.parquet", &plays(500, 100), 20);
    std::fs::rename(folder.folder.path().join("b.parquet"), folder.folder.path().join("a.parquet"))
        .unwrap();
    let error = ask_pinned(&folder.stores, &pinned, "select sum(id) from t").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{error:?}");
    assert!(error.message().contains("a.parquet"), "{error:?}");
}

#[tokio::test]
async fn contract_decides_on_columns() {
    let folder = Folder::new();
    folder.write_parquet("a.parquet", &plays(0, 3), 20);
    let renamed =
        Column { physical_name: Some("name".to_owned()), ..column("title", LogicalType::String) };
    let columns = vec![renamed, column("id", LogicalType::Integer)];
    let pinned = open(&folder, request(&folder.location(), columns)).await.unwrap();
    let (rows, _) =
        ask_pinned(&folder.stores, &pinned, "select * from t order by 2").await.unwrap();
    assert_eq!(rows, ["name 0|0", "name 1|1", "name 2|2"]);
    let (rows, _) = ask_pinned(&folder.stores, &pinned, "select id from t where title = 'name 2'")
        .await
        .unwrap();
    assert_eq!(rows, ["2"]);
    for (columns, part) in [
        (vec![column("nothing", LogicalType::String)], "lacks column \"nothing\""),
        (vec![column("name", LogicalType::Integer)], "a.parquet"),
    ] {
        let error = open(&folder, request(&folder.location(), columns)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ContractViolated, "{error:?}");
        assert!(error.to_line().contains(part), "{error:?}");
    }
}

#[tokio::test]
async fn swapped_names_are_read_by_physical_name() {
    let folder = Folder::new();
    let (one, two): (ArrayRef, ArrayRef) =
        (Arc::new(Int64Array::from(vec![1])), Arc::new(Int64Array::from(vec![2])));
    let batch =
        RecordBatch::try_from_iter_with_nullable([("a", one, true), ("b", two, true)]).unwrap();
    folder.write_parquet("a.parquet", &batch, 20);
    let swapped = |name: &str, physical: &str| Column {
        physical_name: Some(physical.to_owned()),
        ..column(name, LogicalType::Integer)
    };
    let columns = vec![swapped("a", "b"), swapped("b", "a")];
    let pinned = open(&folder, request(&folder.location(), columns)).await.unwrap();
    for (sql, expected) in [
        ("select a, b from t", "2|1"),
        ("select * from t where a = 2", "2|1"),
        ("select b, a from t where b = 1", "1|2"),
    ] {
        let (rows, _) = ask_pinned(&folder.stores, &pinned, sql).await.unwrap();
        assert_eq!(rows, [expected], "{sql}");
    }
}

#[tokio::test]
async fn files_of_different_age_are_read_as_one_table() {
    let folder = Folder::new();
    let ids: ArrayRef = Arc::new(Int32Array::from(vec![1, 2]));
    folder.write_parquet("a.parquet", &RecordBatch::try_from_iter([("id", ids)]).unwrap(), 20);
    folder.write_parquet("b.parquet", &plays(3, 2), 20);
    let pinned = open_all(&folder).await.unwrap();
    let (rows, _) =
        ask_pinned(&folder.stores, &pinned, "select id, name from t order by id").await.unwrap();
    assert_eq!(rows, ["1|NULL", "2|NULL", "3|name 3", "4|name 4"]);
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
    folder.write_parquet("c.parquet", &RecordBatch::try_from_iter([("id", texts)]).unwrap(), 20);
    let line = open_all(&folder).await.unwrap_err().to_line();
    assert!(
        line.contains("c.parquet") && line.contains("a.parquet") && line.contains("id"),
        "{line}"
    );
}

#[tokio::test]
async fn single_file_and_globs() {
    let folder = Folder::new();
    folder.write_parquet("2023/a.parquet", &plays(0, 10), 20);
    folder.write_parquet("2024/b.parquet", &plays(10, 10), 20);
    folder.write_parquet("2024/c%20 d+.parquet", &plays(20, 10), 20);
    for (path, rows) in [
        ("2023/a.parquet", 10),
        ("2024", 20),
        ("2024/", 20),
        ("2024/*.parquet", 20),
        ("*/a.parquet", 10),
        ("**/*.parquet", 30),
        ("2024/c%20 d+.parquet", 10),
        ("", 30),
    ] {
        let location = format!("{}/{path}", folder.location());
        let pinned = open(&folder, request(&location, Vec::new())).await;
        let pinned = pinned.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        assert_eq!(pinned.rows, Some(rows), "{path}");
        let (sum, _) =
            ask_pinned(&folder.stores, &pinned, "select count(name) from t").await.unwrap();
        assert_eq!(sum, [rows.to_string()], "{path}");
    }
}

#[tokio::test]
async fn folders_are_columns_only_where_the_server_says_so() {
    let folder = Folder::new();
    folder.write_parquet("year=2023/country=SE/a.parquet", &plays(0, 10), 20);
    folder.write_parquet("year=2024/country=S%20E/b.parquet", &plays(10, 10), 20);
    folder.write_parquet(
        "year=2024/country=__HIVE_DEFAULT_PARTITION__/c.parquet",
        &plays(20, 10),
        20,
    );
    let plain = open_all(&folder).await.unwrap();
    assert_eq!(plain.provider.schema().fields().len(), 3);
    let columns = vec![column("id", LogicalType::Integer), column("year", LogicalType::Integer)];
    let typed = open(&folder, hive(request(&folder.location(), columns))).await.unwrap();
    let (rows, reports) =
        ask_pinned(&folder.stores, &typed, "select count(id) from t where year > 2023")
            .await
            .unwrap();
    assert_eq!((rows, reports[0].files_read), (vec!["20".to_owned()], 2));
    let pinned = open(&folder, hive(request(&folder.location(), Vec::new()))).await.unwrap();
    for (sql, expected) in [
        ("select year, count(*) from t group by 1 order by 1", vec!["2023|10", "2024|20"]),
        ("select distinct country from t order by 1", vec!["S E", "SE", "NULL"]),
        ("select count(country) from t", vec!["20"]),
        ("select count(*) from t where country is null", vec!["10"]),
        ("select max(id) from t where country = 'S E'", vec!["19"]),
        ("select count(*) from t where year = '2024' and id >= 15", vec!["15"]),
    ] {
        let (rows, _) = ask_pinned(&folder.stores, &pinned, sql).await.unwrap();
        assert_eq!(rows, expected, "{sql}");
    }
    folder.write_parquet("year=2025/d.parquet", &plays(0, 1), 20);
    let error = open(&folder, hive(request(&folder.location(), Vec::new()))).await.unwrap_err();
    assert!(error.message().contains("d.parquet"), "{error:?}");
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_by_name() {
    let whole = crate::testing::parquet(&plays(0, 100), 20);
    let cut = &whole[..whole.len() / 2];
    let mut encrypted = whole.clone();
    let end = encrypted.len();
    encrypted[end - 4..].copy_from_slice(b"PARE");
    let cases: [(&str, &[u8], ErrorKind, &str); 6] = [
        ("cut.parquet", cut, ErrorKind::CorruptSource, "cut.parquet"),
        ("text.parquet", b"hello, this is text", ErrorKind::CorruptSource, "text.parquet"),
        ("tiny.parquet", b"PAR1", ErrorKind::CorruptSource, "tiny.parquet"),
        ("empty.parquet", b"", ErrorKind::CorruptSource, "empty.parquet"),
        ("secret.parquet", &encrypted, ErrorKind::Unsupported, "secret.parquet"),
        ("_delta_log/0.json", b"{}", ErrorKind::ContractViolated, "format: delta"),
    ];
    for (path, bytes, kind, part) in cases {
        let folder = Folder::new();
        folder.write_parquet("a.parquet", &plays(0, 10), 20);
        folder.write(path, bytes);
        let error = open_all(&folder).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{path}: {error:?}");
        let line = error.to_line();
        assert!(line.contains(part), "{path}: {line}");
        let root = folder.folder.path().display().to_string();
        assert!(!line.contains(&root), "{path}: {line}");
    }
    let folder = Folder::new();
    for path in ["", "nothing", "nothing/*.parquet", "nothing.parquet"] {
        let location = format!("{}/{path}", folder.location());
        let error = open(&folder, request(&location, Vec::new())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CorruptSource, "{path}: {error:?}");
    }
    let error = open(&folder, request("file:///etc", Vec::new())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
}

#[tokio::test]
async fn data_that_breaks_off_is_an_error_that_names_the_file() {
    let folder = Folder::new();
    let mut bytes = crate::testing::parquet(&plays(0, 1000), 1000);
    for byte in &mut bytes[4..40] {
        *byte = 0xff;
    }
    folder.write("broken.parquet", &bytes);
    let pinned = open_all(&folder).await.unwrap();
    let error =
        ask_pinned(&folder.stores, &pinned, "select sum(id), max(name) from t").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CorruptSource, "{error:?}");
    assert!(error.message().contains("broken.parquet"), "{error:?}");
}

#[tokio::test]
async fn history_is_refused() {
    let folder = Folder::new();
    folder.write_parquet("a.parquet", &plays(0, 10), 20);
    let mut request = request(&folder.location(), Vec::new());
    request.moment = Moment::Version(1);
    let error = open(&folder, request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
}

#[tokio::test]
async fn statistics_that_parquet_says_not_to_trust_skip_no_row() {
    use datafusion::parquet::data_type::ByteArray;
    let texts = |text: &str| Some(ByteArray::from(text));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(5), None, Some(5)]));
    let words: ArrayRef = Arc::new(StringArray::from(vec!["banana", "étude"]));
    let unsigned: ArrayRef = Arc::new(UInt32Array::from(vec![1, 4_000_000_000]));
    type Queries = &'static [(&'static str, &'static [&'static str])];
    let cases: [(ArrayRef, Statistics, Queries); 3] = [
        (
            // No number of NULLs.
            numbers,
            Statistics::int64(Some(5), Some(5), None, None, false),
            &[
                ("select x from t order by x", &["5", "5", "NULL"]),
                ("select count(*) from t where x is null", &["1"]),
                ("select count(x), count(*) from t", &["2|3"]),
                ("select count(*) from t where x = 5", &["2"]),
            ],
        ),
        (
            // The old bounds are in the order of signed bytes.
            words,
            Statistics::byte_array(texts("étude"), texts("banana"), None, Some(0), true),
            &[
                ("select x from t where x = 'banana'", &["banana"]),
                ("select max(x) from t", &["étude"]),
            ],
        ),
        (
            unsigned,
            Statistics::int32(Some(-294_967_296), Some(1), None, Some(0), true),
            &[("select x from t where x = 1", &["1"]), ("select max(x) from t", &["4000000000"])],
        ),
    ];
    for (column, statistics, queries) in cases {
        let folder = Folder::new();
        let batch = RecordBatch::try_from_iter_with_nullable([("x", column, true)]).unwrap();
        folder.write("a.parquet", &parquet_that_says(&batch, &statistics));
        // The first connector reads the footer, the second finds it in the cache.
        for _ in 0..2 {
            let pinned = open_all(&folder).await.unwrap();
            for (sql, expected) in queries {
                let (rows, _) = ask_pinned(&folder.stores, &pinned, sql).await.unwrap();
                assert_eq!(rows, *expected, "{statistics:?} {sql}");
            }
        }
    }
}

#[tokio::test]
async fn letters_in_the_path_of_the_mesh_are_no_pattern() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("we[ir]d {a,b} *?");
    for (file, from) in [("data/2023/a.parquet", 0), ("data/2024/a.parquet", 10)] {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, crate::testing::parquet(&plays(from, 10), 10)).unwrap();
    }
    let mesh_root = Some(location(&root));
    let stores = Stores::new(StoresConfig { mesh_root, ..StoresConfig::default() }).unwrap();
    let connector = ParquetConnector::new(stores, ParquetConfig::default());
    for (path, rows) in
        [("data", 20), ("data/2023/a.parquet", 10), ("data/202?/a.parquet", 20), ("*/{2024}/*", 10)]
    {
        let request = request(&format!("{}/{path}", location(&root)), Vec::new());
        let pinned = connector.open(request).await.unwrap_or_else(|e| panic!("{path}: {e:?}"));
        assert_eq!(pinned.rows, Some(rows), "{path}");
    }
}
