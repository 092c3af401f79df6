//! Where the values lie that a rule is about, as SQL: in a column, in fields of objects, in items of arrays.

use datafusion::arrow::datatypes::{DataType, Schema};

use super::rules::{Step, label};

/// A name as SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL.
pub(super) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A value of each row, or of each item of its arrays.
#[derive(Debug, Clone)]
pub(super) struct Place<'a> {
    pub(super) sql: String,
    /// The objects around it, outermost first, up to the array that it is an item of.
    around: Vec<String>,
    pub(super) data_type: &'a DataType,
    /// The arrays that it lies in, outermost first.
    inside: Vec<Array>,
}

/// An array, and what stands for each of its items.
#[derive(Debug, Clone)]
struct Array {
    sql: String,
    item: String,
}

impl<'a> Place<'a> {
    pub(super) fn new(path: &[Step<'_>], schema: &'a Schema) -> Result<Self, String> {
        let missing = || format!("the table has no column \"{}\"", label(path));
        let (Some(Step::Name(first)), rest) = (path.first(), path.get(1..).unwrap_or_default())
        else {
            return Err(missing());
        };
        let field = schema.field_with_name(first).map_err(|_| missing())?;
        let mut place = Self {
            sql: quoted(first),
            around: Vec::new(),
            data_type: field.data_type(),
            inside: Vec::new(),
        };
        for step in rest {
            place = place.step(*step).ok_or_else(missing)?;
        }
        Ok(place)
    }

    /// A column, with the names of the fields inside of it.
    pub(super) fn of_names(names: &[String], schema: &'a Schema) -> Result<Self, String> {
        let path: Vec<Step<'_>> = names.iter().map(|name| Step::Name(name)).collect();
        Self::new(&path, schema)
    }

    fn step(mut self, step: Step<'_>) -> Option<Self> {
        match (step, self.data_type) {
            (Step::Name(name), DataType::Struct(fields)) => {
                let (_, field) = fields.find(name)?;
                let sql = format!("get_field({}, {})", self.sql, text(name));
                self.around.push(std::mem::replace(&mut self.sql, sql));
                self.data_type = field.data_type();
                Some(self)
            }
            (
                Step::Items,
                DataType::List(item)
                | DataType::LargeList(item)
                | DataType::ListView(item)
                | DataType::LargeListView(item)
                | DataType::FixedSizeList(item, _),
            ) => {
                let array = self.sql.clone();
                Some(self.into_items(array, item.data_type()))
            }
            (Step::Keys | Step::Values, DataType::Map(entries, _)) => {
                let DataType::Struct(fields) = entries.data_type() else { return None };
                let (place, function) = match step {
                    Step::Keys => (0, "map_keys"),
                    _ => (1, "map_values"),
                };
                let array = format!("{function}({})", self.sql);
                Some(self.into_items(array, fields.get(place)?.data_type()))
            }
            _ => None,
        }
    }

    fn into_items(mut self, sql: String, data_type: &'a DataType) -> Self {
        // No column is named inside, so that it can hide none.
        let item = format!("item{}", self.inside.len());
        self.inside.push(Array { sql, item: item.clone() });
        Self { sql: item, around: Vec::new(), data_type, inside: self.inside }
    }

    /// True if all objects around the value are there.
    pub(super) fn is_expected(&self) -> Vec<String> {
        self.around.iter().map(|object| format!("{object} IS NOT NULL")).collect()
    }

    /// True for a row if this is true of the value, or of an item.
    pub(super) fn of_row(&self, condition: String) -> String {
        any(&self.inside, condition)
    }

    /// True for a row if two items of one array are the same there; `None` for what is no item.
    pub(super) fn repeats(&self) -> Option<String> {
        let (array, around) = self.inside.split_last()?;
        let Array { sql: array, item } = array;
        let values = match &self.sql == item {
            true => array.clone(),
            false => format!("array_transform({array}, {item} -> {})", self.sql),
        };
        let repeats = format!("array_length(array_distinct({values})) <> array_length({values})");
        Some(any(around, repeats))
    }
}

fn any(arrays: &[Array], condition: String) -> String {
    arrays.iter().rev().fold(condition, |condition, Array { sql, item }| {
        format!("array_any_match({sql}, {item} -> {condition})")
    })
}
