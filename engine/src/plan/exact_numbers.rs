//! Numbers with a point are exact where a double would lose rows.
//!
//! ```text
//! 123456789012345678.25       more digits than a double holds ──▶ CAST('..' AS DECIMAL(20, 2))
//! price >= 0.06 - 0.01        compared with a DECIMAL         ──▶ price >= DECIMAL 0.05
//! ratio >= CAST('0.1234..')   beside a double, or cast to one ──▶ ratio >= 0.1234..
//! ```
//!
//! DataFusion reads every number with a point as a double, and compares a DECIMAL with what is left of
//! it in 15 places: rows whose last digits differ become equal. Everywhere else such a number stays a
//! double. Beside a double, a DECIMAL becomes one: DataFusion would make DECIMALs of the doubles that it
//! is compared with, and many do not fit.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result as DataFusionResult};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{Cast, InList};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator};
use datafusion::optimizer::AnalyzerRule;
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast;

/// The digits that a double holds whatever they are.
const DOUBLE_DIGITS: usize = 15;
/// The most digits of a DECIMAL.
const DECIMAL_DIGITS: usize = 38;

/// Writes the numbers of `query` that no double holds as what they are, and what stands for something
/// else as what `meant` says.
pub(super) fn spell_out(query: &mut ast::Query, meant: impl Fn(&ast::Expr) -> Option<ast::Expr>) {
    let _: ControlFlow<()> = ast::visit_expressions_mut(query, |expr| {
        if let Some(spelled) = spelled_out(expr).or_else(|| meant(expr)) {
            *expr = spelled;
        }
        ControlFlow::Continue(())
    });
}

fn spelled_out(expr: &ast::Expr) -> Option<ast::Expr> {
    let ast::Expr::Value(value) = expr else { return None };
    let ast::Value::Number(text, _) = &value.value else { return None };
    let number = Number::parse(text)?;
    let digits = number.digits.unsigned_abs().checked_ilog10().map_or(1, |log| log as usize + 1);
    if number.scale == 0 || digits <= DOUBLE_DIGITS {
        return None;
    }
    let (precision, scale) = (u64::from(number.precision()), i64::from(number.scale));
    Some(ast::Expr::Cast {
        kind: ast::CastKind::Cast,
        expr: Box::new(ast::Expr::value(ast::Value::SingleQuotedString(text.clone()))),
        data_type: ast::DataType::Decimal(ast::ExactNumberInfo::PrecisionAndScale(
            precision, scale,
        )),
        array: false,
        format: None,
    })
}

/// Makes numbers with a point that are compared with a DECIMAL one too.
#[derive(Debug)]
pub(super) struct ExactNumbers;

impl AnalyzerRule for ExactNumbers {
    fn name(&self) -> &str {
        "exact_numbers"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DataFusionResult<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(compared)?.data)
    }
}

fn compared(plan: LogicalPlan) -> DataFusionResult<Transformed<LogicalPlan>> {
    let schema = merge_schema(&plan.inputs());
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let exact = expr.transform_up(|expr| Ok(exact(expr, &schema)))?;
        Ok(exact.update_data(|expr| name.restore(expr)))
    })
}

/// The expression with its numbers in the type of what they are compared with.
fn exact(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let changed = match &expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let in_type_of = match is_comparison(*op) {
                true => constant,
                false => double,
            };
            match (in_type_of(right, left, schema), in_type_of(left, right, schema)) {
                (Some(number), _) => Some(binary(left.as_ref().clone(), *op, number)),
                (_, Some(number)) => Some(binary(number, *op, right.as_ref().clone())),
                (None, None) => None,
            }
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let bounds = [constant(low, expr, schema), constant(high, expr, schema)];
            match bounds {
                [None, None] => None,
                [new_low, new_high] => Some(Expr::Between(Between {
                    expr: expr.clone(),
                    negated: *negated,
                    low: new_low.map_or_else(|| low.clone(), Box::new),
                    high: new_high.map_or_else(|| high.clone(), Box::new),
                })),
            }
        }
        Expr::InList(InList { expr, list, negated }) => {
            let exact: Vec<Option<Expr>> =
                list.iter().map(|item| constant(item, expr, schema)).collect();
            exact.iter().any(Option::is_some).then(|| {
                let items = exact
                    .into_iter()
                    .zip(list)
                    .map(|(new, old)| new.unwrap_or_else(|| old.clone()));
                Expr::InList(InList::new(expr.clone(), items.collect(), *negated))
            })
        }
        Expr::Cast(cast) if cast.field.data_type().is_floating() => {
            let number = Number::of(&cast.expr).filter(|number| number.is_spelled_out);
            number.and_then(Number::double).map(|value| {
                let expr = Box::new(Expr::Literal(value, None));
                Expr::Cast(Cast { expr, field: Arc::clone(&cast.field) })
            })
        }
        _ => None,
    };
    match changed {
        Some(changed) => Transformed::yes(changed),
        None => Transformed::no(expr),
    }
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

