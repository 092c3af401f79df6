//! What a parameter is likely to be where the query takes more than one type, as in `abs($1)`.
//!
//! Some clients bind values of the type that they are told, and of no other. Nothing is cast to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result as DataFusionResult};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator};

/// Functions whose arguments are all of one type.
const ALIKE: [&str; 6] = ["coalesce", "nullif", "nvl", "nvl2", "greatest", "least"];

/// What is tried for an argument, in this order: a function that takes texts gets one.
const TRIED: [DataType; 6] = [
    DataType::Utf8,
    DataType::Float64,
    DataType::Int64,
    DataType::Timestamp(TimeUnit::Microsecond, None),
    DataType::Date32,
    DataType::Boolean,
];

/// The likely types of the parameters of a plan, by their names, where there are such.
pub(super) fn of(plan: &LogicalPlan) -> DataFusionResult<BTreeMap<String, DataType>> {
    let mut likely = BTreeMap::new();
    plan.apply_with_subqueries(|node| {
        let schema = match node.inputs().as_slice() {
            [] => node.schema().as_ref().clone(),
            inputs => merge_schema(inputs),
        };
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                look(part, &schema, &mut likely);
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(likely)
}

fn look(part: &Expr, schema: &DFSchema, likely: &mut BTreeMap<String, DataType>) {
    let mut note = |argument: &Expr, data_type: Option<DataType>| {
        if let (Expr::Placeholder(parameter), Some(data_type)) = (argument, data_type) {
            likely.entry(parameter.id.clone()).or_insert(data_type);
        }
    };
    match part {
        Expr::ScalarFunction(function) if ALIKE.contains(&function.name()) => {
            let known = first_type(function.args.iter(), schema);
            function.args.iter().for_each(|argument| note(argument, known.clone()));
        }
        Expr::ScalarFunction(function) => {
            for (place, argument) in function.args.iter().enumerate() {
                if matches!(argument, Expr::Placeholder(_)) {
                    note(argument, taken(function, place, schema));
                }
            }
        }
        Expr::Case(case) => {
            let results =
                || case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
            let known = first_type(results().map(AsRef::as_ref), schema);
            results().for_each(|result| note(result, known.clone()));
        }
        Expr::Negative(inner) => note(inner, Some(DataType::Float64)),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_arithmetic(*op) => {
            let known = first_type([left.as_ref(), right.as_ref()], schema);
            let known = known.filter(DataType::is_numeric).or(Some(DataType::Float64));
            note(left, known.clone());
            note(right, known);
        }
        Expr::Between(between) => {
            let known = first_type([between.low.as_ref(), between.high.as_ref()], schema);
            note(&between.expr, known);
        }
        _ => {}
    }
}

fn is_arithmetic(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide | Operator::Modulo
    )
}

/// The type of the first expression that has one.
fn first_type<'a>(
    expressions: impl IntoIterator<Item = &'a Expr>,
    schema: &DFSchema,
) -> Option<DataType> {
    expressions.into_iter().find_map(|expression| known_type(expression, schema))
}

fn known_type(expression: &Expr, schema: &DFSchema) -> Option<DataType> {
    expression.get_type(schema).ok().filter(|data_type| !data_type.is_null())
}

/// The first type that a function takes as it is at this place.
fn taken(function: &ScalarFunction, place: usize, schema: &DFSchema) -> Option<DataType> {
    let types: Vec<DataType> = function
        .args
        .iter()
        .map(|argument| known_type(argument, schema).unwrap_or(DataType::Null))
        .collect();
    TRIED.into_iter().find(|tried| {
        let fields = types.iter().enumerate().map(|(at, known)| {
            let data_type = if at == place { tried } else { known };
            Arc::new(Field::new("argument", data_type.clone(), true))
        });
        let fitted = fields_with_udf(&fields.collect::<Vec<_>>(), function.func.as_ref());
        fitted.is_ok_and(|fields| fields.get(place).is_some_and(|field| field.data_type() == tried))
    })
}
