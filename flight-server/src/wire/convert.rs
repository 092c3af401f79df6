//! Batches of the engine become batches of the wire schema.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use samite_engine::{Error, ErrorKind, Result};

use super::schema::WireSchema;
use super::views;

/// A value that does not fit is an error: with `safe` it would silently become NULL.
const STRICT: CastOptions<'static> =
    CastOptions { safe: false, format_options: FormatOptions::new() };

impl WireSchema {
    /// The same rows in the types of this schema.
    pub(crate) fn convert(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let fields = self.schema().fields();
        if fields.len() != batch.num_columns() {
            let message = "a batch has another number of columns than the plan";
            return Err(Error::new(ErrorKind::Internal, message)
                .with_context("plan", fields.len())
                .with_context("batch", batch.num_columns()));
        }
        let mut columns = Vec::with_capacity(fields.len());
        for (field, column) in fields.iter().zip(batch.columns()) {
            columns.push(convert_column(field, column)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(self.schema()), columns, &options)
            .map_err(|error| unreadable(error, "the result"))
    }
}

fn convert_column(field: &Field, column: &ArrayRef) -> Result<ArrayRef> {
    let (from, to) = (column.data_type(), field.data_type());
    if from == to {
        return Ok(Arc::clone(column));
    }
    let name = || format!("column \"{}\"", field.name());
    if let Some(plain) = views::plain(column, to) {
        return plain.map_err(|error| unreadable(error, &name()));
    }
    if matches!(from, DataType::Union(..)) && matches!(to, DataType::Utf8) {
        return union_as_text(column).map_err(|error| unreadable(error, &name()));
    }
    if holds_union(from) {
        let message = format!("{} holds a union inside another type", name());
        return Err(Error::new(ErrorKind::Unsupported, message)
            .with_hint("select one member of the union, or cast it"));
    }
    let sent = cast_with_options(column, to, &STRICT);
    let sent = sent.map_err(|error| unreadable(error, &name()))?;
    if holds_fine_time(from) {
        check_kept(column, &sent, &name())?;
    }
    Ok(sent)
}

/// True for times of day in nanoseconds: they travel in microseconds, and a cast would cut them.
fn holds_fine_time(data_type: &DataType) -> bool {
    *data_type == DataType::Time64(TimeUnit::Nanosecond)
        || children(data_type).iter().any(|child| holds_fine_time(child))
}

/// Refuses a column that is sent as another than it is.
fn check_kept(column: &ArrayRef, sent: &ArrayRef, name: &str) -> Result<()> {
    let back = cast_with_options(sent, column.data_type(), &STRICT);
    if back.map_err(|error| unreadable(error, name))?.as_ref() == column.as_ref() {
        return Ok(());
    }
    let message = format!("{name} holds times of day finer than a microsecond");
    Err(Error::new(ErrorKind::Unsupported, message)
        .with_hint("cast it to text, or cut it: date_trunc('microsecond', ...)"))
}

/// Arrow's cast would take one member of the union and turn the others into NULL.
fn union_as_text(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let options = FormatOptions::new();
    let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
    let nulls = column.logical_nulls();
    let mut texts = Vec::with_capacity(column.len());
    for row in 0..column.len() {
        let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        texts.push(if is_null { None } else { Some(formatter.value(row).try_to_string()?) });
    }
    Ok(Arc::new(StringArray::from(texts)))
}

fn holds_union(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Union(..))
        || children(data_type).iter().any(|child| holds_union(child))
}

/// The types inside a type, those of a union aside.
fn children(data_type: &DataType) -> Vec<&DataType> {
    match data_type {
        DataType::List(child)
        | DataType::LargeList(child)
        | DataType::ListView(child)
        | DataType::LargeListView(child)
        | DataType::FixedSizeList(child, _)
        | DataType::RunEndEncoded(_, child)
        | DataType::Map(child, _) => vec![child.data_type()],
        DataType::Struct(fields) => fields.iter().map(|field| field.data_type()).collect(),
        DataType::Dictionary(_, value) => vec![value],
        _ => Vec::new(),
    }
}

