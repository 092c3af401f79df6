//! Functions whose results can be far larger than their arguments, held to a size.
//!
//! DataFusion allocates what such a function is asked for before any memory pool hears of it, so
//! that one `repeat('a', 2000000000)` could end the process.
//!
//! ```text
//! arguments ─growth─▶ estimate ─▶ refused, or called, or called in pieces and weighed
//! ```

mod aggregates;
mod bytes;
mod growth;
mod joined;

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array};
use datafusion::arrow::compute::concat;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result as DataFusionResult};
use datafusion::config::ConfigOptions;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature,
};

use self::growth::{FUNCTIONS, Growth};
use crate::error::{Error, ErrorKind};

/// The largest value that one of these functions makes, in bytes.
const VALUE_BYTES_MAX: f64 = 16.0 * 1024.0 * 1024.0;

/// The largest sum of the values of one batch, in bytes.
const BATCH_BYTES_MAX: f64 = 256.0 * 1024.0 * 1024.0;

/// Puts a bound on the functions of `state` that have none.
///
/// # Errors
///
/// When DataFusion does not take a function.
pub(super) fn bound_functions(state: &mut SessionState) -> DataFusionResult<()> {
    for (name, growth) in FUNCTIONS {
        // `[1, 2]` never looks up a function, and `array_has` knows only the original.
        if name == "make_array" {
            continue;
        }
        if let Some(inner) = state.scalar_functions().get(name).cloned() {
            state.register_udf(Arc::new(Bounded::around(inner, growth)))?;
        }
    }
    state.register_function_rewrite(Arc::new(BoundCalls { weighing: joined::weighing() }))?;
    aggregates::bound_aggregates(state)
}

/// Bounds what the planner makes without looking up a name: `[1, 2]`, `array || array`, and texts
/// joined with `||`.
#[derive(Debug)]
struct BoundCalls {
    weighing: Arc<ScalarUDF>,
}

impl FunctionRewrite for BoundCalls {
    fn name(&self) -> &'static str {
        "bound_calls"
    }

    fn rewrite(
        &self,
        expr: Expr,
        _schema: &DFSchema,
        _config: &ConfigOptions,
    ) -> DataFusionResult<Transformed<Expr>> {
        let call = match expr {
            Expr::ScalarFunction(call) => call,
            Expr::BinaryExpr(ref binary) if joined::is_joined(binary) => {
                return Ok(Transformed::yes(self.weighing.call(vec![expr])));
            }
            other => return Ok(Transformed::no(other)),
        };
        let growth = FUNCTIONS.iter().find(|(name, _)| *name == call.func.name());
        let Some((_, growth)) = growth.filter(|_| !is_small(&call)) else {
            return Ok(Transformed::no(Expr::ScalarFunction(call)));
        };
        let func = Arc::new(Bounded::around(call.func, *growth));
        Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args: call.args })))
    }
}

/// True for what is bounded already, and for lists of literals, which are as long as they are
/// written.
fn is_small(call: &ScalarFunction) -> bool {
    call.func.inner().is::<Bounded>()
        || (call.func.name() == "make_array"
            && call.args.iter().all(|arg| matches!(arg, Expr::Literal(..))))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    growth: Growth,
}

impl Bounded {
    fn around(inner: Arc<ScalarUDF>, growth: Growth) -> ScalarUDF {
        ScalarUDF::new_from_impl(Self { inner, growth })
    }

    fn too_large(&self) -> Error {
        let name = self.inner.name();
        if self.growth == Growth::Product {
            let message = format!("the texts of {name}() are too long");
            return Error::new(ErrorKind::ResourcesExhausted, message)
                .with_hint("compare texts of at most 10,000 bytes, for instance left(x, 1000)");
        }
        too_large(&format!("{name}()"))
    }

    /// Calls the function on pieces of which each is small enough for certain, and weighs what
    /// comes out: the estimate is far too high for most texts and patterns.
    fn call_in_pieces(
        &self,
        args: &ScalarFunctionArgs,
        estimates: &Float64Array,
    ) -> DataFusionResult<ColumnarValue> {
        let mut pieces: Vec<ArrayRef> = Vec::new();
        let mut sum = 0.0;
        for (from, rows) in pieces_of(estimates).ok_or_else(|| self.too_large())? {
            let result = self.inner.invoke_with_args(piece(args, from, rows))?;
            let is_constant = matches!(result, ColumnarValue::Scalar(_));
            let values = result.to_array(if is_constant { 1 } else { rows })?;
            for bytes in bytes::of(&values)?.iter().flatten() {
                sum += bytes;
                if bytes > VALUE_BYTES_MAX || sum > BATCH_BYTES_MAX {
                    return Err(self.too_large().into());
                }
            }
            if is_constant {
                return Ok(result);
            }
            pieces.push(values);
        }
        let pieces: Vec<_> = pieces.iter().map(AsRef::as_ref).collect();
        Ok(ColumnarValue::Array(concat(&pieces)?))
    }
}

