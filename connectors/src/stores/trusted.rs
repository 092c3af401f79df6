//! A footer without the statistics that Parquet says not to trust.
//!
//! | statistics | why not |
//! | --- | --- |
//! | without a number of NULLs, where there may be some | DataFusion skips row groups as if it were 0 |
//! | deprecated `min` and `max` of what is not in signed order | they are in signed order all the same |
//! | `min` and `max` of INT96 | it has no order |
//!
//! DataFusion looks at none of this when it skips row groups, so that the footer itself must not say
//! it. Almost no footer needs the change, and one that does not is left as it is.

use std::sync::Arc;

use datafusion::parquet::basic::{SortOrder, Type};
use datafusion::parquet::errors::Result;
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use datafusion::parquet::file::statistics::Statistics;

/// `footer`, without what it should not say.
///
/// # Errors
///
/// When the footer contradicts itself.
pub(crate) fn trusted(footer: Arc<ParquetMetaData>) -> Result<Arc<ParquetMetaData>> {
    if !footer.row_groups().iter().any(|group| group.columns().iter().any(is_doubtful)) {
        return Ok(footer);
    }
    let mut builder = ParquetMetaData::clone(&footer).into_builder();
    let groups = builder.take_row_groups().into_iter().map(trusted_group).collect::<Result<_>>()?;
    Ok(Arc::new(builder.set_row_groups(groups).build()))
}

fn trusted_group(group: RowGroupMetaData) -> Result<RowGroupMetaData> {
    let mut builder = group.into_builder();
    let columns = builder
        .take_columns()
        .into_iter()
        .map(|chunk| match is_doubtful(&chunk) {
            true => chunk.into_builder().clear_statistics().build(),
            false => Ok(chunk),
        })
        .collect::<Result<_>>()?;
    builder.set_column_metadata(columns).build()
}

fn is_doubtful(chunk: &ColumnChunkMetaData) -> bool {
    let Some(statistics) = chunk.statistics() else { return false };
    let may_hold_null = chunk.column_descr().max_def_level() > 0;
    if may_hold_null && statistics.null_count_opt().is_none() {
        return true;
    }
    let has_bounds = statistics.min_bytes_opt().is_some() || statistics.max_bytes_opt().is_some();
    has_bounds && !is_ordered(chunk, statistics)
}

/// True if the bounds are in the order of the column's values.
fn is_ordered(chunk: &ColumnChunkMetaData, statistics: &Statistics) -> bool {
    match chunk.column_type() {
        Type::INT96 => false,
        _ if !statistics.is_min_max_deprecated() => true,
        Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY => false,
        _ => chunk.column_descr().sort_order() == SortOrder::SIGNED,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
    use datafusion::parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;
    use crate::testing::{parquet, parquet_that_says, plays};

    fn footer(bytes: Vec<u8>) -> Arc<ParquetMetaData> {
        let reader = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
        Arc::new(reader.metadata().clone())
    }

    #[test]
    fn usual_footer_is_left_as_it_is() {
        let nothing: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>, None]));
        let empty = RecordBatch::try_from_iter_with_nullable([("x", nothing, true)]).unwrap();
        for batch in [plays(0, 100), empty] {
            let footer = footer(parquet(&batch, 20));
            let found = trusted(Arc::clone(&footer)).unwrap();
            assert!(Arc::ptr_eq(&found, &footer), "{:?}", batch.schema());
        }
    }

    #[test]
    fn only_the_doubtful_column_loses_its_statistics() {
        let unknown = Statistics::int64(Some(0), Some(9), None, None, false);
        let nullable = plays(0, 10);
        let columns = ["id", "name"]
            .map(|name| (name, Arc::clone(nullable.column_by_name(name).unwrap()), true));
        let nullable = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        for (batch, is_kept) in [(nullable, false), (plays(0, 10), true)] {
            let found = trusted(footer(parquet_that_says(&batch, &unknown))).unwrap();
            let chunks = found.row_group(0).columns();
            assert_eq!(chunks[0].statistics().is_some(), is_kept, "{:?}", batch.schema());
            assert!(chunks[1].statistics().is_some());
            assert_eq!((found.num_row_groups(), found.row_group(0).num_rows()), (1, 10));
        }
    }
}
