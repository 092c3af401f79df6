//! Rules of our functions, as tables.

use datafusion::arrow::util::display::array_value_to_string;
use datafusion::prelude::SessionContext;

use super::*;

/// The one value of an expression, or its error.
async fn value(expression: &str) -> String {
    let mut state = SessionContext::new().state();
    register(&mut state).unwrap();
    let context = SessionContext::new_with_state(state);
    let batches = match context.sql(&format!("SELECT {expression}")).await {
        Ok(frame) => frame.collect().await,
        Err(error) => Err(error),
    };
    match batches {
        Ok(batches) => match batches[0].column(0).is_null(0) {
            true => "NULL".to_owned(),
            false => array_value_to_string(batches[0].column(0), 0).unwrap(),
        },
        Err(error) => error.strip_backtrace(),
    }
}

async fn assert_values(table: &[(&str, &str)]) {
    for (expression, expected) in table {
        let found = value(expression).await;
        let fits = match expected.strip_prefix("error ") {
            Some(part) => found.contains(part),
            None => found == *expected,
        };
        assert!(fits, "{expression}: {found}, not {expected}");
    }
}

/// A timestamp in Zurich, where the clock is put forward on 2026-03-29 at 02:00.
fn zurich(text: &str) -> String {
    format!("arrow_cast('{text}', 'Timestamp(Microsecond, Some(\"Europe/Zurich\"))')")
}

#[tokio::test]
async fn units_are_counted_in_the_zone_of_their_arguments() {
    let (before, after) = (zurich("2026-03-28T23:30:00Z"), zurich("2026-03-29T22:30:00Z"));
    let (noon, next_noon) = (zurich("2026-03-28T11:00:00Z"), zurich("2026-03-29T10:00:00Z"));
    assert_values(&[
        // Half past midnight, and half past midnight of the next day, 23 hours later.
        (&format!("datediff('day', {before}, {after})"), "1"),
        (&format!("datediff('hour', {before}, {after})"), "23"),
        (&format!("timestampdiff('day', {noon}, {next_noon})"), "1"),
        (&format!("timestampdiff('hour', {noon}, {next_noon})"), "23"),
        (&format!("dateadd('day', 1, {noon})"), "2026-03-29T12:00:00+02:00"),
        (&format!("dateadd('hour', 24, {noon})"), "2026-03-29T13:00:00+02:00"),
        // A time without zone is one of the other's zone, even one that was left out there.
        (&format!("timestampdiff('minute', timestamp '2026-03-28 12:00:00', {noon})"), "0"),
        (&format!("timestampdiff('minute', timestamp '2026-03-29 02:30:00', {next_noon})"), "510"),
        (&format!("datediff('day', {after}, date '2026-03-30')"), "0"),
    ])
    .await;
}

#[tokio::test]
async fn months_end_where_they_end() {
    assert_values(&[
        ("dateadd('month', 1, date '2026-01-31')", "2026-02-28"),
        ("dateadd('month', 13, date '2027-01-31')", "2028-02-29"),
        ("dateadd('month', -1, date '2026-03-31')", "2026-02-28"),
        ("dateadd('year', 4, date '2028-02-29')", "2032-02-29"),
        ("timestampdiff('month', date '2026-01-31', date '2026-02-28')", "0"),
        ("timestampdiff('month', date '2026-01-31', date '2026-03-31')", "2"),
        ("timestampdiff('month', date '2026-03-31', date '2026-02-28')", "-1"),
        ("timestampdiff('month', date '2026-02-28', date '2026-01-31')", "0"),
        ("timestampdiff('year', date '2024-02-29', date '2025-02-28')", "0"),
        ("timestampdiff('year', date '2024-02-29', date '2025-03-01')", "1"),
        ("timestampdiff('quarter', date '2026-01-15', date '2026-07-14')", "1"),
        ("datediff('quarter', date '2026-03-31', date '2025-12-31')", "-1"),
    ])
    .await;
}

#[tokio::test]
async fn value_out_of_range_is_an_error() {
    assert_values(&[
        ("dateadd('day', 9223372036854775807, date '2026-01-31')", "error out of range"),
        ("dateadd('year', 178956970, timestamp '2026-01-31')", "error out of range"),
        ("dateadd('second', 9223372036854775807, timestamp '2026-01-31')", "error out of range"),
        ("dateadd('day', 1, arrow_cast(2147483647, 'Date32'))", "error out of"),
        ("datediff('day', arrow_cast(-2147483648, 'Date32'), date '2026-01-01')", "error calendar"),
        (
            "timestampdiff('nanosecond', date '0001-01-01', date '9999-01-01')",
            "error counts too many",
        ),
        ("datediff('day', 1, 2)", "error not Int64"),
        ("datediff('eon', date '2026-01-01', date '2026-01-01')", "error unit of time"),
        ("datediff(NULL, date '2026-01-01', date '2026-01-01')", "error unit of time"),
        ("dateadd('hour', 1, date '2026-01-01')", "error cast it to TIMESTAMP"),
        ("dateadd('day', 'x', date '2026-01-01')", "error a number of units"),
    ])
    .await;
}

#[tokio::test]
async fn arguments_of_any_type_are_read() {
    assert_values(&[
        ("dateadd('day', 1, '2026-01-31')", "2026-02-01T00:00:00"),
        ("dateadd('day', 1.9, date '2026-01-30')", "2026-01-31"),
        ("dateadd('day', NULL, date '2026-01-30')", "NULL"),
        ("timestampadd('day', 1, date '2026-01-30')", "2026-01-31T00:00:00"),
        ("datediff('day', NULL, NULL)", "NULL"),
        ("datediff('day', x, date '2026-01-03') FROM (VALUES (date '2026-01-01')) t(x)", "2"),
        (
            "datediff('day', arrow_cast('2026-01-01', 'Timestamp(Second, None)'), timestamp '2026-01-03')",
            "2",
        ),
        ("datediff('second', timestamp '1969-12-31T23:59:59.5', timestamp '1970-01-01')", "1"),
    ])
    .await;
}

#[tokio::test]
async fn position_is_that_of_a_character() {
    assert_values(&[
        ("locate('ü', 'züü')", "2"),
        ("locate('ü', 'züü', 3)", "3"),
        ("locate('ü', 'züü', 4)", "0"),
        ("locate('', 'ab', 3)", "3"),
        ("locate('', 'ab', 4)", "0"),
        ("locate('', '')", "1"),
        ("charindex('', 'ab')", "0"),
        ("charindex('a', 'ba', -5)", "2"),
        ("charindex('a', 'ba', 9223372036854775807)", "0"),
        ("charindex(1, 21)", "2"),
        ("charindex(x, 'abc') FROM (VALUES ('c')) t(x)", "3"),
        ("charindex('a', 'ba', 1.5)", "error whole number"),
    ])
    .await;
}

#[tokio::test]
async fn pattern_is_written_with_backslashes_whatever_escapes_in_it() {
    assert_values(&[
        (r"samite_like_pattern('50!%', '!')", r"50\%"),
        (r"samite_like_pattern('a!!!_\_', '!')", r"a!\_\\_"),
        (r"samite_like_pattern('a!%', '')", "a!%"),
        ("samite_like_pattern(NULL, '!')", "NULL"),
        ("samite_like_pattern('a!', '!')", "error the pattern ends"),
    ])
    .await;
}
