//! The table's columns, found in each file.
//!
//! ```text
//! expression over the table ──▶ Column, CAST(Column), Reshape(Column) or a literal over the file
//! ```
//!
//! DataFusion asks once for each file. What a file lacks is the column's default, else NULL; what it
//! has in a type that the table's type cannot hold is an error.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result as DataFusionResult;
use datafusion::physical_expr::expressions::{CastExpr, Column, Literal};
use datafusion::physical_expr::projection::{ProjectionExpr, ProjectionExprs};
use datafusion::physical_expr_adapter::{PhysicalExprAdapter, PhysicalExprAdapterFactory};
use datafusion::physical_plan::PhysicalExpr;
use datafusion::scalar::ScalarValue;
use samite_engine::{Error, ErrorKind, Result};

use super::casts::is_lossless;
use super::identity::{has_field_ids, with_mapped_ids, without_metadata};
use super::reshape::{Reshape, unreadable};
use super::{Identity, Lineage, SnapshotColumn};

/// The name of a column that no file and no table has, see [`Columns::file_schema`].
const NEVER: &str = "\0never";

/// The columns of a table with how a file's columns are recognised as them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Columns {
    columns: Vec<SnapshotColumn>,
    /// What each is called in [`Columns::file_schema`].
    names: Vec<String>,
}

impl Columns {
    /// The columns of a table.
    ///
    /// # Errors
    ///
    /// When two have one name.
    pub(crate) fn new(columns: Vec<SnapshotColumn>) -> Result<Self> {
        let mut names = HashSet::new();
        for column in &columns {
            if !names.insert(column.field.name()) {
                return Err(Error::new(
                    ErrorKind::ContractViolated,
                    format!("column \"{}\" is there twice", column.field.name()),
                ));
            }
        }
        let names = names_in_files(&columns);
        Ok(Self { columns, names })
    }

    /// The columns as the snapshot has them.
    pub(crate) fn as_slice(&self) -> &[SnapshotColumn] {
        &self.columns
    }

    /// What a consumer sees.
    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.plain_fields().collect::<Vec<_>>()))
    }

    /// What DataFusion compares files with: the table's columns and one that no file has. Without
    /// that one, a file that has the table's names in the table's order would be read by name.
    pub(crate) fn file_schema(&self) -> SchemaRef {
        let never = Field::new(NEVER, DataType::Boolean, true);
        let fields =
            self.plain_fields().zip(&self.names).map(|(field, name)| field.with_name(name));
        Arc::new(Schema::new(fields.chain([never]).collect::<Vec<_>>()))
    }

    /// Takes the columns at `indices` from [`Columns::file_schema`], as a consumer names them.
    pub(crate) fn projection(&self, indices: &[usize]) -> ProjectionExprs {
        let named = |index: &usize| {
            let (column, name) = (self.columns.get(*index)?, self.names.get(*index)?);
            let held = Arc::new(Column::new(name, *index));
            Some(ProjectionExpr::new(held, column.field.name()))
        };
        ProjectionExprs::new(indices.iter().filter_map(named))
    }

    /// The columns of row lineage among those that are called `names` in
    /// [`Columns::file_schema`], by place; anything else is `None`.
    pub(crate) fn lineage<'a>(
        &self,
        names: impl IntoIterator<Item = Option<&'a str>>,
    ) -> Vec<(usize, Lineage)> {
        let of = |name: &str| {
            let held = self.names.iter().position(|held| held == name)?;
            match self.columns.get(held)?.identity {
                Identity::Lineage(lineage) => Some(lineage),
                Identity::FieldId(_) | Identity::PhysicalName(_) => None,
            }
        };
        names.into_iter().enumerate().filter_map(|(at, name)| Some((at, of(name?)?))).collect()
    }

    fn plain_fields(&self) -> impl Iterator<Item = Field> {
        self.columns.iter().map(|column| without_metadata(&column.field))
    }

    /// The columns of a file without ids, with those that the names of the table's columns give.
    fn mapped(&self, file: &Fields) -> Fields {
        let table = self.columns.iter().filter_map(|column| match column.identity {
            Identity::FieldId(id) => Some((id, &column.field)),
            Identity::PhysicalName(_) | Identity::Lineage(_) => None,
        });
        with_mapped_ids(table, file)
    }

    /// True if files are recognised by field ids.
    fn needs_field_ids(&self) -> bool {
        let is_by_id = |identity: &Identity| !matches!(identity, Identity::PhysicalName(_));
        self.columns.iter().any(|column| is_by_id(&column.identity))
    }
}

