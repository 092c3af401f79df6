//! Writes what the targets begin with: the cases of the tests, and one message of each kind.
//!
//! ```text
//! seeds REPOSITORY FOLDER      writes FOLDER/<target>/<number>
//! ```
//!
//! A target too, since what is instrumented links with libFuzzer alone; it ends before it begins.

#![no_main]

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::sql::*;
use arrow_flight::{
    BasicAuth, CancelFlightInfoRequest, FlightEndpoint, FlightInfo, RenewFlightEndpointRequest,
    Ticket,
};
use datafusion::arrow::array::{ArrayRef, Date32Array, Float64Array, RecordBatch, StringArray};
use datafusion::prelude::SessionContext;
use datafusion_substrait::logical_plan::producer::to_substrait_plan;
use futures::TryStreamExt;
use libfuzzer_sys::fuzz_target;
use prost::Message;
use samite_fuzz::{ACTIONS, MESSAGES, TYPE_PREFIX, wait};

/// The longest text that is taken for a seed.
const TEXT_BYTES_MAX: usize = 2000;

fuzz_target!(
    init: end_with(write()),
    |_input: &[u8]| {}
);

fn end_with(written: io::Result<()>) {
    let code = written.map_or_else(
        |error| {
            eprintln!("seeds: {error}");
            1
        },
        |()| 0,
    );
    std::process::exit(code)
}

fn write() -> io::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(repository), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("usage: seeds REPOSITORY FOLDER"));
    };
    let statements = statements(&repository)?;
    let tests = |path: &str| literals(&repository.join(path));
    let mut seeds = Seeds { folder, written: HashMap::new() };
    for sql in &statements {
        seeds.write("sql_shims", sql.as_bytes())?;
    }
    for text in tests("flight-server/src/metadata/pattern.rs")? {
        seeds.write("sql_patterns", format!("{text}\n{text}").as_bytes())?;
    }
    for text in ["%a%a%\nbanana", "play\\_events\nplay_events", "%\n", "_\nö"] {
        seeds.write("sql_patterns", text.as_bytes())?;
    }
    for text in ["", "garbage", r#"{"sales.orders@1.orders":"delta:12"}"#] {
        seeds.write("ticket", text.as_bytes())?;
    }
    seeds.write("ticket", &[1; 25])?;
    for (kind, length) in
        [(0, 0), (0, 1), (0, 16), (0, 17), (1, 0), (1, 4), (2, 33), (2, 8), (3, 57)]
    {
        seeds.write("handle", &[&[kind][..], &vec![1; length]].concat())?;
    }
    bearer(&mut seeds, &tests("flight-server/src/auth/credentials.rs")?)?;
    postgres(&mut seeds, &statements, &tests("pg-server/src/parameters.rs")?)?;
    actions(&mut seeds)
}

struct Seeds {
    folder: PathBuf,
    written: HashMap<&'static str, usize>,
}

impl Seeds {
    fn write(&mut self, target: &'static str, seed: &[u8]) -> io::Result<()> {
        let folder = self.folder.join(target);
        fs::create_dir_all(&folder)?;
        let number = self.written.entry(target).or_default();
        *number += 1;
        fs::write(folder.join(format!("seed-{number:05}")), seed)
    }

    fn call(&mut self, name: &str, packed: Option<&str>, body: &[u8]) -> io::Result<()> {
        let calls = ACTIONS.iter().chain(&["describe", "rows", "handshake", "put"]);
        let call = calls.clone().position(|call| *call == name).ok_or_else(|| other("call"))?;
        let message = match packed {
            None => 0,
            Some(packed) => {
                let at = MESSAGES.iter().position(|message| *message == packed);
                at.ok_or_else(|| other("message"))? + 1
            }
        };
        let head = [call, message].map(|number| u8::try_from(number).unwrap_or_default());
        self.write("action_bodies", &[&head[..], body].concat())
    }

    fn command<M: ProstMessageExt>(&mut self, call: &str, command: &M) -> io::Result<()> {
        let name = M::type_url().trim_start_matches(TYPE_PREFIX);
        self.call(call, Some(name), &command.encode_to_vec())
    }
}

fn other(what: &str) -> io::Error {
    io::Error::other(format!("there is no such {what}"))
}

