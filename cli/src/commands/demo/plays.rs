//! The plays, as Parquet: the layout of today, and the one before it.

use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Int64Array, RecordBatch, StringBuilder, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;
use samite_engine::Result;
use tokio::task::JoinSet;

use super::company::{
    ARTISTS, COUNTRIES, LISTENERS, MONTHS, artist_id, pick_artist, pick_country, span_us,
};
use super::random::Random;
use super::{failed, joined};

/// How often each artist was played in one country and month.
pub(crate) struct Counts {
    /// The country.
    pub(crate) country: &'static str,
    /// The month.
    pub(crate) month: &'static str,
    /// The plays, by the number of the artist.
    pub(crate) plays: Vec<u32>,
}

/// Writes about `rows` plays in the layout of today below `folder`: one folder for each country,
/// in it one file for each month, in it the plays in the order of time.
///
/// # Errors
///
/// When a file cannot be written.
pub(crate) async fn write_current(folder: &Path, rows: u64) -> Result<Vec<Counts>> {
    let mut files = JoinSet::new();
    for (country_index, (country, share)) in COUNTRIES.iter().enumerate() {
        let folder = folder.join(format!("country={country}"));
        std::fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
        for (month_index, month) in MONTHS.iter().enumerate() {
            let part = Part {
                file: folder.join(format!("plays-{month}.parquet")),
                country,
                month,
                seed: (country_index * MONTHS.len() + month_index) as u64 + 1,
                rows: (rows * share / 100 / MONTHS.len() as u64) as usize,
            };
            files.spawn_blocking(move || part.write());
        }
    }
    let mut counts = Vec::new();
    while let Some(part) = files.join_next().await {
        counts.push(joined(part)?);
    }
    counts.sort_by_key(|part| (part.country, part.month));
    Ok(counts)
}

/// One file of the layout of today.
struct Part {
    file: PathBuf,
    country: &'static str,
    month: &'static str,
    seed: u64,
    rows: usize,
}

impl Part {
    fn write(self) -> Result<Counts> {
        let mut counts = vec![0; ARTISTS];
        let batch = self.batch(&mut counts).map_err(|error| failed(&self.file, error))?;
        write_parquet(&self.file, &batch)?;
        Ok(Counts { country: self.country, month: self.month, plays: counts })
    }

    fn batch(
        &self,
        counts: &mut [u32],
    ) -> Result<RecordBatch, Box<dyn std::error::Error + Send + Sync>> {
        let mut random = Random::new(self.seed);
        let (begin_us, length_us) = span_us(self.month);
        let mut play_id = StringBuilder::new();
        let mut listener_id = StringBuilder::new();
        let mut artist = StringBuilder::new();
        let mut track_id = StringBuilder::new();
        let mut device_ip = StringBuilder::new();
        let mut ms_played = Vec::with_capacity(self.rows);
        let mut played_at = Vec::with_capacity(self.rows);
        for row in 0..self.rows {
            write!(play_id, "{}-{}-{row:07}", self.country, self.month)?;
            play_id.append_value("");
            let listener = random.below(LISTENERS);
            write!(listener_id, "listener-{listener:06}")?;
            listener_id.append_value("");
            let number = pick_artist(&mut random);
            if let Some(count) = counts.get_mut(number) {
                *count += 1;
            }
            artist.append_value(artist_id(number));
            write!(track_id, "track-{number:05}-{:02}", random.below(24) + 1)?;
            track_id.append_value("");
            write!(device_ip, "10.{}.{}.{}", listener >> 16, listener >> 8 & 255, listener & 255)?;
            device_ip.append_value("");
            ms_played.push(15_000 + random.below(270_000) as i64);
            let place = (row as f64 + random.fraction()) / self.rows as f64;
            played_at.push(begin_us + (place * length_us as f64) as i64);
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(play_id.finish()),
            Arc::new(listener_id.finish()),
            Arc::new(artist.finish()),
            Arc::new(track_id.finish()),
            Arc::new(device_ip.finish()),
            Arc::new(Int64Array::from(ms_played)),
            Arc::new(TimestampMicrosecondArray::from(played_at).with_timezone("UTC")),
        ];
        Ok(RecordBatch::try_new(current_schema(), columns)?)
    }
}

fn current_schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, false);
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        text("play_id"),
        text("listener_id"),
        text("artist_id"),
        text("track_id"),
        Field::new("device_ip", DataType::Utf8, true),
        Field::new("ms_played", DataType::Int64, false),
        Field::new("played_at", instant, false),
    ]))
}

/// Writes `rows` plays in the first layout: one file, local time, account numbers.
///
/// # Errors
///
/// When the file cannot be written.
pub(crate) fn write_first(file: &Path, rows: usize) -> Result<()> {
    let mut random = Random::new(1_000_003);
    let (begin_us, _) = span_us("2026-01");
    let length_us = span_us("2026-05").0 - begin_us;
    let mut play_id = StringBuilder::new();
    let mut track_id = StringBuilder::new();
    let mut account_no = Vec::with_capacity(rows);
    let mut played_at = Vec::with_capacity(rows);
    for row in 0..rows {
        play_id.append_value(format!("{}-old-{row:07}", pick_country(&mut random)));
        account_no.push(700_000 + random.below(LISTENERS) as i64);
        let artist = pick_artist(&mut random);
        track_id.append_value(format!("track-{artist:05}-{:02}", random.below(24) + 1));
        let place = (row as f64 + random.fraction()) / rows as f64;
        played_at.push(begin_us + (place * length_us as f64) as i64);
    }
    let schema = Schema::new(vec![
        Field::new("play_id", DataType::Utf8, false),
        Field::new("account_no", DataType::Int64, false),
        Field::new("track_id", DataType::Utf8, false),
        Field::new("played_at", DataType::Timestamp(TimeUnit::Microsecond, None), false),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(play_id.finish()),
        Arc::new(Int64Array::from(account_no)),
        Arc::new(track_id.finish()),
        Arc::new(TimestampMicrosecondArray::from(played_at)),
    ];
    let batch =
        RecordBatch::try_new(Arc::new(schema), columns).map_err(|error| failed(file, error))?;
    write_parquet(file, &batch)
}

fn write_parquet(file: &Path, batch: &RecordBatch) -> Result<()> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(16_384))
        .build();
    let target = File::create(file).map_err(|error| failed(file, error))?;
    let mut writer = ArrowWriter::try_new(target, batch.schema(), Some(properties))
        .map_err(|error| failed(file, error))?;
    writer.write(batch).map_err(|error| failed(file, error))?;
    writer.close().map_err(|error| failed(file, error))?;
    Ok(())
}
