//! Rules of the shims, as tables: what is written, and the query that is planned.

use crate::config::EngineConfig;
use crate::error::{Error, ErrorKind};
use crate::resolve::{Form, Statement};

fn parsed(sql: &str) -> Result<String, Error> {
    let statement = Statement::parse(sql, &EngineConfig::default())?;
    Ok(match statement.form()? {
        Form::Query(query) => query.to_string(),
        Form::Set { name, value } => format!("SET {name} = {value:?}"),
        Form::Nothing => "nothing".to_owned(),
        other => format!("{other:?}"),
    })
}

const LOCAL_NOW: &str = "to_local_time(CAST(now() AS TIMESTAMP WITH TIME ZONE))";

/// The one expression of a query, without its name.
fn expression(sql: &str) -> String {
    let query = parsed(&format!("SELECT {sql} AS c")).unwrap_or_else(|error| format!("{error:?}"));
    query.trim_start_matches("SELECT ").trim_end_matches(" AS c").to_owned()
}

#[test]
fn limits_become_one() {
    for (sql, expected) in [
        ("SELECT TOP 5 a FROM t ORDER BY a", "SELECT a FROM t ORDER BY a LIMIT 5"),
        ("SELECT TOP (5) a FROM t", "SELECT a FROM t LIMIT 5"),
        ("SELECT TOP ($1) a FROM t", "SELECT a FROM t LIMIT $1"),
        ("SELECT TOP $1 a FROM t", "SELECT a FROM t LIMIT $1"),
        ("SELECT DISTINCT TOP 5 a FROM t", "SELECT DISTINCT a FROM t LIMIT 5"),
        ("SELECT top FROM t", "SELECT \"top\" FROM t"),
        ("SELECT top, a FROM t WHERE top > 3", "SELECT \"top\", a FROM t WHERE top > 3"),
        ("SELECT DISTINCT top AS b FROM t", "SELECT DISTINCT \"top\" AS b FROM t"),
        ("SELECT x.top FROM t x", "SELECT x.top FROM t x"),
        ("SELECT a FROM t FETCH FIRST 3 ROWS ONLY", "SELECT a FROM t LIMIT 3"),
        ("SELECT a FROM t FETCH NEXT ROW ONLY", "SELECT a FROM t LIMIT 1"),
        (
            "SELECT a FROM t OFFSET 2 ROWS FETCH NEXT 3 ROWS ONLY",
            "SELECT a FROM t LIMIT 3 OFFSET 2 ROWS",
        ),
        (
            "SELECT TOP 1 a FROM t UNION ALL SELECT TOP 2 b FROM u ORDER BY 1",
            "(SELECT a FROM t LIMIT 1) UNION ALL (SELECT b FROM u LIMIT 2) ORDER BY 1",
        ),
        (
            "SELECT 1 UNION SELECT 2 INTERSECT SELECT TOP 3 4",
            "SELECT 1 UNION SELECT 2 INTERSECT (SELECT 4 LIMIT 3)",
        ),
        (
            "WITH x AS (SELECT TOP 2 a FROM t) SELECT (SELECT TOP 1 a FROM x) AS c",
            "WITH x AS (SELECT a FROM t LIMIT 2) SELECT (SELECT a FROM x LIMIT 1) AS c",
        ),
    ] {
        assert_eq!(parsed(sql).unwrap(), expected, "{sql}");
    }
}

#[test]
fn limit_without_exact_meaning_is_refused() {
    for (sql, kind, message) in [
        ("SELECT TOP 5 WITH TIES a FROM t", ErrorKind::Unsupported, "TOP ... WITH TIES"),
        ("SELECT TOP 5 PERCENT a FROM t", ErrorKind::Unsupported, "TOP ... PERCENT"),
        (
            "SELECT a FROM t FETCH FIRST 5 ROWS WITH TIES",
            ErrorKind::Unsupported,
            "FETCH FIRST ... WITH TIES",
        ),
        (
            "SELECT a FROM t FETCH FIRST 5 PERCENT ROWS ONLY",
            ErrorKind::Unsupported,
            "FETCH FIRST ... PERCENT",
        ),
        ("SELECT TOP 5 a FROM t LIMIT 3", ErrorKind::InvalidQuery, "TOP stands beside"),
        ("SELECT TOP 5 a FROM t OFFSET 3 ROWS", ErrorKind::InvalidQuery, "TOP stands beside"),
        (
            "SELECT a FROM t LIMIT 3 FETCH FIRST 5 ROWS ONLY",
            ErrorKind::InvalidQuery,
            "FETCH FIRST stands beside",
        ),
        ("SELECT TOP (NULL) a FROM t", ErrorKind::InvalidQuery, "TOP takes a number"),
    ] {
        let error = parsed(sql).unwrap_err();
        assert_eq!(error.kind(), kind, "{sql}: {error:?}");
        assert!(error.message().starts_with(message), "{sql}: {error:?}");
    }
}

