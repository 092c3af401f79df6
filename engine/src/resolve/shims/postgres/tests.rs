//! Rules of these shims, as tables: what is written, and the query that is planned.

use crate::config::EngineConfig;
use crate::error::{Error, ErrorKind};
use crate::resolve::{Form, Statement};

fn parsed(sql: &str) -> Result<String, Error> {
    let statement = Statement::parse(sql, &EngineConfig::default())?;
    match statement.form()? {
        Form::Query(query) => Ok(query.to_string()),
        other => Err(Error::new(ErrorKind::Internal, format!("{other:?}"))),
    }
}

/// A table of cases; a text that is left as it is stands there once.
fn assert_becomes(cases: &[(&str, &str)]) {
    for (sql, expected) in cases {
        let expected = if expected.is_empty() { sql } else { expected };
        let rewritten = parsed(sql).unwrap_or_else(|error| error.to_line());
        assert_eq!(rewritten, **expected, "{sql}");
    }
}

#[test]
fn what_is_built_in_needs_no_schema() {
    assert_becomes(&[
        ("SELECT pg_catalog.count(*) AS n FROM t", "SELECT count(*) AS n FROM t"),
        ("SELECT pg_catalog.\"upper\"(x) AS n FROM t", "SELECT \"upper\"(x) AS n FROM t"),
        (
            "SELECT * FROM pg_catalog.generate_series(1, 3) AS s",
            "SELECT * FROM generate_series(1, 3) AS s",
        ),
        ("SELECT a.count FROM other.count(x) AS a", ""),
        ("SELECT x OPERATOR(pg_catalog.~) 'a' AS n FROM t", "SELECT x ~ 'a' AS n FROM t"),
        (
            "SELECT a FROM t WHERE x !~ 'a' COLLATE pg_catalog.default ORDER BY a COLLATE \"C\"",
            "SELECT a FROM t WHERE x !~ 'a' ORDER BY a",
        ),
        ("SELECT a FROM t ORDER BY a COLLATE \"de_CH\"", ""),
    ]);
}

#[test]
fn types_of_the_catalog_are_plain_ones() {
    assert_becomes(&[
        ("SELECT x::pg_catalog.text AS n FROM t", "SELECT x::TEXT AS n FROM t"),
        ("SELECT CAST('*' AS pg_catalog.text) AS n", "SELECT CAST('*' AS TEXT) AS n"),
        (
            "SELECT x::name AS n, y::\"char\" AS m FROM t",
            "SELECT x::TEXT AS n, y::TEXT AS m FROM t",
        ),
        ("SELECT x::oid AS n FROM t", "SELECT x::INT AS n FROM t"),
        ("SELECT x::information_schema.sql_identifier AS n", "SELECT x::TEXT AS n"),
        ("SELECT x::pg_catalog.int4 AS n FROM t", "SELECT x::INT4 AS n FROM t"),
        ("SELECT x::other.kind AS n FROM t", ""),
    ]);
}

#[test]
fn registered_number_is_shown_where_it_is_text() {
    assert_becomes(&[
        (
            "SELECT a FROM t WHERE o = 'b.c'::regclass",
            "SELECT a FROM t WHERE o = pg_regclass_oid('b.c')",
        ),
        (
            "SELECT a FROM t WHERE o = 'b.c'::pg_catalog.regclass::oid",
            "SELECT a FROM t WHERE o = pg_regclass_oid('b.c')::INT",
        ),
        ("SELECT o::regclass FROM t", "SELECT pg_regclass_name(o) AS o FROM t"),
        ("SELECT 'b.c'::regclass", "SELECT pg_regclass_name('b.c') AS regclass"),
        ("SELECT o::regtype::text AS n FROM t", "SELECT pg_regtype_name(o) AS n FROM t"),
        ("SELECT 'x' || o::regclass AS n FROM t", "SELECT 'x' || pg_regclass_name(o) AS n FROM t"),
        (
            "SELECT a FROM t WHERE o::regtype = 'int4'",
            "SELECT a FROM t WHERE pg_regtype_oid(o) = pg_regtype_oid('int4')",
        ),
        (
            "SELECT a FROM t WHERE o::regtype IN ('int4', 'text')",
            "SELECT a FROM t WHERE pg_regtype_oid(o) IN (pg_regtype_oid('int4'), pg_regtype_oid('text'))",
        ),
        (
            "SELECT a FROM t WHERE o IN (SELECT p::regclass FROM u)",
            "SELECT a FROM t WHERE o IN (SELECT pg_regclass_oid(p) FROM u)",
        ),
    ]);
}