/// What DataFusion is told that the columns are called.
///
/// It reads bytes of a file as text where the table has a text column of the same name, though they
/// may be another column's: names are used again. Where that could be, a text column gets a name that
/// no file has.
fn names_in_files(columns: &[SnapshotColumn]) -> Vec<String> {
    let held_bytes: Vec<&Identity> = columns
        .iter()
        .filter(|column| is_bytes(column.field.data_type()))
        .map(|column| &column.identity)
        .collect();
    let may_be_bytes = |column: &SnapshotColumn| {
        is_text(column.field.data_type())
            && held_bytes.iter().any(|identity| match identity {
                Identity::FieldId(_) | Identity::Lineage(_) => true,
                Identity::PhysicalName(name) => name == column.field.name(),
            })
    };
    let name = |column: &SnapshotColumn| match may_be_bytes(column) {
        true => format!("{} of the table", column.field.name()),
        false => column.field.name().clone(),
    };
    columns.iter().map(name).collect()
}

fn is_bytes(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Finds a table's columns in files.
#[derive(Debug)]
pub(crate) struct ColumnsInFiles(pub(crate) Arc<Columns>);

impl PhysicalExprAdapterFactory for ColumnsInFiles {
    fn create(
        &self,
        _: SchemaRef,
        file: SchemaRef,
    ) -> DataFusionResult<Arc<dyn PhysicalExprAdapter>> {
        let mut file = file;
        if self.0.needs_field_ids() && !has_field_ids(file.fields()) {
            file = Arc::new(Schema::new(self.0.mapped(file.fields())));
        }
        if self.0.needs_field_ids() && !file.fields().is_empty() && !has_field_ids(file.fields()) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a data file has no field ids, and its columns cannot be told apart without",
            )
            .into());
        }
        Ok(Arc::new(ColumnsInFile { columns: Arc::clone(&self.0), file }))
    }
}

/// Finds a table's columns in one file.
#[derive(Debug)]
struct ColumnsInFile {
    columns: Arc<Columns>,
    file: SchemaRef,
}

impl ColumnsInFile {
    /// What is no column of the table: the one that no file has, or what the reader makes itself, as
    /// the position of a row, and puts behind the file's columns.
    fn read_other(&self, name: &str) -> Result<Arc<dyn PhysicalExpr>> {
        if name == NEVER {
            return Ok(literal(ScalarValue::Boolean(None)));
        }
        let made = self.file.fields().iter().rposition(|field| field.name() == name);
        let made = made.ok_or_else(|| {
            Error::new(ErrorKind::Internal, format!("a scan knows no column \"{name}\""))
        })?;
        Ok(Arc::new(Column::new(name, made)))
    }

    fn read(&self, name: &str) -> Result<Arc<dyn PhysicalExpr>> {
        let Columns { columns, names } = self.columns.as_ref();
        let found = columns.iter().zip(names).find(|(_, held)| *held == name);
        let Some((column, _)) = found else { return self.read_other(name) };
        match column.identity.find(self.file.fields())? {
            Some(index) => read_from(column, index, self.file.fields()),
            None => missing(column),
        }
    }
}

fn read_from(
    column: &SnapshotColumn,
    index: usize,
    file: &Fields,
) -> Result<Arc<dyn PhysicalExpr>> {
    let Some(held) = file.get(index) else { return missing(column) };
    let (from, field) = (held.data_type(), without_metadata(&column.field));
    let source: Arc<dyn PhysicalExpr> = Arc::new(Column::new(held.name(), index));
    if from == field.data_type() && column.identity.is_told_by_type(column.field.data_type()) {
        return Ok(source);
    }
    if from.is_nested() && field.data_type().is_nested() {
        return Ok(Arc::new(Reshape::try_new(source, from, &column.field, &column.identity)?));
    }
    if !is_lossless(from, field.data_type()) {
        return Err(unreadable(field.name(), from, field.data_type()));
    }
    Ok(Arc::new(CastExpr::new_with_target_field(source, Arc::new(field), None)))
}

fn missing(column: &SnapshotColumn) -> Result<Arc<dyn PhysicalExpr>> {
    let field = without_metadata(&column.field);
    if let Some(value) = &column.when_missing {
        return Ok(literal(value.clone()));
    }
    if !field.is_nullable() {
        return Err(Error::new(
            ErrorKind::CorruptSource,
            format!("a data file lacks column \"{}\", which is never NULL", field.name()),
        ));
    }
    let null = ScalarValue::try_new_null(field.data_type()).map_err(Error::from)?;
    Ok(literal(null))
}

fn literal(value: ScalarValue) -> Arc<dyn PhysicalExpr> {
    Arc::new(Literal::new(value))
}

impl PhysicalExprAdapter for ColumnsInFile {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> DataFusionResult<Arc<dyn PhysicalExpr>> {
        // Downwards, and what was made is not looked at again: its names are the file's.
        expr.transform_down(|expr| match expr.downcast_ref::<Column>() {
            Some(column) => {
                let read = self.read(column.name())?;
                Ok(Transformed::new(read, true, TreeNodeRecursion::Jump))
            }
            None => Ok(Transformed::no(expr)),
        })
        .data()
    }
}
