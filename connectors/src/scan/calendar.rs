//! Files with days of the calendar before 1582, which Spark writes when it is told to (`LEGACY`).
//!
//! Their days are counted in the Julian calendar up to 1582-10-04; read as days of today's they would
//! be off by up to ten days, and instants before 1900 by minutes. Nothing turns them around here, so
//! that a file that holds such a value, or may, is refused.
//!
//! Source: Apache Spark, `spark.sql.parquet.datetimeRebaseModeInWrite` and `int96RebaseModeInWrite`.

use datafusion::parquet::basic::{ConvertedType, Type};
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use datafusion::parquet::file::statistics::Statistics;

/// Says of dates and instants that they may be of the old calendar.
const LEGACY_DATES: &str = "org.apache.spark.legacyDateTime";

/// The same of instants of type INT96, which have no bounds that could tell.
const LEGACY_INT96: &str = "org.apache.spark.legacyINT96";

/// 1582-10-15, the first day of today's calendar, in days since 1970.
const FIRST_DAY: i32 = -141_427;

/// 1900-01-01 in seconds since 1970: from then on both calendars agree on instants in every zone.
const FIRST_INSTANT: i64 = -2_208_988_800;

/// The name of a column that holds, or may hold, values of the old calendar.
pub(super) fn old_column(footer: &ParquetMetaData) -> Option<&str> {
    let says = footer.file_metadata().key_value_metadata()?;
    let has = |key: &str| says.iter().any(|said| said.key == key);
    let (dates, int96) = (has(LEGACY_DATES), has(LEGACY_INT96));
    if !dates && !int96 {
        return None;
    }
    let mut chunks = footer.row_groups().iter().flat_map(|group| group.columns());
    let old = chunks.find(|chunk| match chunk.column_type() {
        Type::INT96 => int96,
        _ => dates && may_be_old(chunk),
    });
    old.map(|chunk| chunk.column_descr().name())
}

fn may_be_old(chunk: &ColumnChunkMetaData) -> bool {
    let a_second = match chunk.column_descr().converted_type() {
        ConvertedType::DATE => {
            return match chunk.statistics() {
                Some(Statistics::Int32(found)) => {
                    found.min_opt().is_none_or(|min| *min < FIRST_DAY)
                }
                _ => true,
            };
        }
        ConvertedType::TIMESTAMP_MILLIS => 1000,
        ConvertedType::TIMESTAMP_MICROS => 1_000_000,
        _ => return false,
    };
    match chunk.statistics() {
        Some(Statistics::Int64(found)) => {
            found.min_opt().is_none_or(|min| *min < FIRST_INSTANT * a_second)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use datafusion::arrow::array::{
        ArrayRef, Date32Array, Int32Array, RecordBatch, TimestampMicrosecondArray,
    };
    use datafusion::parquet::arrow::ArrowWriter;
    use datafusion::parquet::file::metadata::KeyValue;
    use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
    use datafusion::parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;

    fn found(column: ArrayRef, key: Option<&str>, has_bounds: bool) -> Option<String> {
        let number: ArrayRef = Arc::new(Int32Array::from(vec![i32::MIN; column.len()]));
        let batch = RecordBatch::try_from_iter([("n", number), ("c", column)]).unwrap();
        let said = key.map(|key| vec![KeyValue::new(key.to_owned(), String::new())]);
        let statistics =
            if has_bounds { EnabledStatistics::Chunk } else { EnabledStatistics::None };
        let properties = WriterProperties::builder()
            .set_key_value_metadata(said)
            .set_statistics_enabled(statistics)
            .build();
        let mut bytes = Vec::new();
        let mut writer =
            ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let reader = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
        old_column(reader.metadata()).map(str::to_owned)
    }

    #[test]
    fn old_days_are_found_where_the_writer_says_so() {
        let days = |first: i32| -> ArrayRef { Arc::new(Date32Array::from(vec![0, first])) };
        let instants = |seconds: i64| -> ArrayRef {
            Arc::new(TimestampMicrosecondArray::from(vec![0, seconds * 1_000_000]))
        };
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![i32::MIN]));
        let old = Some("c".to_owned());
        for (column, key, has_bounds, expected) in [
            (days(FIRST_DAY), Some(LEGACY_DATES), true, None),
            (days(FIRST_DAY - 1), Some(LEGACY_DATES), true, old.clone()),
            (days(FIRST_DAY - 1), None, true, None),
            (days(FIRST_DAY - 1), Some("org.apache.spark.version"), true, None),
            (days(0), Some(LEGACY_DATES), false, old.clone()),
            (instants(FIRST_INSTANT), Some(LEGACY_DATES), true, None),
            (instants(FIRST_INSTANT - 1), Some(LEGACY_DATES), true, old),
            (numbers, Some(LEGACY_DATES), true, None),
        ] {
            let what = format!("{column:?} {key:?} {has_bounds}");
            assert_eq!(found(column, key, has_bounds), expected, "{what}");
        }
    }
}
