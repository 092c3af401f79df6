//! The artists, as a Delta table of several commits.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Date32Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use deltalake_core::DeltaTable;
use deltalake_core::kernel::{DataType as DeltaType, PrimitiveType};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::writer::{DeltaWriter, RecordBatchWriter};
use samite_engine::Result;
use url::Url;

use super::company::{ARTISTS, artist_country, artist_id, stage_name};
use super::failed;
use super::random::Random;

/// How many times artists were signed: one commit each.
const COMMITS: usize = 4;

/// Writes all artists into `folder`: partitioned by country, in the order of their identifiers,
/// each commit the next quarter of them.
///
/// # Errors
///
/// When the table cannot be written.
pub(crate) async fn write(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let url = Url::from_directory_path(folder)
        .map_err(|()| failed(folder, "the path is not absolute".to_owned()))?;
    let mut table = Box::pin(create(url)).await.map_err(|error| failed(folder, error))?;
    for commit in 0..COMMITS {
        let quarter = ARTISTS / COMMITS;
        let batch = batch(commit * quarter..(commit + 1) * quarter)
            .map_err(|error| failed(folder, error))?;
        Box::pin(append(&mut table, batch)).await.map_err(|error| failed(folder, error))?;
    }
    Ok(())
}

async fn create(url: Url) -> deltalake_core::DeltaResult<DeltaTable> {
    let text = || DeltaType::Primitive(PrimitiveType::String);
    CreateBuilder::new()
        .with_location(url)
        .with_table_name("artists")
        .with_column("artist_id", text(), false, None)
        .with_column("stage_name", text(), false, None)
        .with_column("country", text(), false, None)
        .with_column("legal_name", text(), false, None)
        .with_column("iban", text(), true, None)
        .with_column("born_on", DeltaType::Primitive(PrimitiveType::Date), true, None)
        .with_partition_columns(["country"])
        .await
}

async fn append(table: &mut DeltaTable, batch: RecordBatch) -> deltalake_core::DeltaResult<()> {
    let mut writer = RecordBatchWriter::for_table(table)?;
    writer.write(batch).await?;
    writer.flush_and_commit(table).await?;
    Ok(())
}

fn batch(artists: std::ops::Range<usize>) -> deltalake_core::arrow::error::Result<RecordBatch> {
    let texts = |make: fn(usize) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(artists.clone().map(make)))
    };
    // A tenth of the artists never gave a day of birth.
    let born_on = artists.clone().map(|artist| {
        let mut random = Random::new(0xB0_0000 + artist as u64);
        (random.below(10) > 0).then(|| -5_000 + random.below(17_000) as i32)
    });
    let columns: Vec<ArrayRef> = vec![
        texts(artist_id),
        texts(stage_name),
        texts(|artist| artist_country(artist).to_owned()),
        texts(|artist| format!("Rights holder {artist:05}")),
        texts(|artist| format!("{}00 DAFF {artist:010}", artist_country(artist))),
        Arc::new(born_on.collect::<Date32Array>()),
    ];
    let text = |name| Field::new(name, DataType::Utf8, false);
    let schema = Schema::new(vec![
        text("artist_id"),
        text("stage_name"),
        text("country"),
        text("legal_name"),
        Field::new("iban", DataType::Utf8, true),
        Field::new("born_on", DataType::Date32, true),
    ]);
    RecordBatch::try_new(Arc::new(schema), columns)
}