#[test]
fn table_of_one_row_is_there_unless_it_is_named() {
    let dual = "(SELECT 'X' AS dummy) AS dual";
    for (sql, expected) in [
        ("SELECT 1 AS a FROM DUAL", format!("SELECT 1 AS a FROM {dual}")),
        ("SELECT * FROM dual d", "SELECT * FROM (SELECT 'X' AS dummy) d".to_owned()),
        ("SELECT 1 FROM \"dual\"", "SELECT 1 FROM \"dual\"".to_owned()),
        ("SELECT 1 FROM a.dual", "SELECT 1 FROM a.dual".to_owned()),
        (
            "WITH dual AS (SELECT 2) SELECT * FROM dual",
            "WITH dual AS (SELECT 2) SELECT * FROM dual".to_owned(),
        ),
    ] {
        assert_eq!(parsed(sql).unwrap(), expected, "{sql}");
    }
}

#[test]
fn function_of_others_is_written_with_ours() {
    for (sql, expected) in [
        ("{fn UCASE(a)}", "upper(a)"),
        ("{fn LENGTH(a)}", "character_length(rtrim(a))"),
        ("LENGTH(a)", "LENGTH(a)"),
        ("LEN(a)", "character_length(rtrim(a))"),
        ("{fn LOG(a)}", "ln(a)"),
        ("LOG(a)", "LOG(a)"),
        ("{fn CONCAT(a, {fn LCASE(b)})}", "(a) || (lower(b))"),
        ("CONCAT(a, b)", "CONCAT(a, b)"),
        ("{fn MOD(a, 2)}", "(a) % (2)"),
        ("{fn IFNULL(a, b)}", "IFNULL(a, b)"),
        ("{fn INSERT(a, 1, 2, b)}", "overlay(a, b, 1, 2)"),
        ("{fn EXTRACT(YEAR FROM a)}", "EXTRACT(YEAR FROM a)"),
        ("{fn CURRENT_DATE}", "CURRENT_DATE"),
        ("{fn CURDATE()}", "CAST(to_local_time(CAST(now() AS TIMESTAMP WITH TIME ZONE)) AS DATE)"),
        ("{fn DAYOFWEEK(a)}", "(date_part('dow', a) + 1)"),
        ("{fn QUARTER(a)}", "date_part('quarter', a)"),
        ("{fn TIMESTAMPADD(SQL_TSI_DAY, 1, a)}", "timestampadd('day', 1, a)"),
        ("{fn TIMESTAMPDIFF(SQL_TSI_FRAC_SECOND, a, b)}", "timestampdiff('nanosecond', a, b)"),
        ("DATEDIFF(dd, a, b)", "datediff('day', a, b)"),
        ("DATEDIFF('month', a, b)", "datediff('month', a, b)"),
        ("DATEDIFF(a, b)", "datediff('day', b, a)"),
        ("DATEADD(yy, -1, a)", "dateadd('year', -1, a)"),
        ("DATEPART(weekday, a)", "(date_part('dow', a) + 1)"),
        ("DATEPART(ms, a)", "(date_part('millisecond', a) % 1000)"),
        ("DATEPART('week', a)", "DATEPART('week', a)"),
        ("ISNULL(a, 0)", "coalesce(a, 0)"),
        ("IIF(a > 1, b, c)", "CASE WHEN a > 1 THEN b ELSE c END"),
        ("CHARINDEX('x', a, 2)", "charindex('x', a, 2)"),
        ("{fn LOCATE('x', a)}", "locate('x', a)"),
        ("GETDATE()", LOCAL_NOW),
        ("LOCALTIMESTAMP", LOCAL_NOW),
        ("CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP"),
        ("CURRENT_TIMESTAMP(3)", "date_bin(INTERVAL '1000000 nanoseconds', now())"),
        ("CURRENT_TIMESTAMP(9)", "now()"),
        (
            "LOCALTIME(0)",
            "CAST(date_bin(INTERVAL '1000000000 nanoseconds', to_local_time(CAST(now() AS TIMESTAMP WITH TIME ZONE))) AS TIME)",
        ),
        ("{d '2026-01-31'}", "DATE '2026-01-31'"),
        ("{TS '2026-01-31 12:00:00'}", "TIMESTAMP(6) '2026-01-31 12:00:00'"),
        ("{ts '2026-01-31 12:00:00.1234567'}", "TIMESTAMP '2026-01-31 12:00:00.1234567'"),
        ("a LIKE 'x!_' {escape '!'}", r"a LIKE 'x\_'"),
        ("a LIKE '50!%' ESCAPE '!'", r"a LIKE '50\%'"),
        ("a NOT ILIKE N'x~~\\~_' ESCAPE '~'", r"a NOT ILIKE 'x~\\\_'"),
        ("a LIKE 'x\\y' ESCAPE ''", r"a LIKE 'x\\y'"),
        ("a LIKE b || '%' ESCAPE '!'", r"a LIKE samite_like_pattern(b || '%', '!')"),
        ("a NOT LIKE b ESCAPE ''", r"a NOT LIKE samite_like_pattern(b, '')"),
        (r"a LIKE 'x\_' ESCAPE '\'", r"a LIKE 'x\_' ESCAPE '\'"),
        ("N'Zürich'", "'Zürich'"),
        ("{'a': 1, 'oj': 2}", "{'a': 1, 'oj': 2}"),
        ("\"len\"(a)", "\"len\"(a)"),
        ("len", "len"),
        ("f.len(a)", "f.len(a)"),
    ] {
        assert_eq!(expression(sql), expected, "{sql}");
    }
}

