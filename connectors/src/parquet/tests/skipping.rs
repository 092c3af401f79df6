//! What is skipped without being read, and what must not be.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::data_type::{ByteArray, ByteArrayType};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::file::writer::SerializedFileWriter;
use datafusion::parquet::schema::parser::parse_message_type;
use samite_engine::ErrorKind;
use samite_engine::connector::{Connector, PinnedTable};

use super::super::{ParquetConfig, ParquetConnector};
use crate::testing::{Folder, ask_pinned, parquet, plays, request};

fn written(batch: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

async fn open(folder: &Folder) -> samite_engine::Result<PinnedTable> {
    let connector = ParquetConnector::new(folder.stores.clone(), ParquetConfig::default());
    connector.open(request(&folder.location(), Vec::new())).await
}

/// Keys in no order, so that bounds tell nothing.
fn scattered() -> RecordBatch {
    let keys = |rows: i64| (0..rows).map(|row| row * 7919 % 100_003 * 2);
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(keys(4000)));
    let words = keys(4000).map(|key| format!("key {key:07}"));
    let words: ArrayRef = Arc::new(StringArray::from_iter_values(words));
    RecordBatch::try_from_iter([("id", numbers), ("word", words)]).unwrap()
}

#[tokio::test]
async fn bloom_filter_skips_row_groups_that_bounds_cannot() {
    let properties = |has_filter| {
        WriterProperties::builder()
            .set_max_row_group_row_count(Some(1000))
            .set_bloom_filter_enabled(has_filter)
            .set_dictionary_enabled(false)
            .build()
    };
    let absent =
        ["select id from t where id = 8001", "select id from t where word = 'key 0008001'"];
    for (has_filter, least, most) in [(true, 0, 0), (false, 4000, 4000)] {
        let folder = Folder::new();
        folder.write("a.parquet", &written(&scattered(), properties(has_filter)));
        let pinned = open(&folder).await.unwrap();
        for sql in absent {
            let (rows, reports) = ask_pinned(&folder.stores, &pinned, sql).await.unwrap();
            assert!(rows.is_empty(), "{sql}");
            assert!((least..=most).contains(&reports[0].rows), "{sql}: {:?}", reports[0]);
        }
        for (sql, row) in [
            ("select word from t where id = 15838", "key 0015838"),
            ("select id from t where word = 'key 0015838'", "15838"),
        ] {
            let (rows, _) = ask_pinned(&folder.stores, &pinned, sql).await.unwrap();
            assert_eq!(rows, [row], "{sql}");
        }
    }
}

#[tokio::test]
async fn page_index_reads_only_the_pages_that_can_match() {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(10_000))
        .set_data_page_row_count_limit(100)
        .set_write_batch_size(100)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_dictionary_enabled(false)
        .build();
    let folder = Folder::new();
    folder.write("a.parquet", &written(&plays(0, 10_000), properties));
    let pinned = open(&folder).await.unwrap();
    let sql = "select name from t where id between 4250 and 4259";
    let (rows, reports) = ask_pinned(&folder.stores, &pinned, sql).await.unwrap();
    assert_eq!(rows.len(), 10);
    assert!(reports[0].rows <= 100, "{:?}", reports[0]);
    assert!(reports[0].bytes_read < pinned.bytes / 3, "{:?}", reports[0]);
}

