//! Rules about what lies inside of arrays, maps and objects, and about formats.

use datafusion::prelude::SessionContext;

use super::*;

/// Four rows: arrays of objects with arrays in them, maps, objects and texts; the last row has none of it.
async fn nested() -> Vec<RecordBatch> {
    let row = |id: i64, things: &str, attributes: &str, home: &str, mail: &str| {
        format!(
            "SELECT {id} AS id, {things} AS things, {attributes} AS attributes, {home} AS home, {mail} AS mail"
        )
    };
    let thing = |name: &str, tags: &str| {
        format!("named_struct('name', CAST({name} AS VARCHAR), 'tags', CAST({tags} AS VARCHAR[]))")
    };
    let home = |street: &str, city: &str| {
        format!(
            "named_struct('street', CAST({street} AS VARCHAR), 'city', CAST({city} AS VARCHAR))"
        )
    };
    let (a, b) = (thing("'a'", "make_array('x', 'y')"), thing("NULL", "make_array('zz')"));
    let c = thing("'c'", "NULL");
    let rows = [
        row(
            1,
            &format!("make_array({a}, {b})"),
            "MAP {'k': 1, 'long': 2}",
            &home("'s'", "'c'"),
            "'a@b.example'",
        ),
        row(2, &format!("make_array({a}, {a})"), "MAP {'k': -1}", &home("'s'", "NULL"), "'nobody'"),
        row(3, &format!("make_array({c})"), "MAP {'k': 1}", &home("NULL", "NULL"), "''"),
        row(
            4,
            &format!("nullif(make_array({c}), make_array({c}))"),
            "nullif(MAP {'k': 1}, MAP {'k': 1})",
            &format!("nullif({0}, {0})", home("'s'", "'c'")),
            "NULL",
        ),
    ];
    let sql = format!("SELECT * FROM ({}) ORDER BY id", rows.join(" UNION ALL "));
    let frame = SessionContext::new().sql(&sql).await.expect("a query");
    frame.collect().await.expect("rows")
}

async fn found(columns: Vec<Column>) -> Vec<String> {
    let table = rows(columns, Vec::new());
    let connector = MemoryConnector::default().with_table("rows", nested().await);
    let engine = Engine::builder()
        .catalog(Arc::new(FixedCatalog::new(mesh(table))))
        .connectors(vec![Arc::new(connector)])
        .build()
        .expect("an engine");
    let reports = check_own(&engine).await;
    let told = |report: &RuleReport| {
        let QualityResult { status, measured, message, .. } = &report.result;
        let measured = match (status, measured) {
            (QualityStatus::Pass | QualityStatus::Fail, Some(measured)) => measured.to_string(),
            _ => format!("{status:?} {}", message.as_deref().unwrap_or_default()),
        };
        let column = report.column.as_deref().unwrap_or("-");
        format!("{column} {} {measured}", report.rule.key)
    };
    reports.iter().map(told).collect()
}

fn array(name: &str, item: Column) -> Column {
    let logical_type = Some(LogicalType::Array);
    Column { logical_type, children: vec![item], ..column(name) }
}

fn object(name: &str, children: Vec<Column>) -> Column {
    Column { logical_type: Some(LogicalType::Object), children, ..column(name) }
}

fn limited(name: &str, limits: Vec<ValueLimit>) -> Column {
    Column { limits, ..column(name) }
}

#[tokio::test]
async fn rows_are_counted_with_an_item_that_breaks_a_rule() {
    let written = rule("quality[0]", Measure::NullValues, none());
    let name = Column {
        is_required: true,
        is_unique: true,
        limits: vec![ValueLimit::Matches("^[ab]$".to_owned())],
        quality: vec![written],
        ..column("name")
    };
    let tag = Column { limits: vec![ValueLimit::LengthAtMost(1)], ..column("") };
    let tags = Column {
        is_required: true,
        limits: vec![ValueLimit::ItemsAtLeast(2)],
        ..array("tags", tag)
    };
    let item = Column { is_unique: true, ..object("", vec![name, tags]) };
    let key = limited("", vec![ValueLimit::LengthAtMost(1)]);
    let value = limited("", vec![ValueLimit::AtLeast(Whole(0))]);
    let attributes = Column {
        logical_type: Some(LogicalType::Map),
        children: vec![key, value],
        limits: vec![ValueLimit::FieldsAtMost(1)],
        ..column("attributes")
    };
    assert_eq!(
        found(vec![array("things", item), attributes]).await,
        [
            "things[] unique 1",
            "things[].name required 1",
            "things[].name unique 1",
            "things[].name pattern 1",
            "things[].name quality[0] 1",
            "things[].tags required 1",
            "things[].tags minItems 1",
            "things[].tags[] maxLength 1",
            "attributes maxProperties 1",
            "attributes[key] maxLength 1",
            "attributes[value] minimum 1",
        ]
    );
}

#[tokio::test]
async fn fields_of_objects_are_counted_and_formats_are_held_against_texts() {
    let home = Column {
        limits: vec![ValueLimit::FieldsAtLeast(1), ValueLimit::FieldsAtMost(1)],
        ..object("home", Vec::new())
    };
    let format = |format: &str| ValueLimit::Format(format.to_owned());
    let mail = Column {
        logical_type: Some(LogicalType::String),
        limits: vec![format("email"), format("date"), format("iban"), format("password")],
        ..column("mail")
    };
    let id = Column {
        logical_type: Some(LogicalType::Integer),
        limits: vec![format("u8"), format("i64")],
        ..column("id")
    };
    assert_eq!(
        found(vec![home, mail, id]).await,
        [
            "home minProperties 1",
            "home maxProperties 1",
            "mail format 2",
            "mail format 3",
            "mail format NotRun format \"iban\" is not known",
            "mail format NotRun any text is of format \"password\"",
            "id format 0",
            "id format 0",
        ]
    );
}

#[tokio::test]
async fn what_the_source_does_not_have_is_an_error() {
    let things =
        array("things", object("", vec![limited("gone", vec![ValueLimit::LengthAtMost(1)])]));
    let id = array("id", limited("", vec![ValueLimit::AtMost(Whole(1))]));
    assert_eq!(
        found(vec![things, id]).await,
        [
            "things[].gone maxLength Error the table has no column \"things[].gone\"",
            "id[] maximum Error the table has no column \"id[]\"",
        ]
    );
}