#[test]
fn arrays_are_read_and_made() {
    assert_becomes(&[
        (
            "SELECT a FROM t WHERE k = ANY ('{r,v}')",
            "SELECT a FROM t WHERE k = ANY(ARRAY['r', 'v'])",
        ),
        (
            "SELECT a FROM t WHERE k <> ALL ('{1,2}'::oid[])",
            "SELECT a FROM t WHERE k <> ALL(ARRAY[1, 2]::INT[])",
        ),
        (
            "SELECT array_upper(x, 1) AS n FROM t",
            "SELECT nullif(CAST(array_length(x) AS BIGINT), 0) AS n FROM t",
        ),
        ("SELECT i.indkey[0] AS n FROM t i", "SELECT i.indkey[(0) + 1] AS n FROM t i"),
        ("SELECT (f(x)).n AS n FROM t", "SELECT (f(x))['n'] AS n FROM t"),
        (
            "SELECT ARRAY(SELECT x FROM u ORDER BY 1) AS n FROM t",
            "SELECT coalesce((SELECT array_agg(x ORDER BY x) FROM u), make_array()) AS n FROM t",
        ),
    ]);
}

#[test]
fn tables_without_rows_are_not_read() {
    assert_becomes(&[
        (
            "SELECT t.tgname, f(x) AS n FROM pg_catalog.pg_trigger t, pg_catalog.pg_class ORDER BY y",
            "SELECT NULL AS tgname, NULL AS n WHERE false",
        ),
        ("SELECT (SELECT x FROM pg_attrdef) AS n FROM t", "SELECT NULL AS n FROM t"),
        (
            "SELECT a FROM t WHERE NOT EXISTS (SELECT 1 FROM pg_policy)",
            "SELECT a FROM t WHERE true",
        ),
        ("SELECT a FROM t WHERE b IN (SELECT c FROM pg_policy)", "SELECT a FROM t WHERE false"),
        (
            "SELECT a FROM pg_trigger UNION ALL SELECT b FROM t",
            "SELECT NULL AS a WHERE false UNION ALL SELECT b FROM t",
        ),
        ("SELECT pg_partition_ancestors(1) AS n", "SELECT NULL AS n WHERE false"),
        (
            "SELECT a FROM t WHERE b IN (SELECT pg_partition_ancestors(1) UNION ALL VALUES (1), (2))",
            "SELECT a FROM t WHERE b IN (1, 2)",
        ),
    ]);
}

#[test]
fn path_as_rows_is_the_list_of_it() {
    assert_becomes(&[(
        "SELECT x IN (SELECT trim(s[i]) FROM generate_series(1, 2) AS i, string_to_array(current_setting('search_path'), ',') AS s) AS n FROM t",
        "SELECT x = ANY(current_schemas(false)) AS n FROM t",
    )]);
}

/// Each of these may have rows.
#[test]
fn tables_with_rows_are_read() {
    assert_becomes(&[
        ("SELECT count(*) AS n FROM pg_trigger", ""),
        ("SELECT * FROM pg_trigger", ""),
        ("SELECT a FROM t LEFT JOIN pg_trigger ON true", ""),
        ("SELECT a FROM pg_trigger RIGHT JOIN t ON true", ""),
        ("SELECT a FROM pg_trigger FULL JOIN t ON true", ""),
        ("SELECT a FROM s.pg_trigger", ""),
        ("WITH pg_trigger AS (SELECT 1 AS a) SELECT a FROM pg_trigger", ""),
        ("SELECT (SELECT max(x) FROM pg_attrdef) AS n FROM t", ""),
        ("SELECT a FROM t UNION ALL (SELECT b FROM u)", ""),
    ]);
}

