//! Gives nested values of a file the shape of the table: fields found by identity, renamed, put in
//! order, widened, and their default or NULL where the file has none.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, GenericListArray, MapArray, OffsetSizeTrait,
    RecordBatch, StructArray, new_null_array,
};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use datafusion::error::Result as DataFusionResult;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::scalar::ScalarValue;
use samite_engine::{Error, ErrorKind, Result};

use super::Identity;
use super::casts::is_lossless;
use super::defaults::value_when_missing;
use super::identity::{match_children, without_metadata};

/// How one value of a file becomes one of the table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Shape {
    /// As it is.
    Same,
    /// Widened.
    Cast(DataType),
    /// A struct with the source of each field.
    Struct(Fields, Vec<Source>),
    /// A list of any kind.
    List(FieldRef, Box<Shape>),
    /// A list whose offsets are longer in the file than in the table.
    NarrowList(FieldRef, Box<Shape>),
    /// A map: its entries.
    Map(FieldRef, Box<Shape>, bool),
}

/// Where a field of a struct comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Source {
    /// A field of the file.
    File(usize, Shape),
    /// The file has none: the same value everywhere.
    Value(ScalarValue),
}

/// A nested column of a file in the shape of the table.
#[derive(Debug, Eq)]
pub(crate) struct Reshape {
    child: Arc<dyn PhysicalExpr>,
    shape: Shape,
    field: FieldRef,
}

impl PartialEq for Reshape {
    fn eq(&self, other: &Self) -> bool {
        self.child.eq(&other.child) && self.shape == other.shape && self.field == other.field
    }
}

impl Hash for Reshape {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.child.hash(state);
        self.shape.hash(state);
        self.field.hash(state);
    }
}

impl Reshape {
    /// Reads `child`, a column of a file of type `from`, as `to`, whose nested fields carry their
    /// identities.
    ///
    /// # Errors
    ///
    /// When a value of the file cannot be a value of the table.
    pub(crate) fn try_new(
        child: Arc<dyn PhysicalExpr>,
        from: &DataType,
        to: &Field,
        identity: &Identity,
    ) -> Result<Self> {
        let shape = shape(from, to.data_type(), identity)
            .ok_or_else(|| unreadable(to.name(), from, to.data_type()))?;
        Ok(Self { child, shape, field: Arc::new(without_metadata(to)) })
    }
}

/// The error of a column whose type in a file is not one that the table's type can hold.
pub(crate) fn unreadable(column: &str, from: &DataType, to: &DataType) -> Error {
    Error::new(
        ErrorKind::CorruptSource,
        format!("column \"{column}\" of a data file cannot be read as the table's type"),
    )
    .with_detail(format!("the file has {from}, the table {to}"))
}

fn shape(from: &DataType, to: &DataType, identity: &Identity) -> Option<Shape> {
    let target = without_metadata(&Field::new("", to.clone(), true));
    if from == target.data_type() && identity.is_told_by_type(to) {
        return Some(Shape::Same);
    }
    match (from, to) {
        (DataType::Struct(file), DataType::Struct(table)) => struct_shape(file, table, identity)
            .map(|children| Shape::Struct(plain_fields(table), children)),
        (DataType::List(file), DataType::List(table))
        | (DataType::LargeList(file), DataType::LargeList(table)) => {
            list_shape(file, table, identity)
        }
        (DataType::LargeList(file), DataType::List(table)) => {
            let items = shape(file.data_type(), table.data_type(), identity)?;
            Some(Shape::NarrowList(Arc::new(without_metadata(table)), Box::new(items)))
        }
        (DataType::FixedSizeList(file, size), DataType::FixedSizeList(table, wanted))
            if size == wanted =>
        {
            list_shape(file, table, identity)
        }
        (DataType::Map(file, _), DataType::Map(table, is_sorted)) => {
            let (DataType::Struct(file), DataType::Struct(fields)) =
                (file.data_type(), table.data_type())
            else {
                return None;
            };
            // Key and value are found by their place.
            let children: Option<Vec<_>> = file
                .iter()
                .zip(fields)
                .enumerate()
                .map(|(index, (file, table))| {
                    let shape = shape(file.data_type(), table.data_type(), identity)?;
                    Some(Source::File(index, shape))
                })
                .collect();
            let entries = Shape::Struct(plain_fields(fields), children?);
            Some(Shape::Map(Arc::new(without_metadata(table)), Box::new(entries), *is_sorted))
        }
        _ if is_lossless(from, to) => Some(Shape::Cast(target.data_type().clone())),
        _ => None,
    }
}

fn list_shape(file: &Field, table: &Field, identity: &Identity) -> Option<Shape> {
    let items = shape(file.data_type(), table.data_type(), identity)?;
    Some(Shape::List(Arc::new(without_metadata(table)), Box::new(items)))
}

