use samite_engine::ErrorKind;

use super::*;

fn copy(sql: &str) -> Result<Copy> {
    Copy::parse(sql)
}

fn kind(sql: &str) -> Option<ErrorKind> {
    copy(sql).err().map(|error| error.kind())
}

#[test]
fn query_or_table_gives_the_rows() {
    for (sql, query) in [
        ("COPY (SELECT 1) TO STDOUT", "SELECT 1"),
        ("copy ( SELECT ')' , f(a, (b)) FROM t ) to stdout;", "SELECT ')' , f(a, (b)) FROM t"),
        ("COPY (VALUES ('ä'), ('x')) TO STDOUT (FORMAT binary)", "VALUES ('ä'), ('x')"),
        ("COPY orders.orders TO STDOUT", "SELECT * FROM orders.orders"),
        ("COPY \"A b\".t ( a , \"B\" ) TO STDOUT", "SELECT a , \"B\" FROM \"A b\".t"),
        ("COPY t TO STDOUT CSV", "SELECT * FROM t"),
    ] {
        assert_eq!(copy(sql).unwrap().query, query, "{sql}");
    }
}

#[test]
fn options_are_read_in_both_ways() {
    let text = CopyOptions {
        format: CopyFormat::Text,
        has_header: false,
        delimiter: b'\t',
        null: "\\N".to_owned(),
        quote: b'"',
        escape: b'"',
        forced: Forced::Columns(vec![]),
    };
    let csv = CopyOptions {
        format: CopyFormat::Csv,
        delimiter: b',',
        null: String::new(),
        ..text.clone()
    };
    for (said, options) in [
        ("", text.clone()),
        ("WITH (FORMAT text, HEADER)", CopyOptions { has_header: true, ..text.clone() }),
        ("(format 'csv')", csv.clone()),
        ("WITH CSV HEADER", CopyOptions { has_header: true, ..csv.clone() }),
        ("(FORMAT CSV, HEADER false, ENCODING 'UTF-8')", csv.clone()),
        (
            "(FORMAT csv, DELIMITER ';', NULL 'NULL', QUOTE '''', ESCAPE E'\\\\', FORCE_QUOTE *)",
            CopyOptions {
                delimiter: b';',
                null: "NULL".to_owned(),
                quote: b'\'',
                escape: b'\\',
                forced: Forced::All,
                ..csv.clone()
            },
        ),
        (
            "DELIMITERS AS E'|' NULL AS '-' csv FORCE QUOTE a, \"B\"",
            CopyOptions {
                delimiter: b'|',
                null: "-".to_owned(),
                forced: Forced::Columns(vec!["a".to_owned(), "B".to_owned()]),
                ..csv.clone()
            },
        ),
        ("(FORMAT binary)", CopyOptions { format: CopyFormat::Binary, ..text.clone() }),
        ("BINARY", CopyOptions { format: CopyFormat::Binary, ..text.clone() }),
    ] {
        let sql = format!("COPY t TO STDOUT {said}");
        assert_eq!(copy(&sql).unwrap().options, options, "{sql}");
    }
}

#[test]
fn what_is_not_sent_to_the_client_is_refused_by_name() {
    for (sql, expected) in [
        ("COPY t FROM STDIN", ErrorKind::Unsupported),
        ("COPY t (a) FROM '/etc/passwd' CSV", ErrorKind::Unsupported),
        ("COPY t TO '/tmp/x'", ErrorKind::Unsupported),
        ("COPY t TO PROGRAM 'cat'", ErrorKind::Unsupported),
        ("COPY t TO STDOUT (FORMAT parquet)", ErrorKind::Unsupported),
        ("COPY t TO STDOUT (FREEZE)", ErrorKind::Unsupported),
        ("COPY t TO STDOUT (ENCODING 'LATIN1')", ErrorKind::Unsupported),
        ("COPY t TO STDOUT FORCE NOT NULL a", ErrorKind::Unsupported),
    ] {
        assert_eq!(kind(sql), Some(expected), "{sql}");
    }
}

#[test]
fn what_cannot_be_read_or_read_back_is_an_error() {
    for sql in [
        "COPY",
        "COPY TO STDOUT",
        "COPY ()",
        "COPY () TO STDOUT",
        "COPY (SELECT 1 TO STDOUT",
        "COPY t STDOUT",
        "COPY t (a; DROP) TO STDOUT",
        "COPY t (a + 1) TO STDOUT",
        "COPY t TO STDOUT (FORMAT csv",
        "COPY t TO STDOUT (FORMAT csv) x",
        "COPY t TO STDOUT (FORMAT)",
        "COPY t TO STDOUT ()",
        "COPY t TO STDOUT (FORMAT csv, FORMAT csv)",
        "COPY t TO STDOUT CSV CSV",
        "COPY t TO STDOUT (HEADER match)",
        "COPY t TO STDOUT (DELIMITER 'ab')",
        "COPY t TO STDOUT (DELIMITER 'ä')",
        "COPY t TO STDOUT (DELIMITER '')",
        "COPY t TO STDOUT (DELIMITER 'a')",
        "COPY t TO STDOUT (DELIMITER E'\\n')",
        "COPY t TO STDOUT (NULL E'\\n')",
        "COPY t TO STDOUT (NULL 'a,b', FORMAT csv)",
        "COPY t TO STDOUT (NULL '\"', FORMAT csv)",
        "COPY t TO STDOUT (QUOTE '|')",
        "COPY t TO STDOUT (FORMAT csv, QUOTE ',')",
        "COPY t TO STDOUT (FORMAT csv, FORCE_QUOTE a)",
        "COPY t TO STDOUT (FORMAT binary, HEADER)",
        "COPY t TO STDOUT (FORMAT binary, DELIMITER ',')",
    ] {
        assert_eq!(kind(sql), Some(ErrorKind::InvalidQuery), "{sql}");
    }
}
