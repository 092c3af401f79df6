//! The rows of a query, as messages of bounded size.

use std::sync::Arc;

use bytes::BytesMut;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Field, Schema};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::{FieldDescription, RowDescription};
use samite_engine::execute::QueryStream;
use samite_engine::mesh_catalog::postgres::pg_type_of;
use samite_engine::plan::QueryPlan;
use samite_engine::resolve::{ColumnNames, Statement};
use samite_engine::{Error, ErrorKind, Result};

use crate::kind::Kind;
use crate::values::{CopyLayout, Format, Values, Zone, write_row};

/// Size at which rows are sent, in bytes.
const CHUNK_BYTES: usize = 64 << 10;

/// Columns that a row may have: their number is sent in 16 bits.
const COLUMNS_MAX: usize = 32_767;

/// The columns with which the engine answers `SHOW name`.
const SETTING_COLUMNS: [&str; 3] = ["name", "value", "description"];

/// A column of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    name: String,
    kind: Kind,
    modifier: i32,
    /// Its place among the columns of the query.
    place: usize,
}

/// The formats of the columns of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Formats(Vec<Format>);

/// The rows of a query that runs.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) stream: QueryStream,
    columns: Arc<[Column]>,
    formats: Formats,
    zone: Zone,
    /// How the rows of a COPY are written; without, they are messages of their own.
    layout: Option<CopyLayout>,
    /// True once a row was written.
    has_begun: bool,
    batch: Option<Batch>,
}

#[derive(Debug)]
struct Batch {
    values: Vec<Values>,
    next: usize,
    rows: usize,
}

/// The columns of an answer; those without a name are called as PostgreSQL does.
///
/// # Errors
///
/// When one has a type that cannot be sent, or there are too many.
pub(crate) fn columns(schema: &Schema, names: &ColumnNames) -> Result<Arc<[Column]>> {
    if schema.fields().len() > COLUMNS_MAX {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("an answer has at most {COLUMNS_MAX} columns over this protocol"),
        )
        .with_hint("select fewer, or connect with Arrow Flight SQL"));
    }
    let width = schema.fields().len();
    let column = |(place, field): (usize, &Arc<Field>)| {
        let name = names.of_column(place, width).unwrap_or(field.name());
        Ok(Column {
            name: name.replace('\0', " "),
            kind: Kind::of_field(field)?,
            modifier: pg_type_of(field.data_type()).modifier,
            place,
        })
    };
    schema.fields().iter().enumerate().map(column).collect()
}

/// The columns of a plan; of `SHOW name`, as in PostgreSQL, only the value, which has that name.
///
/// # Errors
///
/// As [`columns`].
pub(crate) fn columns_shown(plan: &QueryPlan, statement: &Statement) -> Result<Arc<[Column]>> {
    let all = columns(&plan.schema(), statement.column_names())?;
    let is_of_settings = all.iter().map(|column| column.name.as_str()).eq(SETTING_COLUMNS);
    match (shown(statement.sql()), all.get(1)) {
        (Some(name), Some(value)) if is_of_settings => {
            Ok([Column { name, ..value.clone() }].into())
        }
        _ => Ok(all),
    }
}

/// The setting that `SHOW name` asks for.
fn shown(sql: &str) -> Option<String> {
    let mut words = sql.trim_end_matches(';').split_whitespace();
    if !words.next()?.eq_ignore_ascii_case("show") {
        return None;
    }
    let name = words.collect::<Vec<_>>().join(" ").to_lowercase();
    match name.as_str() {
        "" | "all" => None,
        "time zone" => Some("TimeZone".to_owned()),
        _ => Some(name),
    }
}

/// What a client learns of the columns before the rows.
pub(crate) fn description(columns: &[Column], formats: &Formats) -> PgWireBackendMessage {
    let fields = columns.iter().enumerate().map(|(index, column)| {
        FieldDescription::new(
            column.name.clone(),
            0,
            0,
            column.kind.oid(),
            column.kind.size(),
            column.modifier,
            match formats.of(index) {
                Format::Text => 0,
                Format::Binary => 1,
            },
        )
    });
    PgWireBackendMessage::RowDescription(RowDescription::new(fields.collect()))
}

