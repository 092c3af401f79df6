//! The functions of `pg_catalog` that ask what there is.
//!
//! They are bound to the database of one statement as it is planned: they see what the statement's
//! tables see, and nothing that its principal may not discover.

mod describe;
mod environment;
mod lists;
mod names;
mod only_value;
mod privileges;
mod registry;
mod value;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::new_empty_array;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result as DataFusionResult, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::scalar::ScalarValue;

use super::Database;
use crate::error::Result;
use value::{Answer, Gives, Takes, Value};

pub(crate) use lists::Expanded;
pub(crate) use only_value::only_value;

/// What a function does.
type Call = fn(&Database, &[Value<'_>]) -> Result<Answer>;

/// One function.
struct Definition {
    name: &'static str,
    /// Arguments that it takes at least; `takes` are those at most.
    least: usize,
    takes: &'static [Takes],
    gives: Gives,
    call: Call,
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The groups of functions.
static GROUPS: [&[Definition]; 5] = [
    &describe::FUNCTIONS,
    &environment::FUNCTIONS,
    &names::FUNCTIONS,
    &privileges::FUNCTIONS,
    &registry::FUNCTIONS,
];

fn definition(name: &str) -> Option<&'static Definition> {
    GROUPS.iter().flat_map(|group| group.iter()).find(|known| known.name == name)
}

/// True for the name of a function that asks what there is.
pub(crate) fn is_function(name: &str) -> bool {
    definition(name).is_some()
}

/// The function with this name, bound to a database.
pub(crate) fn function(database: &Arc<Database>, name: &str) -> Option<Arc<ScalarUDF>> {
    let definition = definition(name)?;
    let bound = Bound {
        definition,
        database: Arc::clone(database),
        signature: Signature::user_defined(Volatility::Stable),
    };
    Some(Arc::new(ScalarUDF::new_from_impl(bound)))
}

/// A function that is bound to a database.
#[derive(Debug)]
struct Bound {
    definition: &'static Definition,
    database: Arc<Database>,
    signature: Signature,
}

impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.definition.name == other.definition.name
            && Arc::ptr_eq(&self.database, &other.database)
    }
}

impl Eq for Bound {}

impl Hash for Bound {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.definition.name.hash(state);
    }
}

impl ScalarUDFImpl for Bound {
    fn name(&self) -> &str {
        self.definition.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> DataFusionResult<Vec<DataType>> {
        let Definition { name, least, takes, .. } = self.definition;
        let (count, most) = (given.len(), takes.len());
        if count < *least || count > most {
            return plan_err!("{name} takes {least} to {most} arguments, not {count}");
        }
        Ok(takes.iter().zip(given).map(|(takes, given)| takes.coerced(given)).collect())
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(self.definition.gives.field("").data_type().clone())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs<'_>) -> DataFusionResult<FieldRef> {
        Ok(Arc::new(self.definition.gives.field(self.definition.name)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let gives = self.definition.gives;
        let is_constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let rows = if is_constant { 1 } else { args.number_rows };
        let mut answers = Vec::with_capacity(rows);
        for row in 0..rows {
            let values: Vec<Value<'_>> = arrays.iter().map(|array| Value::of(array, row)).collect();
            answers.push(gives.scalar((self.definition.call)(&self.database, &values)?)?);
        }
        if is_constant && let Some(answer) = answers.pop() {
            return Ok(ColumnarValue::Scalar(answer));
        }
        Ok(ColumnarValue::Array(match answers.is_empty() {
            true => new_empty_array(gives.field("").data_type()),
            false => ScalarValue::iter_to_array(answers)?,
        }))
    }
}
