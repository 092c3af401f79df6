//! A table for people, with lines around it and the number of rows below.

use std::collections::VecDeque;
use std::io::Write;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use samite_engine::Result;

use super::layout::{Cell, Column, Drawing, Side, draw};
use super::text::{formatter, quantity};
use super::{Output, Target, not_written};

/// How a table looks.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TableOptions {
    /// Its room and its colours.
    pub(crate) drawing: Drawing,
    /// The rows that are shown, half of them from the begin and half from the end; all if `None`.
    pub(crate) rows_max: Option<usize>,
    /// True if the types stand below the names.
    pub(crate) has_types: bool,
}

/// A table for people. It holds what it will show, since the widths depend on all of it.
pub(crate) struct TableOutput {
    columns: Vec<Column>,
    first: Vec<Vec<Cell>>,
    last: VecDeque<Vec<Cell>>,
    rows: u64,
    options: TableOptions,
    target: Target,
}

impl TableOutput {
    /// A table of columns with `schema`.
    pub(crate) fn new(schema: SchemaRef, target: Target, options: TableOptions) -> Self {
        let columns = schema.fields().iter().map(|field| {
            let mut header = vec![visible(field.name())];
            if options.has_types {
                header.push(field.data_type().to_string());
            }
            let side = if is_number(field.data_type()) { Side::Right } else { Side::Left };
            Column { header, side }
        });
        Self {
            columns: columns.collect(),
            first: Vec::new(),
            last: VecDeque::new(),
            rows: 0,
            options,
            target,
        }
    }

    fn push(&mut self, row: Vec<Cell>) {
        let half = self.options.rows_max.map(|rows| rows / 2);
        match half {
            Some(half) if self.first.len() >= half => {
                self.last.push_back(row);
                if self.last.len() > half {
                    self.last.pop_front();
                }
            }
            _ => self.first.push(row),
        }
    }

    fn footer(&self) -> String {
        let shown = (self.first.len() + self.last.len()) as u64;
        let rows = if self.rows == 1 { "row" } else { "rows" };
        match shown {
            shown if shown < self.rows => {
                format!("({} {rows}, {shown} shown)", quantity(self.rows))
            }
            _ => format!("({} {rows})", quantity(self.rows)),
        }
    }
}

impl Output for TableOutput {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = batch.columns().iter().map(formatter).collect::<Result<Vec<_>>>()?;
        let nulls: Vec<_> = batch.columns().iter().map(|column| column.logical_nulls()).collect();
        let is_plan = is_plan(&batch.schema());
        for row in 0..batch.num_rows() {
            let mut cells = Vec::with_capacity(columns.len());
            let mut more = Vec::new();
            for (values, nulls) in columns.iter().zip(&nulls) {
                if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                    cells.push(Cell::Null);
                    continue;
                }
                let text = values.value(row).try_to_string().map_err(not_written)?;
                let mut lines = text.trim_end().split('\n').filter(|_| is_plan);
                cells.push(Cell::Text(visible(lines.next().unwrap_or(&text))));
                more.extend(lines.map(visible));
            }
            self.push(cells);
            for line in more.drain(..) {
                self.push(vec![Cell::Text(String::new()), Cell::Text(line)]);
            }
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let footer = self.footer();
        let mut rows = std::mem::take(&mut self.first);
        if rows.len() + self.last.len() < usize::try_from(self.rows).unwrap_or(usize::MAX) {
            rows.push(vec![Cell::Omitted; self.columns.len()]);
        }
        rows.extend(std::mem::take(&mut self.last));
        if !self.columns.is_empty() {
            for line in draw(&self.columns, &rows, self.options.drawing) {
                writeln!(self.target, "{line}").map_err(not_written)?;
            }
        }
        writeln!(self.target, "{footer}").map_err(not_written)?;
        self.target.finish()
    }
}

/// True for the answer of EXPLAIN, whose plans are shown line by line.
fn is_plan(schema: &SchemaRef) -> bool {
    let names = schema.fields().iter().map(|field| field.name().as_str());
    names.eq(["plan_type", "plan"])
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

/// The text on one line, and without what a terminal would obey.
pub(crate) fn visible(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() { line.extend(letter.escape_default()) } else { line.push(letter) }
    }
    line
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Decimal128Array, StringArray, TimestampMicrosecondArray};
    use parking_lot::Mutex;

    use super::*;

    fn printed(batch: &RecordBatch, options: TableOptions) -> String {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let mut output =
            Box::new(TableOutput::new(batch.schema(), Target::memory(&bytes), options));
        output.write(batch).unwrap();
        output.finish().unwrap();
        String::from_utf8(bytes.lock().clone()).unwrap()
    }

    #[test]
    fn values_look_like_in_psql() {
        let money = Decimal128Array::from(vec![Some(1250), None]);
        let instants = TimestampMicrosecondArray::from(vec![0, 1_500_000]).with_timezone("UTC");
        let batch = RecordBatch::try_from_iter([
            ("name", Arc::new(StringArray::from(vec!["a\u{1b}[31m", "b\nc"])) as _),
            ("due", Arc::new(money.with_precision_and_scale(18, 2).unwrap()) as _),
            ("at", Arc::new(instants) as _),
        ])
        .unwrap();
        assert_eq!(
            printed(&batch, TableOptions::default()),
            "┌─────────────┬───────┬───────────────────────────────┐\n\
             │ name        │ due   │ at                            │\n\
             ├─────────────┼───────┼───────────────────────────────┤\n\
             │ a\\u{1b}[31m │ 12.50 │ 1970-01-01 00:00:00+00:00     │\n\
             │ b\\nc        │  NULL │ 1970-01-01 00:00:01.500+00:00 │\n\
             └─────────────┴───────┴───────────────────────────────┘\n(2 rows)\n"
        );
    }

    #[test]
    fn many_rows_are_left_out_in_the_middle() {
        let values: Vec<String> = (0..1500).map(|row| format!("row {row}")).collect();
        let batch = RecordBatch::try_from_iter([(
            "value",
            Arc::new(StringArray::from_iter_values(values)) as _,
        )])
        .unwrap();
        let options = TableOptions { rows_max: Some(4), ..TableOptions::default() };
        let text = printed(&batch, options);
        for part in ["row 0 ", "row 1 ", "·", "row 1498", "row 1499", "(1,500 rows, 4 shown)"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("row 2 "), "{text}");
    }
}