/// The statements of the tests in `tests/sql`, and of those beside the shims.
fn statements(repository: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for file in fs::read_dir(repository.join("tests/sql"))? {
        let text = fs::read_to_string(file?.path())?;
        for block in text.split("\n\n") {
            let lines = block
                .lines()
                .skip_while(|line| !(line.starts_with("query") || line.starts_with("statement")));
            let lines = lines.skip(1).take_while(|line| *line != "----");
            found.push(lines.collect::<Vec<_>>().join("\n"));
        }
    }
    for path in ["shims/tests.rs", "shims/postgres/tests.rs", "bounds.rs", "moment.rs", "kill.rs"] {
        let written = literals(&repository.join("engine/src/resolve").join(path))?;
        let is_bare = path.starts_with("shims");
        for text in written {
            if is_bare && !text.to_ascii_uppercase().starts_with("SELECT") {
                found.push(format!("SELECT {text} AS c"));
            }
            found.push(text);
        }
    }
    found.retain(|sql| !sql.is_empty() && sql.len() <= TEXT_BYTES_MAX);
    found.sort();
    found.dedup();
    Ok(found)
}

/// The texts in quotes of a source file.
fn literals(path: &Path) -> io::Result<Vec<String>> {
    let source = fs::read_to_string(path)?;
    let mut found = Vec::new();
    let mut rest = source.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\'' => {
                // A character, or a lifetime: a quote in it begins no text.
                if rest.peek() == Some(&'"') {
                    rest.next();
                }
            }
            '"' => {
                let mut text = String::new();
                while let Some(character) = rest.next().filter(|character| *character != '"') {
                    match character {
                        '\\' => match rest.next() {
                            Some('n') => text.push('\n'),
                            Some('t') => text.push('\t'),
                            Some('\n') => {
                                while rest.next_if(|next| next.is_whitespace()).is_some() {}
                            }
                            Some(other) => text.push(other),
                            None => {}
                        },
                        other => text.push(other),
                    }
                }
                found.push(text);
            }
            _ => {}
        }
    }
    Ok(found)
}

fn bearer(seeds: &mut Seeds, headers: &[String]) -> io::Result<()> {
    for header in headers {
        seeds.write("bearer", format!("\0\0{header}").as_bytes())?;
    }
    for lines in [
        "\u{1}a=b; arrow_flight_session_id=s; c=d\n\0Bearer t",
        "\u{2}ADBC Flight SQL Driver v1.7.0\n\u{3}5S\n\u{4}jdbc\n\u{5}audit",
        "\0Bearer eyJhbGciOiJub25lIn0.e30.",
    ] {
        seeds.write("bearer", format!("\0{lines}").as_bytes())?;
    }
    let login = BasicAuth { username: "ada".to_owned(), password: "secret".to_owned() };
    seeds.write("bearer", &[&[1][..], &login.encode_to_vec()].concat())?;
    for key in [
        r#"{"kty":"RSA","kid":"k","alg":"RS256","use":"sig","n":"AQAB","e":"AQAB"}"#,
        r#"{"kty":"EC","kid":"k","crv":"P-256","x":"AAAA","y":"AAAA"}"#,
        r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA","use":"enc"}"#,
        r#"{"kty":"oct","kid":"k","k":"AAAA"}"#,
    ] {
        seeds.write("bearer", format!("\u{2}k\n{{\"keys\":[{key}]}}").as_bytes())?;
    }
    for claims in [
        r#"{"iss":"https://idp","aud":["other","samite"],"sub":"anna","exp":4102444800}"#,
        r#"{"iss":"https://idp","aud":"samite","sub":"a","exp":4102444800,"nbf":1,"groups":"a b"}"#,
        r#"{"iss":"https://idp","aud":"samite","sub":"a","exp":1e99,"groups":["a"],"country":"SE","level":2}"#,
        r#"{"iss":["https://idp"],"aud":"samite","sub":"","exp":-1,"groups":{},"level":null}"#,
    ] {
        seeds.write("bearer", format!("\u{3}\n{claims}").as_bytes())?;
        let header = r#"{"alg":"ES256","typ":"JWT","kid":"k","crit":["x"]}"#;
        seeds.write("bearer", format!("\u{3}{header}\n{claims}").as_bytes())?;
    }
    Ok(())
}