#[test]
fn subquery_of_the_catalog_gives_one_value() {
    assert_becomes(&[
        (
            "SELECT (SELECT nspname FROM pg_namespace n WHERE n.oid = t.o) AS n FROM t",
            "SELECT (SELECT pg_only_value(nspname) FROM pg_namespace n WHERE n.oid = t.o) AS n FROM t",
        ),
        ("SELECT (SELECT x FROM u WHERE u.o = t.o) AS n FROM t", ""),
        ("SELECT (SELECT max(oid) FROM pg_class) AS n FROM t", ""),
        (
            "SELECT EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = t.o) AS n FROM t",
            "SELECT ((SELECT count(1) FROM pg_class c WHERE c.oid = t.o) > 0) AS n FROM t",
        ),
        ("SELECT a FROM t WHERE EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = t.o)", ""),
    ]);
}

#[test]
fn flag_of_the_catalog_is_compared_with_a_text() {
    assert_becomes(&[
        (
            "SELECT a FROM t WHERE i.indisprimary = 't' AND i.x = 't'",
            "SELECT a FROM t WHERE i.indisprimary = true AND i.x = 't'",
        ),
        (
            "SELECT a FROM t WHERE 'f' <> attisdropped",
            "SELECT a FROM t WHERE false <> attisdropped",
        ),
        ("SELECT a FROM t WHERE indisprimary = 'maybe'", ""),
    ]);
}

#[test]
fn bytes_are_written_in_hexadecimal() {
    assert_becomes(&[
        (r"SELECT '\x00fF'::bytea AS n", "SELECT X'00fF' AS n"),
        (r"SELECT CAST('\x' AS BYTEA) AS n", "SELECT X'' AS n"),
        (r"SELECT '\x0'::bytea AS n", r"SELECT '\x0'::BYTEA AS n"),
        ("SELECT 'ab'::bytea AS n", "SELECT 'ab'::BYTEA AS n"),
    ]);
}

#[test]
fn no_type_is_a_domain_or_made_of_columns() {
    assert_becomes(&[
        (
            "SELECT (CASE WHEN t.typtype = 'd' THEN (SELECT f(x) FROM u) END) AS a FROM pg_type AS t",
            "SELECT NULL AS a FROM pg_type AS t",
        ),
        (
            "SELECT CASE WHEN typtype = 'c' THEN 1 ELSE oid END AS a FROM pg_catalog.pg_type",
            "SELECT oid AS a FROM pg_catalog.pg_type",
        ),
        ("SELECT CASE WHEN typtype = 'b' THEN 1 END AS a FROM pg_type", ""),
        ("SELECT CASE WHEN typtype = 'd' THEN 1 END AS a FROM t", ""),
    ]);
}

#[test]
fn functions_of_types_are_shown_by_name() {
    assert_becomes(&[
        (
            "SELECT oid, typreceive FROM pg_type WHERE typreceive <> 0 AND typsend::TEXT <> 'x'",
            "SELECT oid, pg_regproc_name(typreceive) AS typreceive FROM pg_type \
             WHERE typreceive <> 0 AND pg_regproc_name(typsend) <> 'x'",
        ),
        ("SELECT typreceive FROM t", ""),
        ("SELECT a FROM (SELECT typreceive AS a FROM pg_type) AS t", ""),
    ]);
}

#[test]
fn options_of_a_table_have_no_items() {
    assert_becomes(&[
        (
            "SELECT ARRAY(SELECT 'a' || x FROM pg_catalog.unnest(c.reloptions) AS x) AS a FROM t",
            "SELECT make_array() AS a FROM t",
        ),
        ("SELECT x FROM UNNEST(c.reloptions) AS x", ""),
    ]);
}

#[test]
fn bounds_of_an_array_are_numbers_of_its_items() {
    let last = "nullif(CAST(array_length(x) AS BIGINT), 0)";
    assert_becomes(&[
        (
            "SELECT array_lower(x, 1) AS n FROM t",
            &format!("SELECT 1 + ({last} - {last}) AS n FROM t"),
        ),
        (
            "SELECT generate_series(array_lower(x, 1), array_upper(x, 1)) AS n FROM t",
            &format!("SELECT unnest(generate_series(1, {last})) AS n FROM t"),
        ),
        (
            "SELECT generate_subscripts(x, $1::INTEGER) AS n FROM t",
            &format!("SELECT unnest(generate_series(1, {last})) AS n FROM t"),
        ),
    ]);
}