fn unreadable(error: ArrowError, what: &str) -> Error {
    Error::new(
        ErrorKind::ResourcesExhausted,
        format!("{what} cannot be sent in a type that clients read"),
    )
    .with_detail(error.to_string())
    .with_hint("cast the column to another type in the query")
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::*;
    use datafusion::arrow::datatypes::*;

    use super::super::Profile;
    use super::*;

    fn converted(array: ArrayRef, profile: Profile) -> ArrayRef {
        let schema = Schema::new(vec![Field::new("c", array.data_type().clone(), true)]);
        let wire = WireSchema::of_result(&schema, profile).unwrap();
        let batch = RecordBatch::try_new(Arc::new(schema), vec![array]).unwrap();
        Arc::clone(wire.convert(&batch).unwrap().column(0))
    }

    fn text(array: &dyn Array) -> Vec<String> {
        let options = FormatOptions::new().with_null("NULL");
        let formatter = ArrayFormatter::try_new(array, &options).unwrap();
        (0..array.len()).map(|row| formatter.value(row).to_string()).collect()
    }

    fn run_ends() -> ArrayRef {
        let values = StringViewArray::from(vec!["a", "b"]);
        Arc::new(RunArray::<Int32Type>::try_new(&Int32Array::from(vec![2, 3]), &values).unwrap())
    }

    fn list_of<A: Array + 'static>(values: A, view: bool) -> ArrayRef {
        let field = Arc::new(Field::new("item", values.data_type().clone(), false));
        let values = Arc::new(values);
        if view {
            let (offsets, sizes) = (vec![0, 1].into(), vec![1, 1].into());
            return Arc::new(ListViewArray::new(field, offsets, sizes, values, None));
        }
        let offsets = datafusion::arrow::buffer::OffsetBuffer::new(vec![0i64, 1, 2].into());
        Arc::new(LargeListArray::new(field, offsets, values, None))
    }

    #[test]
    fn every_encoding_keeps_its_values() {
        let dictionary: DictionaryArray<Int8Type> = vec!["x", "y", "x"].into_iter().collect();
        let decimals = Decimal256Array::from(vec![i256::from(12345)]);
        let cases: Vec<(ArrayRef, Vec<&str>)> = vec![
            (Arc::new(StringViewArray::from(vec![Some("a"), None])), vec!["a", "NULL"]),
            (Arc::new(LargeStringArray::from(vec!["a"])), vec!["a"]),
            (Arc::new(BinaryViewArray::from(vec![&b"a"[..]])), vec!["61"]),
            (Arc::new(dictionary), vec!["x", "y", "x"]),
            (run_ends(), vec!["a", "a", "b"]),
            (list_of(StringViewArray::from(vec!["a", "b"]), true), vec!["[a]", "[b]"]),
            (list_of(StringViewArray::from(vec!["a", "b"]), false), vec!["[a]", "[b]"]),
            (Arc::new(Float16Array::from(vec![half(1.5)])), vec!["1.5"]),
            (Arc::new(decimals.clone().with_precision_and_scale(38, 2).unwrap()), vec!["123.45"]),
            (Arc::new(decimals.with_precision_and_scale(60, 2).unwrap()), vec!["123.45"]),
            (Arc::new(Date64Array::from(vec![86_400_000])), vec!["1970-01-02"]),
            (Arc::new(Time32SecondArray::from(vec![3661])), vec!["01:01:01"]),
            (Arc::new(Time64NanosecondArray::from(vec![1_000])), vec!["00:00:00.000001"]),
            (
                Arc::new(TimestampSecondArray::from(vec![0]).with_timezone("+02:00")),
                vec!["1970-01-01T00:00:00Z"],
            ),
        ];
        for (array, expected) in cases {
            let from = array.data_type().clone();
            assert_eq!(text(&converted(array, Profile::Arrow)), expected, "{from}");
        }
    }

    #[test]
    fn time_of_day_is_not_cut() {
        for (last, is_kept) in [(1_000, true), (86_399_999_999_999, false)] {
            let column = Time64NanosecondArray::from(vec![0, last]);
            let nested = list_of(column.clone(), false);
            for column in [Arc::new(column) as ArrayRef, nested] {
                let schema = Schema::new(vec![Field::new("c", column.data_type().clone(), true)]);
                let wire = WireSchema::of_result(&schema, Profile::Arrow).unwrap();
                let batch = RecordBatch::try_new(Arc::new(schema), vec![column]).unwrap();
                let refused = wire.convert(&batch).map_err(|error| error.kind()).err();
                assert_eq!(refused, (!is_kept).then_some(ErrorKind::Unsupported), "{last}");
            }
        }
    }

    fn half(value: f32) -> <Float16Type as ArrowPrimitiveType>::Native {
        <Float16Type as ArrowPrimitiveType>::Native::from_f32(value)
    }

    #[test]
    fn java_reads_numbers_and_intervals() {
        let cases: Vec<(ArrayRef, Vec<&str>)> = vec![
            (Arc::new(UInt64Array::from(vec![u64::MAX])), vec!["18446744073709551615"]),
            (Arc::new(UInt8Array::from(vec![255])), vec!["255"]),
            (Arc::new(DurationSecondArray::from(vec![61])), vec!["PT61S"]),
            (Arc::new(IntervalYearMonthArray::from(vec![14])), vec!["1 years 2 mons"]),
        ];
        for (array, expected) in cases {
            let from = array.data_type().clone();
            assert_eq!(text(&converted(array, Profile::Jdbc)), expected, "{from}");
        }
    }

    #[test]
    fn every_member_of_a_union_is_shown() {
        let fields = UnionFields::from_fields(vec![
            Field::new("i", DataType::Int32, true),
            Field::new("s", DataType::Utf8, true),
        ]);
        let union = UnionArray::try_new(
            fields,
            vec![0i8, 1].into(),
            Some(vec![0i32, 0].into()),
            vec![Arc::new(Int32Array::from(vec![7])), Arc::new(StringArray::from(vec!["a"]))],
        )
        .unwrap();
        let shown = text(&converted(Arc::new(union), Profile::Arrow));
        assert!(shown[0].contains('7') && shown[1].contains('a'), "{shown:?}");
    }
}