impl Column {
    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Formats {
    /// All columns as text.
    pub(crate) fn text() -> Self {
        Self(Vec::new())
    }

    /// All columns in one format.
    pub(crate) fn all(format: Format) -> Self {
        Self(vec![format])
    }

    /// What a client asks for: nothing, one format for all columns, or one for each.
    ///
    /// # Errors
    ///
    /// When there is no such format, or another number of them than columns.
    pub(crate) fn asked(codes: &[i16], columns: usize) -> Result<Self> {
        if codes.len() > 1 && codes.len() != columns {
            return Err(Error::new(
                ErrorKind::InvalidQuery,
                format!("{} formats were given for {columns} columns", codes.len()),
            ));
        }
        let format = |code: &i16| match code {
            0 => Ok(Format::Text),
            1 => Ok(Format::Binary),
            other => {
                Err(Error::new(ErrorKind::InvalidQuery, format!("there is no format {other}")))
            }
        };
        codes.iter().map(format).collect::<Result<_>>().map(Self)
    }

    /// The format of a column.
    pub(crate) fn of(&self, index: usize) -> Format {
        match self.0.as_slice() {
            [] => Format::Text,
            [one] => *one,
            each => each.get(index).copied().unwrap_or(Format::Text),
        }
    }
}

impl Rows {
    /// The rows of a query that begins to run.
    pub(crate) fn new(
        stream: QueryStream,
        columns: Arc<[Column]>,
        formats: Formats,
        zone: Zone,
    ) -> Self {
        Self { stream, columns, formats, zone, layout: None, has_begun: false, batch: None }
    }

    /// Sends what follows as a file.
    pub(crate) fn set_layout(&mut self, layout: CopyLayout) {
        self.layout = Some(layout);
    }

    /// Sends what follows in other formats.
    pub(crate) fn set_formats(&mut self, formats: Formats) {
        let values = self.batch.iter_mut().flat_map(|batch| &mut batch.values);
        values.enumerate().for_each(|(index, values)| values.set_format(formats.of(index)));
        self.formats = formats;
    }

    /// Takes the next rows from the query.
    ///
    /// # Errors
    ///
    /// When they have no place in the types of the columns.
    pub(crate) fn take(&mut self, batch: &RecordBatch) -> Result<()> {
        let missing = || Error::new(ErrorKind::Internal, "a column of the answer is missing");
        let values = self.columns.iter().enumerate().map(|(index, column)| {
            let array = batch.columns().get(column.place).ok_or_else(missing)?;
            Values::new(array, &column.kind, self.formats.of(index), self.zone)
        });
        let values = values.collect::<Result<Vec<_>>>()?;
        self.batch = Some(Batch { values, next: 0, rows: batch.num_rows() });
        Ok(())
    }

    /// Some of the rows that were taken, at most so many, as messages, and their number; `None` once
    /// there are no more of them.
    ///
    /// # Errors
    ///
    /// When a value has no place in its type.
    pub(crate) fn chunk(&mut self, rows_max: u64) -> Result<Option<(BytesMut, u64)>> {
        let Some(batch) = self.batch.as_mut().filter(|batch| batch.next < batch.rows) else {
            return Ok(None);
        };
        let mut bytes = BytesMut::with_capacity(CHUNK_BYTES);
        let mut count = 0;
        while batch.next < batch.rows && count < rows_max && bytes.len() < CHUNK_BYTES {
            match &self.layout {
                None => write_row(&batch.values, batch.next, &mut bytes)?,
                Some(layout) => {
                    layout.write_row(&batch.values, batch.next, self.has_begun, &mut bytes)?;
                }
            }
            self.has_begun = true;
            batch.next += 1;
            count += 1;
        }
        Ok(Some((bytes, count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_that_is_shown_gives_the_column_its_name() {
        for (sql, name) in [
            ("SHOW timezone", Some("timezone")),
            ("show Time  Zone;", Some("TimeZone")),
            ("SHOW mesh.purpose", Some("mesh.purpose")),
            ("SHOW ALL", None),
            ("SELECT 1", None),
            ("", None),
        ] {
            assert_eq!(shown(sql).as_deref(), name, "{sql}");
        }
    }

    #[test]
    fn formats_are_none_one_or_one_for_each_column() {
        let of = |codes: &[i16], index| Formats::asked(codes, 2).ok().map(|all| all.of(index));
        assert_eq!(of(&[], 1), Some(Format::Text));
        assert_eq!(of(&[1], 1), Some(Format::Binary));
        assert_eq!(of(&[0, 1], 0), Some(Format::Text));
        assert_eq!(of(&[0, 1], 1), Some(Format::Binary));
        for codes in [&[0, 1, 0][..], &[2], &[-1, 0]] {
            assert_eq!(of(codes, 0), None, "{codes:?}");
        }
    }
}