fn is_comparison(op: Operator) -> bool {
    use Operator as O;
    matches!(
        op,
        O::Eq
            | O::NotEq
            | O::Lt
            | O::LtEq
            | O::Gt
            | O::GtEq
            | O::IsDistinctFrom
            | O::IsNotDistinctFrom
    )
}

/// What `number` is in the type of `other`, if it is a number with a point and `other` a DECIMAL that it
/// can be compared with, or a double.
fn constant(number: &Expr, other: &Expr, schema: &DFSchema) -> Option<Expr> {
    let number = Number::of(number).filter(|number| number.has_point)?;
    let value = match other.get_type(schema).ok()? {
        DataType::Decimal128(precision, scale) => {
            number.decimal(precision, u8::try_from(scale).ok()?)?
        }
        held if held.is_floating() && number.is_spelled_out => number.double()?,
        _ => return None,
    };
    Some(Expr::Literal(value, None))
}

/// What `number` is as a double, if it is a DECIMAL of digits alone and `other` a double.
fn double(number: &Expr, other: &Expr, schema: &DFSchema) -> Option<Expr> {
    let number = Number::of(number).filter(|number| number.is_spelled_out)?;
    let is_beside_a_double = other.get_type(schema).is_ok_and(|held| held.is_floating());
    is_beside_a_double.then_some(Expr::Literal(number.double()?, None))
}

/// A decimal number: `digits / 10^scale`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Number {
    digits: i128,
    scale: u8,
    /// True if it was written with a point.
    has_point: bool,
    /// True if it is a DECIMAL already.
    is_spelled_out: bool,
}

impl Number {
    /// The number that an expression of nothing but numbers is; a quotient need not be one.
    fn of(expr: &Expr) -> Option<Self> {
        match expr {
            // The shortest text that reads as this double is what was written.
            Expr::Literal(ScalarValue::Float64(Some(value)), _) => {
                Self::parse(&value.to_string()).map(|number| Self { has_point: true, ..number })
            }
            Expr::Literal(ScalarValue::Int64(Some(value)), _) => {
                Some(Self::new(i128::from(*value), 0))
            }
            Expr::Cast(cast) => {
                let Expr::Literal(ScalarValue::Utf8(Some(text)), _) = cast.expr.as_ref() else {
                    return None;
                };
                let DataType::Decimal128(_, scale) = cast.field.data_type() else { return None };
                let number = Self::parse(text)?;
                // What is rounded is another number than its text.
                (i16::from(number.scale) <= i16::from(*scale)).then_some(Self {
                    has_point: true,
                    is_spelled_out: true,
                    ..number
                })
            }
            Expr::Negative(inner) => {
                let number = Self::of(inner)?;
                Some(Self { digits: number.digits.checked_neg()?, ..number })
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let (left, right) = (Self::of(left)?, Self::of(right)?);
                let scale = left.scale.max(right.scale);
                let (digits, scale) = match op {
                    Operator::Plus => (left.at(scale)?.checked_add(right.at(scale)?)?, scale),
                    Operator::Minus => (left.at(scale)?.checked_sub(right.at(scale)?)?, scale),
                    Operator::Multiply => (
                        left.digits.checked_mul(right.digits)?,
                        left.scale.checked_add(right.scale)?,
                    ),
                    _ => return None,
                };
                let both = Self {
                    digits,
                    scale,
                    has_point: left.has_point || right.has_point,
                    is_spelled_out: left.is_spelled_out || right.is_spelled_out,
                };
                Some(both.short())
            }
            _ => None,
        }
    }

