//! Queries over a table behind a barrier answer like the same queries over a table from which the rows
//! were taken and in which the values were replaced by hand.

use super::*;

/// Queries that are made up.
const QUERIES_MADE: u64 = 250;

/// Numbers that look like chance and are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len())]
    }

    fn number(&mut self) -> i64 {
        self.roll(60) as i64 - 10
    }
}

const COUNTRIES: [Option<&str>; 4] = [Some("SE"), Some("NO"), Some("FI"), None];

fn columns() -> Vec<Field> {
    vec![
        Field::new("id", DataType::Int64, false),
        Field::new("country", DataType::Utf8, true),
        Field::new("city", DataType::Utf8, true),
        Field::new("pay", DataType::Int64, true),
        Field::new("age", DataType::Int64, true),
    ]
}

/// One row: id, country, city, pay, age.
type Row = (i64, Option<&'static str>, Option<String>, Option<i64>, Option<i64>);

fn rows() -> Vec<Row> {
    let mut dice = Dice(7);
    let mut rows = Vec::new();
    for id in 0..400 {
        let city = (dice.roll(8) > 0).then(|| format!("{}{}", dice.one(&["Ab", "Åre"]), id % 10));
        let pay = (dice.roll(8) > 0).then(|| dice.number());
        let age = (dice.roll(8) > 0).then(|| dice.number());
        rows.push((id, COUNTRIES[dice.roll(4)], city, pay, age));
    }
    rows
}

fn batches(rows: &[Row], has_age: bool) -> Vec<RecordBatch> {
    let mut fields = columns();
    if !has_age {
        fields.pop();
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = |rows: &[Row]| {
        let mut columns: Vec<datafusion::arrow::array::ArrayRef> = vec![
            Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>()),
            Arc::new(rows.iter().map(|row| row.1).collect::<StringArray>()),
            Arc::new(rows.iter().map(|row| row.2.as_deref()).collect::<StringArray>()),
            Arc::new(rows.iter().map(|row| row.3).collect::<Int64Array>()),
        ];
        if has_age {
            columns.push(Arc::new(rows.iter().map(|row| row.4).collect::<Int64Array>()));
        }
        RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()
    };
    rows.chunks(97).map(batch).collect()
}

/// `NOT (country = 'NO') AND (age > 3.5 OR age IS NULL)`; the city covered, the pay NULL, no age.
fn obligations() -> Obligations {
    let compare = |column: &str, comparison, value| RowPredicate::Compare {
        column: column.to_owned(),
        comparison,
        value,
    };
    let no = compare("country", Comparison::Equal, Value::Text("NO".to_owned()));
    Obligations {
        row_filter: Some(RowPredicate::And(vec![
            RowPredicate::Not(Box::new(no)),
            RowPredicate::Or(vec![
                compare("age", Comparison::Greater, Value::Decimal(35_000)),
                RowPredicate::IsNull("age".to_owned()),
            ]),
        ])),
        masks: BTreeMap::from([
            ("city".to_owned(), Mask::Alphanum),
            ("pay".to_owned(), Mask::Null),
        ]),
        absent: BTreeSet::from(["age".to_owned()]),
        ..Obligations::default()
    }
}

/// The same by hand.
fn seen(rows: Vec<Row>) -> Vec<Row> {
    rows.into_iter()
        .filter(|(_, country, _, _, age)| {
            country.is_some_and(|country| country != "NO") && age.is_none_or(|age| age >= 4)
        })
        .map(|(id, country, city, ..)| {
            let covered = |city: String| match city.starts_with("Ab") {
                true => "xxn".to_owned(),
                false => "xxxn".to_owned(),
            };
            (id, country, city.map(covered), None, None)
        })
        .collect()
}

fn session_over(tables: Vec<RecordBatch>, policies: Option<Obligations>) -> Session {
    let first = contract("t.1", version("1"), &["t"]);
    let mesh = mesh_of(vec![("d", "p", vec![port("main", first)])]);
    let connector = MemoryConnector::default().with_table("t", tables);
    let config = EngineConfig { target_partitions: 3, batch_rows: 64, ..EngineConfig::default() };
    let mut builder = Engine::builder()
        .catalog(Arc::new(FixedCatalog::new(mesh)))
        .connectors(vec![Arc::new(connector)])
        .config(config);
    if let Some(obligations) = policies {
        let policies = FixedPolicies::default();
        policies.permit("anna", "d.p.t", obligations);
        builder = builder.authorizer(Arc::new(policies));
    }
    builder.build().unwrap().session(Principal::user("anna"))
}

/// A predicate over the columns of `of`, of which some may go below the barrier, and some fail.
fn predicate(dice: &mut Dice, of: &str, depth: usize) -> String {
    let (number, other) = (dice.number(), dice.number());
    match dice.roll(if depth == 0 { 12 } else { 15 }) {
        0 => format!("{of}.id {} {number}", dice.one(&["=", "<>", "<", "<=", ">", ">="])),
        1 => format!("{of}.country {} 'SE'", dice.one(&["=", "<>", "<", ">"])),
        2 => format!("{of}.city LIKE '{}%'", dice.one(&["xx", "xxx", "Ab", "Å"])),
        3 => format!("{of}.country LIKE '{}%'", dice.one(&["S", "F", "N"])),
        4 => format!("{of}.{} IS NULL", dice.one(&["id", "country", "city", "pay"])),
        5 => format!("{of}.id BETWEEN {number} AND {}", number + 100),
        6 => format!("{of}.id IN ({number}, {other}, 200, 300, 301)"),
        7 => format!("{of}.pay > {number}"),
        8 => format!("1000 / ({of}.id - {}) <> {other}", number.abs()),
        9 => format!("{of}.id % 7 = {}", number.rem_euclid(7)),
        10 => format!("coalesce({of}.city, 'none') <> '{}'", dice.one(&["xxn", "none"])),
        11 => format!("CAST(substr({of}.city, 1, 1) AS INT) = {number}"),
        12 => format!("NOT ({})", predicate(dice, of, depth - 1)),
        _ => {
            let connective = dice.one(&["AND", "OR"]);
            let left = predicate(dice, of, depth - 1);
            format!("({left} {connective} {})", predicate(dice, of, depth - 1))
        }
    }
}

fn query(dice: &mut Dice) -> String {
    let condition = predicate(dice, "a", 2);
    let table = "d.p.t";
    match dice.roll(9) {
        0 => format!("SELECT * FROM {table} a WHERE {condition}"),
        1 => format!(
            "SELECT a.city, count(*), sum(a.id) FROM {table} a WHERE {condition} GROUP BY a.city"
        ),
        2 => format!(
            "SELECT a.id, a.city FROM {table} a WHERE {condition} ORDER BY a.id LIMIT {}",
            dice.roll(20)
        ),
        3 => format!(
            "SELECT count(*), count(a.pay), min(a.city), max(a.id) FROM {table} a WHERE {condition}"
        ),
        4 => format!(
            "SELECT a.id, b.city FROM {table} a JOIN {table} b ON a.id = b.id + {} WHERE {condition}",
            dice.roll(5)
        ),
        5 => format!(
            "SELECT a.id FROM {table} a WHERE {condition} AND a.city IN (SELECT b.city FROM {table} b WHERE {})",
            predicate(dice, "b", 1)
        ),
        6 => format!(
            "SELECT a.id, b.id FROM {table} a LEFT JOIN {table} b ON a.city = b.city AND {} WHERE a.id < 30 AND {condition}",
            predicate(dice, "b", 1)
        ),
        7 => format!(
            "SELECT a.country, rank() OVER (PARTITION BY a.country ORDER BY a.id DESC) FROM {table} a WHERE {condition} ORDER BY a.id DESC LIMIT 9"
        ),
        _ => format!(
            "SELECT a.country FROM {table} a WHERE {condition} UNION ALL SELECT b.city FROM {table} b WHERE {} AND b.id > {}",
            predicate(dice, "b", 2),
            dice.number()
        ),
    }
}

/// The rows in any order, or the kind of the error: which of several rows fails first is chance.
async fn answer(session: &Session, sql: &str) -> Vec<String> {
    match collect(session, sql).await {
        Ok(batches) => {
            let shown = pretty_format_batches(&batches).unwrap().to_string();
            let mut lines: Vec<String> = shown.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        }
        Err(error) => vec![format!("{:?}", error.kind())],
    }
}

#[tokio::test]
async fn barrier_answers_like_a_table_made_by_hand() {
    let governed = session_over(batches(&rows(), true), Some(obligations()));
    let by_hand = session_over(batches(&seen(rows()), false), None);
    let mut dice = Dice(11);
    let (mut answered, mut failed, mut empty) = (0, 0, 0);
    for _ in 0..QUERIES_MADE {
        let sql = query(&mut dice);
        let expected = answer(&by_hand, &sql).await;
        assert_eq!(answer(&governed, &sql).await, expected, "{sql}");
        match expected.len() {
            1 => failed += 1,
            0..=4 => empty += 1,
            _ => answered += 1,
        }
    }
    assert!(answered > 120 && failed > 5 && empty > 0, "{answered} {failed} {empty}");
}