#[tokio::test]
async fn cut_bounds_skip_no_row_and_are_no_answer() {
    let words = ["aaaaa", "aaaab", "ééééé", "zzzzz\u{10ffff}z", "\u{10ffff}\u{10ffff}"];
    for length in [1, 2, 3, 4] {
        let column: ArrayRef = Arc::new(StringArray::from(words.to_vec()));
        let batch = RecordBatch::try_from_iter([("x", column)]).unwrap();
        let properties = WriterProperties::builder()
            .set_statistics_truncate_length(Some(length))
            .set_column_index_truncate_length(Some(length))
            .set_max_row_group_row_count(Some(2))
            .build();
        let folder = Folder::new();
        folder.write("a.parquet", &written(&batch, properties));
        let pinned = open(&folder).await.unwrap();
        for word in words {
            let sql = format!("select x from t where x = '{word}'");
            let (rows, _) = ask_pinned(&folder.stores, &pinned, &sql).await.unwrap();
            assert_eq!(rows, [word], "{length}: {sql}");
        }
        let (rows, _) =
            ask_pinned(&folder.stores, &pinned, "select min(x), max(x) from t").await.unwrap();
        assert_eq!(rows, [format!("{}|{}", words[0], words[4])], "{length}");
    }
}

#[tokio::test]
async fn decimals_of_any_length_of_bytes_are_read() {
    let message = "message m { optional binary d (DECIMAL(20, 2)); }";
    let schema = Arc::new(parse_message_type(message).unwrap());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    // 1.00, -0.01, 655.36 and the largest value, each in as few bytes as it needs; a NULL.
    let largest = (10_i128.pow(20) - 1).to_be_bytes();
    let values: [&[u8]; 4] = [&[100], &[0xff], &[1, 0, 0], &largest[7..]];
    let values: Vec<ByteArray> = values.iter().map(|v| ByteArray::from(v.to_vec())).collect();
    column.typed::<ByteArrayType>().write_batch(&values, Some(&[1, 1, 0, 1, 1]), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    let folder = Folder::new();
    folder.write("a.parquet", &bytes);
    let pinned = open(&folder).await.unwrap();
    for (sql, expected) in [
        (
            "select d from t order by d",
            vec!["-0.01", "1.00", "655.36", "999999999999999999.99", "NULL"],
        ),
        ("select d from t where d < 0", vec!["-0.01"]),
        ("select max(d), min(d) from t", vec!["999999999999999999.99|-0.01"]),
    ] {
        let (rows, _) = ask_pinned(&folder.stores, &pinned, sql).await.unwrap();
        assert_eq!(rows, expected, "{sql}");
    }
}

#[tokio::test]
async fn thousands_of_files_are_one_table() {
    let folder = Folder::new();
    let first = folder.folder.path().join("part-00000.parquet");
    folder.write("part-00000.parquet", &parquet(&plays(0, 5), 5));
    for part in 1..2000 {
        let name = format!("{}/part-{part:05}.parquet", part % 10);
        let path = folder.folder.path().join(&name);
        if part <= 10 {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        }
        std::fs::hard_link(&first, path).unwrap();
    }
    folder.write("odd.parquet", &parquet(&plays(1_000_000, 5), 5));
    let pinned = open(&folder).await.unwrap();
    assert_eq!((pinned.files, pinned.rows), (2001, Some(10_005)));
    let sql = "select name from t where id = 1000003";
    let (rows, reports) = ask_pinned(&folder.stores, &pinned, sql).await.unwrap();
    assert_eq!((rows, reports[0].files_read), (vec!["name 1000003".to_owned()], 1));
}

#[tokio::test]
async fn footer_of_a_gigabyte_is_refused_unread() {
    let folder = Folder::new();
    let gigabyte: u32 = 1 << 30;
    let path = folder.folder.path().join("huge.parquet");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(u64::from(gigabyte) + 100).unwrap();
    drop(file);
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    let end = [&gigabyte.to_le_bytes()[..], b"PAR1"].concat();
    std::io::Write::write_all(&mut file, &end).unwrap();
    let error = open(&folder).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourcesExhausted, "{error:?}");
    assert!(error.to_line().contains("huge.parquet"), "{error:?}");
    // The same claim in a small file.
    let folder = Folder::new();
    folder.write("small.parquet", &[b"PAR1", &[0; 50][..], &end].concat());
    let error = open(&folder).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CorruptSource, "{error:?}");
    assert!(error.to_line().contains("small.parquet"), "{error:?}");
}