    fn new(digits: i128, scale: u8) -> Self {
        Self { digits, scale, has_point: scale > 0, is_spelled_out: false }
    }

    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = format!("{whole}{fraction}").parse::<i128>().ok()?;
        let scale = u8::try_from(fraction.len()).ok()?;
        let number = Self::new(digits, scale);
        (usize::from(number.precision()) <= DECIMAL_DIGITS).then_some(number)
    }

    /// The same number without zeros at its end.
    fn short(mut self) -> Self {
        while self.scale > 0 && self.digits % 10 == 0 {
            self.digits /= 10;
            self.scale -= 1;
        }
        self
    }

    /// The digits that it has with this many places.
    fn at(self, scale: u8) -> Option<i128> {
        let more = scale.checked_sub(self.scale)?;
        self.digits.checked_mul(10_i128.checked_pow(u32::from(more))?)
    }

    /// The nearest double.
    fn double(self) -> Option<ScalarValue> {
        let nearest = format!("{}e-{}", self.digits, self.scale).parse().ok()?;
        Some(ScalarValue::Float64(Some(nearest)))
    }

    /// The digits of a DECIMAL that holds it.
    fn precision(self) -> u8 {
        let digits = self.digits.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
        u8::try_from(digits).unwrap_or(u8::MAX).max(self.scale).max(1)
    }

    /// The number as a DECIMAL that can be compared with one of this type: of the very type, where it
    /// fits, so that nothing needs to be cast.
    fn decimal(self, precision: u8, scale: u8) -> Option<ScalarValue> {
        let number = self.short();
        if let Some(digits) = number.at(scale) {
            let held = Self { digits, scale, ..number };
            if held.precision() <= precision {
                return Some(ScalarValue::Decimal128(
                    Some(digits),
                    precision,
                    i8::try_from(scale).ok()?,
                ));
            }
        }
        let whole =
            number.precision().saturating_sub(number.scale).max(precision.saturating_sub(scale));
        let both = usize::from(whole) + usize::from(scale.max(number.scale));
        if both > DECIMAL_DIGITS {
            return None;
        }
        let places = i8::try_from(number.scale).ok()?;
        Some(ScalarValue::Decimal128(Some(number.digits), number.precision(), places))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{Field, Schema};
    use datafusion::prelude::{col, lit};

    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for (text, expected) in [
            ("0.05", Some((5, 2))),
            ("-1.50", Some((-150, 2))),
            (".5", Some((5, 1))),
            ("5.", Some((5, 0))),
            ("123456789012345678.25", Some((12_345_678_901_234_567_825, 2))),
            ("12345678901234567890123456789012345678.5", None),
            ("1e5", None),
            ("NaN", None),
            ("inf", None),
        ] {
            let read = Number::parse(text).map(|number| (number.digits, number.scale));
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn constants_are_added_and_multiplied_exactly() {
        for (expr, expected) in [
            (lit(0.06) + lit(0.01), Some((7, 2))),
            (lit(0.06) - lit(0.01), Some((5, 2))),
            (lit(1.5) * lit(2_i64), Some((3, 0))),
            (-(lit(0.1)), Some((-1, 1))),
            (lit(1.0) / lit(3.0), None),
            (col("a") + lit(0.1), None),
            (lit(f64::NAN), None),
            (lit(1e300), None),
        ] {
            let read =
                Number::of(&expr).map(Number::short).map(|number| (number.digits, number.scale));
            assert_eq!(read, expected, "{expr}");
        }
    }

    #[test]
    fn only_what_is_compared_with_a_decimal_becomes_one() {
        let fields = [
            ("price", DataType::Decimal128(10, 2)),
            ("wide", DataType::Decimal128(38, 2)),
            ("ratio", DataType::Float64),
            ("single", DataType::Float32),
        ];
        let fields = fields.map(|(name, held)| Field::new(name, held, true)).to_vec();
        let schema = DFSchema::try_from(Schema::new(fields)).unwrap();
        let price = || col("price");
        let spelled =
            |text: &str| Expr::Cast(Cast::new(Box::new(lit(text)), DataType::Decimal128(38, 20)));
        for (expr, expected) in [
            (price().gt(lit(0.5)), "price > Decimal128(0.50,10,2)"),
            (lit(0.5).lt(price()), "Decimal128(0.50,10,2) < price"),
            (price().eq(lit(0.055)), "price = Decimal128(0.055,3,3)"),
            (price().lt(lit(1e9)), "price < Decimal128(1000000000,10,0)"),
            (price().eq(lit(5_i64)), "price = Int64(5)"),
            (price().gt(lit(0.06) + lit(0.01)), "price > Decimal128(0.07,10,2)"),
            (
                price().between(lit(0.5), lit(1_i64)),
                "price BETWEEN Decimal128(0.50,10,2) AND Int64(1)",
            ),
            (
                price().in_list(vec![lit(0.5), lit(1_i64)], true),
                "price NOT IN ([Decimal128(0.50,10,2), Int64(1)])",
            ),
            ((price() * lit(2_i64)).gt(lit(0.5)), "price * Int64(2) > Decimal128(0.50,31,2)"),
            (price() + lit(0.5), "price + Float64(0.5)"),
            (col("ratio").gt(lit(0.5)), "ratio > Float64(0.5)"),
            (
                col("ratio").gt(spelled("-0.123456789012345678")),
                "ratio > Float64(-0.12345678901234568)",
            ),
            (
                col("single").between(spelled("1.5"), lit(2.5)),
                "single BETWEEN Float64(1.5) AND Float64(2.5)",
            ),
            (col("ratio") * spelled("1.50"), "ratio * Float64(1.5)"),
            (price() * spelled("1.50"), "price * CAST(Utf8(\"1.50\") AS Decimal128(38, 20))"),
            (
                Expr::Cast(Cast::new(Box::new(spelled("1.50")), DataType::Float32)),
                "CAST(Float64(1.5) AS Float32)",
            ),
            (price().eq(spelled("1.50")), "price = Decimal128(1.50,10,2)"),
            (price().eq(-spelled("1.50")), "price = Decimal128(-1.50,10,2)"),
            (col("wide").gt(lit(0.055)), "wide > Float64(0.055)"),
        ] {
            let text = expr.to_string();
            let exact = expr.transform_up(|expr| Ok(exact(expr, &schema))).unwrap().data;
            assert_eq!(exact.to_string(), expected, "{text}");
        }
    }
}