#[test]
fn type_of_others_is_written_with_ours() {
    for (sql, expected) in [
        ("CAST(a AS NVARCHAR)", "CAST(a AS VARCHAR)"),
        ("CAST(a AS NVARCHAR(MAX))", "CAST(a AS VARCHAR)"),
        ("CAST(a AS NVARCHAR(3))", "left(CAST(a AS VARCHAR), 3)"),
        ("CAST(a AS NCHAR(3))", "left(CAST(a AS VARCHAR), 3)"),
        ("CAST(a AS VARCHAR(3))", "CAST(a AS VARCHAR(3))"),
        ("a::NTEXT", "a::VARCHAR"),
        ("CAST(a AS DATETIME)", "CAST(a AS TIMESTAMP(6))"),
        ("CAST(a AS DATETIME2(7))", "CAST(a AS TIMESTAMP(9))"),
        ("CAST(a AS DATETIMEOFFSET)", "CAST(a AS TIMESTAMP(6) WITH TIME ZONE)"),
        ("CAST(a AS MONEY)", "CAST(a AS DECIMAL(19,4))"),
        ("TRY_CAST(a AS BIT)", "TRY_CAST(a AS BOOLEAN)"),
        ("CAST(a AS FLOAT(24))", "CAST(a AS REAL)"),
        ("CAST(a AS FLOAT(53))", "CAST(a AS DOUBLE PRECISION)"),
        ("CAST(a AS FLOAT)", "CAST(a AS FLOAT)"),
        ("CONVERT(a, SQL_VARCHAR)", "CAST(a AS VARCHAR)"),
        ("{fn CONVERT(a, SQL_DOUBLE)}", "CAST(a AS DOUBLE PRECISION)"),
        ("{fn CONVERT(a, DECIMAL(10, 2))}", "CAST(a AS DECIMAL(10,2))"),
        ("CONVERT(varchar(5), a)", "left(CAST(a AS VARCHAR), 5)"),
        ("CONVERT(float, a)", "CAST(a AS DOUBLE PRECISION)"),
        ("CONVERT(int, '5')", "CAST('5' AS INT)"),
        ("CONVERT(date, a)", "CAST(a AS DATE)"),
        ("CONVERT(date, SQL_VARCHAR)", "CAST(date AS VARCHAR)"),
        ("CONVERT(a, b.c)", "CAST(a AS b.c)"),
        ("TRY_CONVERT(int, a)", "TRY_CAST(a AS INT)"),
    ] {
        assert_eq!(expression(sql), expected, "{sql}");
    }
}