fn postgres(seeds: &mut Seeds, statements: &[String], values: &[String]) -> io::Result<()> {
    const TARGET: &str = "postgres_messages";
    let message = |kind: u8, body: &[u8]| {
        let length = u32::try_from(body.len() + 4).unwrap_or_default().to_be_bytes();
        [&[kind][..], &length, body].concat()
    };
    let packet = |body: &[u8]| message(0, body)[1..].to_vec();
    for body in [
        &80_877_102u32.to_be_bytes()[..],
        &[&80_877_102u32.to_be_bytes()[..], &7u32.to_be_bytes(), b"key!"].concat(),
        &80_877_103u32.to_be_bytes(),
        &80_877_104u32.to_be_bytes(),
        b"\0\x03\0\0user\0ada\0database\0sales\0options\0-c search_path=a,\\ b --x=y\0\0",
        b"\0\x03\0\x02user\0ada\0_pq_.x\01\0\0",
    ] {
        seeds.write(TARGET, &[&[0][..], &packet(body)].concat())?;
    }
    let bind = b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x02ab\xff\xff\xff\xff\0\0";
    let all = [
        message(b'P', b"s\0SELECT $1, $2\0\0\x02\0\0\0\x17\0\0\0\0"),
        message(b'B', bind),
        message(b'D', b"Ss\0"),
        message(b'D', b"Pp\0"),
        message(b'E', b"p\0\0\0\0\x05"),
        message(b'C', b"Sp\0"),
        message(b'H', b""),
        message(b'S', b""),
        message(b'p', b"secret\0"),
        message(b'd', b"data"),
        message(b'F', b"x"),
        message(b'X', b""),
    ];
    for one in &all {
        seeds.write(TARGET, &[&[1][..], one].concat())?;
    }
    seeds.write(TARGET, &[&[1][..], &all.concat()].concat())?;
    for pair in statements.chunks(2).step_by(8) {
        seeds.write(TARGET, &[b"\x02", pair.join(";\n").as_bytes()].concat())?;
    }
    for cursor in [
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1; FETCH FORWARD 10 FROM c; MOVE ALL IN c; CLOSE ALL",
        "PREPARE s (int, text[]) AS SELECT $1; EXECUTE s (1, 'a,b', f(2, 3)); DEALLOCATE PREPARE s",
        "BEGIN; SAVEPOINT a; ROLLBACK TO SAVEPOINT a; RELEASE a; DISCARD ALL; COMMIT",
    ] {
        seeds.write(TARGET, &[b"\x02", cursor.as_bytes()].concat())?;
        seeds.write(
            TARGET,
            &[&[1][..], &message(b'Q', &[cursor.as_bytes(), b"\0"].concat())].concat(),
        )?;
    }
    for oid in 0..24u8 {
        for value in
            values.iter().filter(|value| value.len() < 100).skip(usize::from(oid)).step_by(9)
        {
            seeds.write(TARGET, &[&[3, oid][..], value.as_bytes()].concat())?;
        }
        for value in [&[0u8; 4][..], &[1; 8], &[0, 1, 0, 0, 0, 0, 0, 2, 4, 210], &[0; 16]] {
            seeds.write(TARGET, &[&[3, oid][..], value].concat())?;
        }
        let item =
            [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 9];
        seeds.write(TARGET, &[&[3, oid][..], &item].concat())?;
    }
    Ok(())
}