fn too_large(what: &str) -> Error {
    Error::new(ErrorKind::ResourcesExhausted, format!("the result of {what} is too large"))
        .with_hint("at most 16 MiB for one value and 256 MiB for a batch of rows")
}

/// First row and number of rows of each piece; `None` if one row alone is too much.
fn pieces_of(estimates: &Float64Array) -> Option<Vec<(usize, usize)>> {
    let (mut pieces, mut from, mut sum) = (Vec::new(), 0, 0.0);
    for (row, bytes) in estimates.iter().map(|bytes| bytes.unwrap_or(0.0)).enumerate() {
        if bytes > BATCH_BYTES_MAX {
            return None;
        }
        if sum + bytes > BATCH_BYTES_MAX {
            pieces.push((from, row - from));
            (from, sum) = (row, 0.0);
        }
        sum += bytes;
    }
    pieces.push((from, estimates.len() - from));
    Some(pieces)
}

fn piece(args: &ScalarFunctionArgs, from: usize, rows: usize) -> ScalarFunctionArgs {
    let mut piece = args.clone();
    for arg in &mut piece.args {
        if let ColumnarValue::Array(array) = arg {
            *arg = ColumnarValue::Array(array.slice(from, rows));
        }
    }
    piece.number_rows = rows;
    piece
}