#[test]
fn what_has_no_exact_meaning_is_refused() {
    for (sql, message) in [
        ("LEN()", "LEN takes 1 argument"),
        ("LEN(DISTINCT a)", "DISTINCT in a function of one row"),
        ("LEN(a) OVER ()", "OVER after a function of one row"),
        ("IIF(a, b, c) FILTER (WHERE true)", "FILTER after a function"),
        ("DATEDIFF(fortnight, a, b)", "\"fortnight\" is no unit of time"),
        ("DATEDIFF(\"day\", a, b)", "\"\"day\"\" is no unit of time"),
        ("DATEPART(week, a)", "DATEPART(week, ...)"),
        ("CURRENT_TIMESTAMP(10)", "\"10\" is no precision"),
        ("CURRENT_TIMESTAMP(a)", "\"a\" is no precision"),
        ("CONVERT(varchar(10), a, 120)", "the style of CONVERT"),
        ("CONVERT(a USING utf8)", "CONVERT to a character set"),
        ("{fn CONVERT(a, 5)}", "\"5\" is no type"),
        ("CAST(a AS FLOAT(54))", "FLOAT(54) has no such precision"),
        ("CAST(a AS DATETIME2(4))", "the type DATETIME2(4)"),
        ("{fn RAND(5)}", "RAND takes"),
        ("a LIKE b ESCAPE '!!'", "ESCAPE takes one character"),
        ("a LIKE 'b!' ESCAPE '!'", "the pattern ends"),
        ("a LIKE 'b' ESCAPE '!!'", "ESCAPE takes one character"),
    ] {
        let error = parsed(&format!("SELECT {sql}")).unwrap_err();
        assert!(error.message().starts_with(message), "{sql}: {error:?}");
    }
}

#[test]
fn session_is_asked_unless_the_word_is_quoted() {
    let asks = |name: &str| format!("'{name}");
    for (sql, expected) in [
        ("user", asks("principal")),
        ("USER()", asks("principal")),
        ("current_user", asks("principal")),
        ("SESSION_USER", asks("principal")),
        ("{fn USER()}", asks("principal")),
        ("current_schema", asks("schema")),
        ("current_schema()", asks("schema")),
        ("current_catalog", asks("catalog")),
        ("current_database()", asks("catalog")),
        ("{fn DATABASE()}", asks("catalog")),
        ("\"user\"", "\"user\"".to_owned()),
        ("t.user", "t.user".to_owned()),
        ("\"current_schema\"", "\"current_schema\"".to_owned()),
        ("current_database", "current_database".to_owned()),
    ] {
        assert_eq!(expression(sql), expected, "{sql}");
    }
}

#[test]
fn column_keeps_the_text_of_what_was_written() {
    for (sql, expected) in [
        ("SELECT len(x)", "SELECT character_length(rtrim(x)) AS \"len(x)\""),
        ("SELECT len(x) + 1, x", "SELECT character_length(rtrim(x)) + 1 AS \"len(x) + 1\", x"),
        ("SELECT {fn ABS(x)}", "SELECT ABS(x) AS \"{fn ABS(x)}\""),
        ("SELECT abs(x) FROM t", "SELECT abs(x) FROM t"),
        ("SELECT len(x) AS y", "SELECT character_length(rtrim(x)) AS y"),
        ("SELECT len(\"X\")", "SELECT character_length(rtrim(\"X\")) AS \"len(\"\"X\"\")\""),
        ("SELECT CAST(x AS NTEXT)", "SELECT CAST(x AS VARCHAR)"),
        (
            "SELECT CAST(x AS NCHAR(2))",
            "SELECT left(CAST(x AS VARCHAR), 2) AS \"CAST(x AS NCHAR(2))\"",
        ),
        (
            "SELECT DISTINCT len(x), y FROM t ORDER BY len(x) DESC, y",
            "SELECT DISTINCT character_length(rtrim(x)) AS \"len(x)\", y FROM t ORDER BY \"len(x)\" DESC, y",
        ),
        (
            "SELECT (SELECT len(x)), 1",
            "SELECT (SELECT character_length(rtrim(x)) AS \"len(x)\"), 1",
        ),
    ] {
        assert_eq!(parsed(sql).unwrap(), expected, "{sql}");
    }
}