/// One message for each call, action and command.
fn actions(seeds: &mut Seeds) -> io::Result<()> {
    let text = |text: &str| Some(text.to_owned());
    for sql in
        ["SELECT $1 AS a, id FROM sales.orders.orders", "SET mesh.purpose = 'audit'", "SELECT ?"]
    {
        let query = CommandStatementQuery { query: sql.to_owned(), transaction_id: None };
        seeds.command("describe", &query)?;
        let update = CommandStatementUpdate { query: sql.to_owned(), transaction_id: None };
        seeds.command("put", &update)?;
        let prepare =
            ActionCreatePreparedStatementRequest { query: sql.to_owned(), transaction_id: None };
        seeds.command("CreatePreparedStatement", &prepare)?;
    }
    for sql in [
        "SELECT id + 1 AS a, buyer FROM orders WHERE price > 1.5 ORDER BY day LIMIT 2",
        "SELECT buyer, sum(price) AS s, count(*) FROM orders GROUP BY buyer HAVING sum(price) > 1",
        "SELECT a.id FROM orders a LEFT JOIN orders b ON a.id = b.id WHERE a.buyer LIKE 'a%'",
        "SELECT CASE WHEN id IN (1, 2) THEN DATE '2026-01-31' END, CAST(id AS VARCHAR) FROM orders",
        "SELECT id FROM orders UNION ALL SELECT id FROM orders WHERE id = (SELECT max(id) FROM orders)",
        "SELECT row_number() OVER (PARTITION BY buyer ORDER BY day) FROM orders",
    ] {
        let plan = Some(SubstraitPlan { plan: plan(sql)?.into(), version: String::new() });
        let command = CommandStatementSubstraitPlan { plan: plan.clone(), transaction_id: None };
        seeds.command("describe", &command)?;
        let prepare = ActionCreatePreparedSubstraitPlanRequest { plan, transaction_id: None };
        seeds.command("CreatePreparedSubstraitPlan", &prepare)?;
    }
    let handle = || vec![7u8; 16].into();
    let prepared = CommandPreparedStatementQuery { prepared_statement_handle: handle() };
    seeds.command("describe", &prepared)?;
    let close = ActionClosePreparedStatementRequest { prepared_statement_handle: handle() };
    seeds.command("ClosePreparedStatement", &close)?;
    seeds
        .command("put", &CommandPreparedStatementUpdate { prepared_statement_handle: handle() })?;
    let endpoint = FlightEndpoint::new().with_ticket(Ticket { ticket: vec![1; 90].into() });
    let info = FlightInfo { endpoint: vec![endpoint.clone()], ..FlightInfo::default() };
    let cancel = ActionCancelQueryRequest { info: info.encode_to_vec().into() };
    seeds.command("CancelQuery", &cancel)?;
    let cancel = CancelFlightInfoRequest::new(info).encode_to_vec();
    seeds.call("CancelFlightInfo", None, &cancel)?;
    let renew = RenewFlightEndpointRequest::new(endpoint).encode_to_vec();
    seeds.call("RenewFlightEndpoint", None, &renew)?;
    // SetSessionOptionsRequest: a map of names to values of all kinds, written by hand.
    for options in [
        &b"\x0a\x10\x0a\x07catalog\x12\x05\x0a\x03abc"[..],
        b"\x0a\x14\x0a\x0cwire.profile\x12\x04\x0a\x02xx\x0a\x0c\x0a\x06schema\x12\x02\x10\x01",
        b"\x0a\x10\x0a\x01a\x12\x0b\x19\x01\0\0\0\0\0\0\0\x0a\x07\x0a\x01b\x12\x02\x2a\0",
    ] {
        seeds.call("SetSessionOptions", None, options)?;
    }
    for action in &ACTIONS[7..] {
        seeds.call(action, None, b"")?;
    }
    let login = BasicAuth { username: "ada".to_owned(), password: "secret".to_owned() };
    seeds.call("handshake", None, &login.encode_to_vec())?;
    for call in ["describe", "rows"] {
        seeds.command(call, &CommandGetCatalogs {})?;
        seeds.command(call, &CommandGetTableTypes {})?;
        seeds.command(
            call,
            &CommandGetDbSchemas { catalog: text("sales"), db_schema_filter_pattern: text("o%") },
        )?;
        let tables = CommandGetTables {
            catalog: text("sales"),
            db_schema_filter_pattern: text("%"),
            table_name_filter_pattern: text("order_"),
            table_types: vec!["TABLE".to_owned()],
            include_schema: true,
        };
        seeds.command(call, &tables)?;
        let (catalog, db_schema, table) = (text("sales"), text("orders"), "orders".to_owned());
        let primary = CommandGetPrimaryKeys {
            catalog: catalog.clone(),
            db_schema: db_schema.clone(),
            table: table.clone(),
        };
        seeds.command(call, &primary)?;
        let imported = CommandGetImportedKeys {
            catalog: catalog.clone(),
            db_schema: db_schema.clone(),
            table: table.clone(),
        };
        seeds.command(call, &imported)?;
        seeds.command(
            call,
            &CommandGetExportedKeys {
                catalog: catalog.clone(),
                db_schema: db_schema.clone(),
                table: table.clone(),
            },
        )?;
        let cross = CommandGetCrossReference {
            pk_catalog: catalog.clone(),
            pk_db_schema: db_schema.clone(),
            pk_table: table.clone(),
            fk_catalog: catalog,
            fk_db_schema: db_schema,
            fk_table: table,
        };
        seeds.command(call, &cross)?;
        seeds.command(call, &CommandGetSqlInfo { info: vec![0, 1, 500, 9999] })?;
        seeds.command(call, &CommandGetXdbcTypeInfo { data_type: Some(4) })?;
    }
    seeds.command("rows", &TicketStatementQuery { statement_handle: vec![1; 57].into() })?;
    seeds.call("put", None, &values()?)
}

/// A plan of Substrait over the table of the targets' engine.
fn plan(sql: &str) -> io::Result<Vec<u8>> {
    wait(async {
        let context = SessionContext::new();
        let table = "CREATE TABLE orders (id BIGINT, buyer VARCHAR, price DOUBLE, day DATE)";
        context.sql(table).await?;
        let plan = context.sql(sql).await?.into_optimized_plan()?;
        to_substrait_plan(&plan, &context.state())
    })
    .map(|plan| plan.encode_to_vec())
    .map_err(io::Error::other)
}

/// The values of three parameters, as the messages of DoPut, each with its length before it.
fn values() -> io::Result<Vec<u8>> {
    let columns: [(&str, ArrayRef); 3] = [
        ("1", Arc::new(StringArray::from(vec![Some("a"), None]))),
        ("2", Arc::new(Float64Array::from(vec![Some(1.5), Some(2.5)]))),
        ("3", Arc::new(Date32Array::from(vec![Some(1), None]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).map_err(io::Error::other)?;
    let batches = futures::stream::iter([Ok(batch)]);
    let messages = FlightDataEncoderBuilder::new().build(batches);
    let messages: Vec<_> = wait(messages.try_collect()).map_err(io::Error::other)?;
    Ok(messages.iter().flat_map(Message::encode_length_delimited_to_vec).collect())
}
