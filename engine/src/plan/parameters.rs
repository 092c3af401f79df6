//! The parameters of a query.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::ParamValues;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::scalar::ScalarValue;

use super::likely_types;
use crate::error::{Error, ErrorKind, Result};

/// The largest number of a parameter.
const NUMBER_MAX: usize = 10_000;

/// The function that `x = ANY (list)` becomes.
const HAS: &str = "array_has";

/// One parameter of a query, in the order of its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its number, from 1: `$1`.
    pub number: usize,
    /// Its type, where the query tells.
    pub data_type: Option<DataType>,
    /// Where the query takes other types as well: what to tell a client that binds values of the type
    /// that it is told, and of no other. No value is cast to it.
    pub likely_type: Option<DataType>,
}

/// The parameters of a plan: all numbers from 1 to the highest. In the plan as it was `written` no
/// argument has the type yet that its function brings it to.
///
/// # Errors
///
/// When a parameter has a name instead of a number.
pub(super) fn of(plan: &LogicalPlan, written: &LogicalPlan) -> Result<Vec<Parameter>> {
    let mut types: BTreeMap<usize, Option<DataType>> = BTreeMap::new();
    for (name, data_type) in plan.get_parameter_types()? {
        types.insert(number(&name)?, data_type);
    }
    for (name, data_type) in casts(plan)? {
        types.entry(number(&name)?).or_default().get_or_insert(data_type);
    }
    for (name, data_type) in lists(plan)? {
        types.entry(number(&name)?).or_default().get_or_insert(data_type);
    }
    for limit in limits(plan)? {
        types.insert(limit, Some(DataType::Int64));
    }
    let mut likely = BTreeMap::new();
    if types.values().any(|known| is_unknown(known.as_ref())) {
        for (name, data_type) in likely_types::of(written)? {
            likely.insert(number(&name)?, data_type);
        }
    }
    let highest = types.last_key_value().map_or(0, |(number, _)| *number);
    let parameter = |number| {
        let data_type = types.remove(&number).flatten();
        match is_unknown(data_type.as_ref()) {
            true => Parameter { number, data_type: None, likely_type: likely.remove(&number) },
            false => Parameter { number, data_type, likely_type: None },
        }
    };
    Ok((1..=highest).map(parameter).collect())
}

/// True where two parameters stand beside each other too: each is then of the other's type, which is
/// none.
fn is_unknown(data_type: Option<&DataType>) -> bool {
    data_type.is_none_or(DataType::is_null)
}

fn number(name: &str) -> Result<usize> {
    let parsed = name.trim_start_matches('$').parse::<usize>().ok();
    parsed.filter(|number| (1..=NUMBER_MAX).contains(number)).ok_or_else(|| {
        Error::new(ErrorKind::InvalidQuery, format!("parameter \"{name}\" has no number"))
            .with_hint("write $1, $2, ...")
    })
}

/// The parameters that are cast, each with the type it is cast to: DataFusion infers none there.
fn casts(plan: &LogicalPlan) -> Result<Vec<(String, DataType)>> {
    let mut found = Vec::new();
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                let (inner, field) = match part {
                    Expr::Cast(cast) => (&cast.expr, &cast.field),
                    Expr::TryCast(cast) => (&cast.expr, &cast.field),
                    _ => return Ok(TreeNodeRecursion::Continue),
                };
                if let Expr::Placeholder(placeholder) = inner.as_ref() {
                    found.push((placeholder.id.clone(), field.data_type().clone()));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

/// The parameters of `x = ANY ($1)`, each as a list of what is looked for: DataFusion infers none there.
fn lists(plan: &LogicalPlan) -> Result<Vec<(String, DataType)>> {
    let mut found = Vec::new();
    plan.apply_with_subqueries(|node| {
        let inputs = node.inputs();
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                if let Expr::ScalarFunction(call) = part
                    && call.func.name() == HAS
                    && let [Expr::Placeholder(list), item] = call.args.as_slice()
                    && let Some(item) =
                        inputs.iter().find_map(|input| item.get_type(input.schema()).ok())
                {
                    let list_type = DataType::List(Arc::new(Field::new_list_field(item, true)));
                    found.push((list.id.clone(), list_type));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
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

/// The plan with a value for each parameter, each in the type that the query expects where it fits.
///
/// # Errors
///
/// When the number of values differs from that of the parameters, or a text cannot be read.
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
        .map(|(parameter, value)| parameter.fit(value))
        .collect::<Result<Vec<_>>>()?;
    Ok(plan.with_param_values(ParamValues::from(values))?)
}

impl Parameter {
    /// The value in the type that the query expects, where it stays the same value in it; else as it
    /// is, and the query compares what was meant: `id = $1` with 1.5 must not find 1.
    ///
    /// # Errors
    ///
    /// When a text cannot be read as that type.
    pub fn fit(&self, value: ScalarValue) -> Result<ScalarValue> {
        let given = value.data_type();
        let Some(wanted) = self.data_type.as_ref().filter(|wanted| **wanted != given) else {
            return Ok(value);
        };
        match value.cast_to(wanted) {
            Ok(fitted) if value.is_null() || given.is_string() => Ok(fitted),
            Ok(fitted) if fitted.cast_to(&given).is_ok_and(|back| back == value) => Ok(fitted),
            Err(error) if given.is_string() => Err(Error::new(
                ErrorKind::InvalidQuery,
                format!("parameter ${} cannot be read as {wanted}", self.number),
            )
            .with_detail(format!("its type is {given}"))
            .with_source(error)),
            Ok(_) | Err(_) => Ok(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_takes_the_expected_type_where_it_stays_the_same() {
        let decimal = DataType::Decimal128(15, 2);
        for (value, wanted, expected) in [
            (ScalarValue::from(7i64), DataType::Int32, ScalarValue::from(7i32)),
            (ScalarValue::from(1i64 << 40), DataType::Int32, ScalarValue::from(1i64 << 40)),
            (ScalarValue::from(1.5f64), DataType::Int64, ScalarValue::from(1.5f64)),
            (ScalarValue::from(2.0f64), DataType::Int64, ScalarValue::from(2i64)),
            (ScalarValue::from(1.5f64), decimal.clone(), ScalarValue::Decimal128(Some(150), 15, 2)),
            (ScalarValue::from(1.005f64), decimal, ScalarValue::from(1.005f64)),
            (ScalarValue::Null, DataType::Int64, ScalarValue::Int64(None)),
            (ScalarValue::from("1970-01-02"), DataType::Date32, ScalarValue::Date32(Some(1))),
            (ScalarValue::from("a"), DataType::Utf8View, ScalarValue::Utf8View(Some("a".into()))),
        ] {
            let text = format!("{value:?} as {wanted}");
            let parameter = Parameter { number: 1, data_type: Some(wanted), likely_type: None };
            assert_eq!(parameter.fit(value).unwrap(), expected, "{text}");
        }
        let number = Parameter { number: 1, data_type: Some(DataType::Int64), likely_type: None };
        let refusal = number.fit(ScalarValue::from("x")).map_err(|error| error.kind());
        assert_eq!(refusal, Err(ErrorKind::InvalidQuery));
    }
}