#[test]
fn statement_of_tools_changes_nothing() {
    for sql in [
        "BEGIN",
        "BEGIN TRANSACTION",
        "START TRANSACTION READ ONLY",
        "START TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE;",
        "COMMIT",
        "COMMIT WORK -- done",
        "END",
        "ROLLBACK",
        "SET extra_float_digits = 3",
        "SET application_name = 'x'",
        "SET client_encoding TO 'UTF8'",
        "SET DateStyle = ISO, MDY",
        "SET NAMES utf8mb4",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET autocommit = 1",
        "SET standard_conforming_strings = on",
    ] {
        assert_eq!(parsed(sql).unwrap(), "nothing", "{sql}");
    }
}

#[test]
fn search_path_is_the_schema() {
    let schema = |value: Option<&str>| format!("SET schema = {:?}", value.map(str::to_owned));
    for (sql, expected) in [
        ("SET search_path = orders", schema(Some("orders"))),
        ("SET search_path TO 'orders'", schema(Some("orders"))),
        ("SET search_path TO \"Orders\"", schema(Some("Orders"))),
        ("SET search_path = orders, public, pg_catalog", schema(Some("orders"))),
        ("SET search_path = \"$user\", public", schema(None)),
        ("SET search_path = ''", schema(None)),
        ("SET search_path TO DEFAULT", schema(None)),
    ] {
        assert_eq!(parsed(sql).unwrap(), expected, "{sql}");
    }
}

#[test]
fn promise_that_is_not_kept_is_refused() {
    for (sql, message) in [
        ("SAVEPOINT a", "SAVEPOINT"),
        ("RELEASE SAVEPOINT a", "SAVEPOINT"),
        ("ROLLBACK TO SAVEPOINT a", "SAVEPOINT"),
        ("START TRANSACTION ISOLATION LEVEL SERIALIZABLE", "the isolation level SERIALIZABLE"),
        ("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "the isolation level REPEATABLE READ"),
        ("SET transaction_isolation = 'serializable'", "the isolation level serializable"),
        ("SET client_encoding = 'LATIN1'", "setting \"client_encoding\" cannot be \"latin1\""),
        ("SET NAMES latin1", "setting \"names\" cannot be \"latin1\""),
        ("SET standard_conforming_strings = off", "setting \"standard_conforming_strings\""),
        ("SET search_path = a, b", "the search path takes one product"),
    ] {
        let error = parsed(sql).unwrap_err();
        assert!(error.message().starts_with(message), "{sql}: {error:?}");
    }
}

/// Whoever writes a function of DataFusion gets DataFusion's.
#[test]
fn no_function_of_datafusion_is_captured() {
    let functions = datafusion::execution::SessionStateDefaults::default_scalar_functions();
    for function in functions {
        for name in function.aliases().iter().map(String::as_str).chain([function.name()]) {
            // Ours says who we are, and ours is no finer than what travels.
            let is_foreign = super::functions::is_foreign(&super::build::call(name, Vec::new()));
            let is_meant = ["version", "current_time"].contains(&name);
            assert!(is_meant || !is_foreign, "{name}");
        }
    }
}

const SOUP: &str = r#"SELECT TOP 5 ( ) {fn {oj {ts {d } '2026-01-31' , LEN DATEDIFF day SQL_TSI_DAY CONVERT
    varchar int user current_schema FROM dual t UNION FETCH FIRST ROWS ONLY OFFSET WITH TIES PERCENT
    LOCALTIMESTAMP CURRENT_TIMESTAMP CAST AS NVARCHAR MONEY escape * + IIF $1 SET BEGIN search_path =
    [ ] . top "user" WHERE ORDER BY EXPLAIN LEFT JOIN ON : limit NULL"#;

/// Words that have to do with shims, in no order, are read or refused and never worse.
#[test]
fn soup_of_constructs_is_read_or_refused() {
    let all: Vec<&str> = SOUP.split_whitespace().collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % bound
    };
    let mut read = 0;
    for _ in 0..4_000 {
        let length = 1 + next(14);
        let mut words = vec!["SELECT"];
        words.extend((0..length).map(|_| all[next(all.len())]));
        read += usize::from(parsed(&words[next(2)..].join(" ")).is_ok());
    }
    assert!(read > 0);
}
