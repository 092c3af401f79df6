//! The parameters of a query.

use std::collections::BTreeMap;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ParamValues;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::scalar::ScalarValue;

use crate::error::{Error, ErrorKind, Result};

/// The largest number of a parameter.
const NUMBER_MAX: usize = 10_000;

/// One parameter of a query, in the order of its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its number, from 1: `$1`.
    pub number: usize,
    /// Its type, where the query tells.
    pub data_type: Option<DataType>,
}

/// The parameters of a plan: all numbers from 1 to the highest.
///
/// # Errors
///
/// When a parameter has a name instead of a number.
pub(super) fn of(plan: &LogicalPlan) -> Result<Vec<Parameter>> {
    let mut types: BTreeMap<usize, Option<DataType>> = BTreeMap::new();
    for (name, data_type) in plan.get_parameter_types()? {
        types.insert(number(&name)?, data_type);
    }
    for limit in limits(plan)? {
        types.insert(limit, Some(DataType::Int64));
    }
    let highest = types.last_key_value().map_or(0, |(number, _)| *number);
    Ok((1..=highest)
        .map(|number| Parameter { number, data_type: types.remove(&number).flatten() })
        .collect())
}

fn number(name: &str) -> Result<usize> {
    let parsed = name.trim_start_matches('$').parse::<usize>().ok();
    parsed.filter(|number| (1..=NUMBER_MAX).contains(number)).ok_or_else(|| {
        Error::new(ErrorKind::InvalidQuery, format!("parameter \"{name}\" has no number"))
            .with_hint("write $1, $2, ...")
    })
}

/// The parameters of LIMIT and OFFSET: DataFusion infers no type there.
fn limits(plan: &LogicalPlan) -> Result<Vec<usize>> {
    let mut names = Vec::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Limit(limit) = node {
            for count in [&limit.skip, &limit.fetch].into_iter().flatten() {
                count.apply(|expression| {
                    if let Expr::Placeholder(placeholder) = expression {
                        names.push(placeholder.id.clone());
                    }
                    Ok(TreeNodeRecursion::Continue)
                })?;
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    names.iter().map(|name| number(name)).collect()
}

/// The plan with a value for each parameter, each cast to the type that the query expects.
///
/// # Errors
///
/// When the number of values differs from that of the parameters, or one cannot be cast.
pub(super) fn bind(
    plan: LogicalPlan,
    parameters: &[Parameter],
    values: Vec<ScalarValue>,
) -> Result<LogicalPlan> {
    if values.len() != parameters.len() {
        return Err(Error::new(
            ErrorKind::InvalidQuery,
            format!(
                "the query has {} parameters and got {} values",
                parameters.len(),
                values.len()
            ),
        )
        .with_hint("give one value for each parameter"));
    }
    let values = parameters
        .iter()
        .zip(values)
        .map(|(parameter, value)| cast(parameter, value))
        .collect::<Result<Vec<_>>>()?;
    Ok(plan.with_param_values(ParamValues::from(values))?)
}

fn cast(parameter: &Parameter, value: ScalarValue) -> Result<ScalarValue> {
    let Some(wanted) = &parameter.data_type else { return Ok(value) };
    let given = value.data_type();
    if given == *wanted {
        return Ok(value);
    }
    value.cast_to(wanted).map_err(|error| {
        Error::new(
            ErrorKind::InvalidQuery,
            format!("parameter ${} cannot be read as {wanted}", parameter.number),
        )
        .with_detail(format!("its type is {given}"))
        .with_source(error)
    })
}
