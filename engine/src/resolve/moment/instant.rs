//! Instants, from literals and from expressions that are constant.

use std::sync::Arc;

use chrono::{DateTime, TimeZone, Utc};
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::compute::kernels::cast_utils::string_to_datetime;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::execution::SessionState;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::{Expr, ExprWithAlias};

use crate::error::{Error, ErrorKind, Result};

/// The instant that an expression means; without a zone it is one of `zone`.
///
/// # Errors
///
/// When it is not constant, or no instant.
pub(super) fn of(
    expr: &Expr,
    state: &SessionState,
    (zone, now): (Tz, DateTime<Utc>),
) -> Result<DateTime<Utc>> {
    let no_instant = || {
        Error::new(ErrorKind::InvalidQuery, format!("{expr} is no instant")).with_hint(super::FORMS)
    };
    let schema = Arc::new(DFSchema::empty());
    let written = ExprWithAlias { expr: expr.clone(), alias: None };
    let planned = state.create_logical_expr_from_sql_expr(written, &schema);
    let context = SimplifyContext::builder()
        .with_schema(Arc::clone(&schema))
        .with_config_options(Arc::clone(state.config_options()))
        .with_query_execution_start_time(Some(now))
        .build();
    let simplifier = ExprSimplifier::new(context);
    let constant = planned
        .and_then(|planned| simplifier.coerce(planned, &schema))
        .and_then(|typed| simplifier.simplify(typed))
        .map_err(|error| no_instant().with_source(error))?;
    match constant {
        datafusion::logical_expr::Expr::Literal(value, _) => {
            instant(&value, zone).ok_or_else(no_instant)
        }
        _ => Err(no_instant()),
    }
}

fn instant(value: &ScalarValue, zone: Tz) -> Option<DateTime<Utc>> {
    let micros = |to: DataType| match value.cast_to(&to).ok()? {
        ScalarValue::TimestampMicrosecond(micros, _) => DateTime::from_timestamp_micros(micros?),
        _ => None,
    };
    match value.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let text = value.try_as_str().flatten()?;
            string_to_datetime(&zone, text).ok().map(|instant| instant.to_utc())
        }
        DataType::Timestamp(_, Some(_)) => {
            micros(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))
        }
        DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64 => {
            let local = micros(DataType::Timestamp(TimeUnit::Microsecond, None))?.naive_utc();
            zone.from_local_datetime(&local).earliest().map(|instant| instant.to_utc())
        }
        _ => None,
    }
}

/// Refuses an instant that is still to come: asked again, it would mean something else.
///
/// # Errors
///
/// When `instant` is after `now`.
pub(super) fn check_past(instant: DateTime<Utc>, now: DateTime<Utc>) -> Result<()> {
    if instant <= now {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidQuery, format!("{} is still to come", shown(instant)))
        .with_detail(format!("it is {} now", shown(now)))
        .with_hint("ask for an instant in the past, or leave it out for the newest snapshot"))
}

fn shown(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}