fn struct_shape(file: &Fields, table: &Fields, identity: &Identity) -> Option<Vec<Source>> {
    let indices = match_children(identity, table, file).ok()?;
    let child = |(field, index): (&FieldRef, Option<usize>)| match index {
        Some(index) => {
            let from = file.get(index)?.data_type();
            Some(Source::File(index, shape(from, field.data_type(), identity)?))
        }
        None => missing(field).map(Source::Value),
    };
    table.iter().zip(indices).map(child).collect()
}

/// The value of a field that a file lacks.
fn missing(field: &Field) -> Option<ScalarValue> {
    if let Some(value) = value_when_missing(field).ok()? {
        return Some(value);
    }
    let null = || ScalarValue::try_new_null(without_metadata(field).data_type()).ok();
    field.is_nullable().then(null).flatten()
}

fn plain_fields(fields: &Fields) -> Fields {
    fields.iter().map(|field| Arc::new(without_metadata(field))).collect()
}

fn apply(shape: &Shape, array: &ArrayRef) -> DataFusionResult<ArrayRef> {
    match shape {
        Shape::Same => Ok(Arc::clone(array)),
        Shape::Cast(to) => {
            let options = CastOptions { safe: false, ..CastOptions::default() };
            Ok(cast_with_options(array, to, &options)?)
        }
        Shape::Struct(fields, children) => apply_struct(fields, children, array),
        Shape::List(item, items) => match array.data_type() {
            DataType::List(_) => apply_list::<i32>(item, items, array),
            DataType::LargeList(_) => apply_list::<i64>(item, items, array),
            _ => {
                let list = array.as_fixed_size_list();
                let values = apply(items, list.values())?;
                let nulls = list.nulls().cloned();
                let item = Arc::clone(item);
                let list = FixedSizeListArray::try_new_with_length(
                    item,
                    list.value_length(),
                    values,
                    nulls,
                    list.len(),
                )?;
                Ok(Arc::new(list))
            }
        },
        Shape::NarrowList(item, items) => {
            let list = array.as_list::<i64>();
            let values = apply(items, list.values())?;
            let wide = GenericListArray::<i64>::try_new(
                Arc::clone(item),
                list.offsets().clone(),
                values,
                list.nulls().cloned(),
            )?;
            let options = CastOptions { safe: false, ..CastOptions::default() };
            Ok(cast_with_options(&wide, &DataType::List(Arc::clone(item)), &options)?)
        }
        Shape::Map(entries, values, is_sorted) => {
            let map = array.as_map();
            let structs: ArrayRef = Arc::new(map.entries().clone());
            let structs = apply(values, &structs)?;
            Ok(Arc::new(MapArray::try_new(
                Arc::clone(entries),
                map.offsets().clone(),
                structs.as_struct().clone(),
                map.nulls().cloned(),
                *is_sorted,
            )?))
        }
    }
}

fn apply_list<O: OffsetSizeTrait>(
    item: &FieldRef,
    items: &Shape,
    array: &ArrayRef,
) -> DataFusionResult<ArrayRef> {
    let list = array.as_list::<O>();
    let values = apply(items, list.values())?;
    Ok(Arc::new(GenericListArray::<O>::try_new(
        Arc::clone(item),
        list.offsets().clone(),
        values,
        list.nulls().cloned(),
    )?))
}

fn apply_struct(
    fields: &Fields,
    children: &[Source],
    array: &ArrayRef,
) -> DataFusionResult<ArrayRef> {
    let held = array.as_struct();
    let child = |(field, source): (&FieldRef, &Source)| match source {
        Source::File(index, shape) => match held.columns().get(*index) {
            Some(column) => apply(shape, column),
            None => Ok(new_null_array(field.data_type(), held.len())),
        },
        Source::Value(value) => value.to_array_of_size(held.len()),
    };
    let columns: Vec<ArrayRef> =
        fields.iter().zip(children).map(child).collect::<DataFusionResult<_>>()?;
    let nulls = held.nulls().cloned();
    Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, held.len())?))
}

impl fmt::Display for Reshape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.child)
    }
}

impl PhysicalExpr for Reshape {
    fn return_field(&self, _: &Schema) -> DataFusionResult<FieldRef> {
        Ok(Arc::clone(&self.field))
    }

    fn evaluate(&self, batch: &RecordBatch) -> DataFusionResult<ColumnarValue> {
        let array = self.child.evaluate(batch)?.into_array(batch.num_rows())?;
        Ok(ColumnarValue::Array(apply(&self.shape, &array)?))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.child]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> DataFusionResult<Arc<dyn PhysicalExpr>> {
        let child = children.into_iter().next().unwrap_or_else(|| Arc::clone(&self.child));
        let (shape, field) = (self.shape.clone(), Arc::clone(&self.field));
        Ok(Arc::new(Self { child, shape, field }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.child.fmt_sql(f)
    }
}