/// None of these functions simplifies itself, but for `concat` and `concat_ws`, which would become
/// a `concat` without a bound.
impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn schema_name(&self, args: &[Expr]) -> DataFusionResult<String> {
        self.inner.schema_name(args)
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> DataFusionResult<DataType> {
        self.inner.return_type(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> DataFusionResult<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> DataFusionResult<Vec<DataType>> {
        self.inner.coerce_types(arg_types)
    }

    fn is_strict(&self) -> bool {
        self.inner.is_strict()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let estimates = growth::estimates(self.growth, self.name(), &args)?;
        let (value_max, batch_max) = self.growth.limits();
        let (mut largest, mut sum) = (0.0_f64, 0.0);
        for estimate in estimates.iter().flatten() {
            largest = largest.max(estimate);
            sum += estimate;
        }
        if largest <= value_max && sum <= batch_max {
            return self.inner.invoke_with_args(args);
        }
        if self.growth.is_known_only_afterwards() {
            return self.call_in_pieces(&args, &estimates);
        }
        Err(self.too_large().into())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::Int64Type;
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn run(sql: &str) -> DataFusionResult<usize> {
        let mut state = SessionContext::new().state();
        bound_functions(&mut state)?;
        let rows = SessionContext::new_with_state(state).sql(sql).await?.collect().await?;
        Ok(rows.iter().map(|batch| batch.num_rows()).sum())
    }

    #[tokio::test]
    async fn huge_values_are_refused_before_they_are_made() {
        for sql in [
            "SELECT length(repeat('ab', 9000000))",
            "SELECT repeat(n, 9000000000) FROM (VALUES ('a'), ('b')) t(n)",
            "SELECT lpad('a', 2000000000)",
            "SELECT rpad(n, 2000000000, 'x') FROM (VALUES ('a')) t(n)",
            "SELECT array_repeat('abcd', 9000000000)",
            "SELECT list_repeat(1, 9000000000)",
            "SELECT array_resize([1], 9000000000, 7)",
            "SELECT range(9000000000000)",
            "SELECT generate_series(1, 9000000000000, 2)",
            "SELECT generate_series(DATE '0001-01-01', DATE '9999-12-31', INTERVAL '1 second')",
            "SELECT range(TIMESTAMP '2000-01-01', TIMESTAMP '2020-01-01', INTERVAL '1 millisecond')",
            "SELECT repeat(rpad('a', 1000), 200 + n % 2) FROM range(8000) t(n)",
            "SELECT array_repeat([repeat('a', 1000000)], 1000000)",
            "SELECT replace(repeat('a', 1000000), 'a', repeat('b', 1000000))",
            "SELECT replace(repeat('a', 100000), 'a', repeat('b', 200))",
            "SELECT replace(n, 'a', repeat('b', 100000)) FROM (VALUES (repeat('a', 100000))) t(n)",
            "SELECT regexp_replace(repeat('a', 1000000), 'a', repeat('b', 1000000), 'g')",
            "SELECT regexp_replace(repeat('a', 1000000), '.*', repeat('$0', 100000))",
            "SELECT regexp_match(repeat('a', 9000000), '((((((((((((((((((((((((((((((((.*))))))))))))))))))))))))))))))))')",
            "SELECT concat(n, n, n, n, n) FROM (VALUES (repeat('a', 9000000))) t(n)",
            "SELECT concat_ws(repeat('a', 9000000), n, n, n, n) FROM (VALUES ('a')) t(n)",
            "SELECT concat(repeat('a', 1000000), n) FROM range(8000) t(n)",
            "SELECT make_array(n, n, n, n, n) FROM (VALUES (repeat('a', 9000000))) t(n)",
            "SELECT [n, n, n, n, n] FROM (VALUES (repeat('a', 9000000))) t(n)",
            "SELECT map('k', [n, n, n, n, n]) FROM (VALUES (repeat('a', 9000000))) t(n)",
            "SELECT array_append([n], repeat('a', 1000000)) FROM (SELECT cast(n AS text) n FROM range(8000) t(n))",
            "SELECT [n] || [n] || [n] || [n] FROM (VALUES (repeat('a', 9000000))) t(n)",
            "SELECT array_to_string(range(100000), repeat(',', 1000000))",
            "SELECT n || n || n FROM (VALUES (repeat('a', 9000000))) t(n)",
            "SELECT repeat('a', 9000000) || repeat('a', 9000000)",
            "SELECT repeat('a', 40000) || n FROM range(8000) t(n)",
            "WITH RECURSIVE t(n) AS (SELECT arrow_cast('a', 'LargeUtf8') UNION ALL SELECT n || n FROM t) SELECT n FROM t",
            "SELECT array_replace_all(array_repeat('a', 100000), 'a', repeat('b', 1000000))",
            "SELECT to_char(now(), repeat('%+', 8000000))",
            "SELECT levenshtein(repeat('a', 10000000), repeat('b', 10000000))",
            "SELECT levenshtein(repeat('a', 10001), repeat('b', 10001))",
            "SELECT levenshtein(repeat('a', 1000 + n % 2), repeat('b', 1000)) FROM range(8000) t(n)",
        ] {
            let refused = Error::from(run(sql).await.expect_err(sql));
            assert_eq!(refused.kind(), ErrorKind::ResourcesExhausted, "{sql}: {refused:?}");
        }
    }

    #[tokio::test]
    async fn ordinary_values_are_made() {
        for sql in [
            "SELECT repeat('ab', 1000), repeat(NULL, 5), repeat('a', -1), lpad('a', 10, 'xy')",
            "SELECT array_repeat('a', 3), array_resize([1], 3, 7), array_resize([1], 3)",
            "SELECT range(5), range(1, 5), range(5, 1, -1), generate_series(1, 5)",
            "SELECT range(DATE '2020-01-01', DATE '2020-03-01', INTERVAL '1 month')",
            "SELECT generate_series(TIMESTAMP '2020-01-01', TIMESTAMP '2020-01-02', INTERVAL '1 hour')",
            "SELECT range(DATE '2021-02-01', DATE '2020-01-01', INTERVAL '-1 month -28 days')",
            "SELECT replace('abcabc', 'b', 'xyz'), regexp_replace('abc', '(b)', '[$1]', 'g')",
            "SELECT length(replace(repeat('a', 10000), 'b', repeat('c', 2000)))",
            "SELECT concat('a', 1, NULL), concat_ws(',', 'a', 'b'), to_char(now(), '%Y-%m-%d')",
            "SELECT 'a' || 'b' || 1 || NULL, n || n || 1 || 'x' FROM (VALUES ('a')) t(n)",
            "SELECT arrow_cast(n, 'LargeUtf8') || n, n || DATE '2020-01-01' FROM (VALUES ('a')) t(n)",
            "SELECT [1, 2], make_array('a', NULL), [1] || 2, array_to_string([1, 2], ',')",
            "SELECT levenshtein('kitten', 'sitting'), array_replace_all([1, 2, 1], 1, 3)",
        ] {
            assert_eq!(run(sql).await.expect(sql), 1, "{sql}");
        }
    }

    #[tokio::test]
    async fn series_goes_one_way() {
        for sql in [
            "SELECT range(DATE '2021-02-01', DATE '2020-01-01', INTERVAL '1 month -28 days')",
            "SELECT generate_series(DATE '2021-02-01', DATE '2022-01-01', INTERVAL '1 month -28 days')",
            "SELECT range(TIMESTAMP '2021-02-01', TIMESTAMP '2022-01-01', INTERVAL '1 day -24 hours')",
            "SELECT generate_series(n, n, INTERVAL '-1 month 31 days') FROM (VALUES (now())) t(n)",
        ] {
            let refused = Error::from(run(sql).await.expect_err(sql));
            assert_eq!(refused.kind(), ErrorKind::InvalidQuery, "{sql}: {refused:?}");
        }
    }

    #[tokio::test]
    async fn what_is_estimated_too_high_is_weighed() {
        // Every byte could be replaced, and hardly one is.
        let text = "concat(repeat('b', 30000), n)";
        for (call, bytes) in [
            (format!("replace({text}, 'x', repeat('c', 20))"), 30_001_i64 * 1000),
            (format!("regexp_replace({text}, 'x', repeat('c', 20), 'g')"), 30_001 * 1000),
        ] {
            let sql = format!(
                "SELECT sum(length({call})) s FROM (SELECT n % 10 n FROM range(1000) t(n))"
            );
            let mut state = SessionContext::new().state();
            bound_functions(&mut state).expect(&sql);
            let context = SessionContext::new_with_state(state);
            let rows = context.sql(&sql).await.expect(&sql).collect().await.expect(&sql);
            let sum = rows[0].column(0).as_primitive::<Int64Type>().value(0);
            assert_eq!(sum, bytes, "{sql}");
        }
    }
}
