//! Tables that are joined by what their columns mean.

use std::collections::BTreeMap;

use super::*;
use crate::authorizer::{Mask, Obligations};
use crate::product::{Column, Definition, LogicalType, OutputPort, Table};
use crate::testing::{FixedPolicies, virtual_contract};

const ARTIST: &str = "mesh/semantics/music.osds.yaml#/definitions/artist-id";
const ISNI: &str = "mesh/semantics/music.osds.yaml#/definitions/isni";

/// A port of one table: its columns, each with the definition that it is bound to.
fn bound(table: &str, columns: &[(&str, Option<&str>)]) -> Vec<OutputPort> {
    let mut contract = contract(&format!("{table}.1"), version("1.0.0"), &[]);
    let column = |(name, key): &(&str, Option<&str>)| Column {
        name: (*name).to_owned(),
        logical_type: Some(LogicalType::String),
        semantic_definition: key.map(str::to_owned),
        ..Column::default()
    };
    let columns = columns.iter().map(column).collect();
    contract.tables = vec![Arc::new(Table { name: table.to_owned(), columns, ..Table::default() })];
    vec![port(table, contract)]
}

fn rows(columns: &[(&str, &[Option<&str>])]) -> Vec<RecordBatch> {
    let field = |(name, _): &(&str, &[Option<&str>])| Field::new(*name, DataType::Utf8, true);
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let column = |(_, values): &(&str, &[Option<&str>])| {
        Arc::new(StringArray::from(values.to_vec())) as datafusion::arrow::array::ArrayRef
    };
    vec![RecordBatch::try_new(schema, columns.iter().map(column).collect()).unwrap()]
}

/// Artists and plays know artists by one identifier, records by another; `ids` maps one to the other.
fn music() -> (Mesh, MemoryConnector) {
    let (artist, isni) = (Some(ARTIST), Some(ISNI));
    let mut mesh = mesh_of(vec![
        ("artists", "profiles", bound("artists", &[("id", artist), ("name", None)])),
        ("media", "plays", bound("plays", &[("performer", artist), ("day", None)])),
        ("labels", "catalogue", bound("records", &[("isni", isni), ("title", None)])),
        ("labels", "duets", bound("duets", &[("first", artist), ("second", artist)])),
        ("artists", "numbers", bound("ids", &[("artist", artist), ("isni", isni)])),
    ]);
    let name = |name: &str| Some(name.to_owned());
    let definitions = [
        (
            ARTIST,
            Definition {
                id: "artist-id".to_owned(),
                name: name("Artist"),
                ..Definition::default()
            },
        ),
        (
            ISNI,
            Definition {
                id: "isni".to_owned(),
                same_as: [ARTIST.to_owned()].into(),
                ..Definition::default()
            },
        ),
    ];
    mesh.definitions = definitions.map(|(key, known)| (key.to_owned(), Arc::new(known))).into();
    let (a, b, c) = (Some("a"), Some("b"), Some("c"));
    let tables = MemoryConnector::default()
        .with_table(
            "artists",
            rows(&[("id", &[a, b, c]), ("name", &[Some("Ada"), Some("Bo"), None])]),
        )
        .with_table(
            "plays",
            rows(&[
                ("performer", &[a, a, b, None]),
                ("day", &[Some("1"), Some("2"), Some("3"), Some("4")]),
            ]),
        )
        .with_table(
            "records",
            rows(&[
                ("isni", &[Some("1"), Some("2"), Some("9")]),
                ("title", &[Some("One"), Some("Two"), Some("Nine")]),
            ]),
        )
        .with_table("duets", rows(&[("first", &[a]), ("second", &[b])]))
        // The first pair stands there twice, and one artist has two numbers.
        .with_table(
            "ids",
            rows(&[
                ("artist", &[a, a, a, c]),
                ("isni", &[Some("1"), Some("1"), Some("2"), Some("7")]),
            ]),
        );
    (mesh, tables)
}

async fn answer(session: &Session, sql: &str) -> Result<String> {
    let batches: Vec<RecordBatch> = session.sql(sql).await?.try_collect().await?;
    let text = pretty_format_batches(&batches).unwrap().to_string();
    let cells = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        cells[1..cells.len() - 1].join(",")
    };
    let lines = text.lines().filter(|line| line.starts_with('|')).map(cells);
    Ok(lines.collect::<Vec<_>>().join(" / "))
}

#[tokio::test]
async fn columns_of_one_meaning_are_joined() {
    let (mesh, tables) = music();
    let session = crate::testing::engine_with(mesh, tables).unwrap().session(Principal::user("u"));
    let from = "FROM artists.profiles.artists";
    for (sql, expected) in [
        (format!("SELECT name, day {from} a JOIN media.plays.plays p ON POLYSEME('artist') ORDER BY day"),
         "name,day / Ada,1 / Ada,2 / Bo,3"),
        (format!("SELECT name, day {from} LEFT JOIN media.plays.plays ON polyseme('Artist') AND day <> '1' ORDER BY name, day"),
         "name,day / Ada,2 / Bo,3 / ,"),
        (format!("SELECT count(*) {from} FULL JOIN media.plays.plays ON (POLYSEME('{ARTIST}'))"), "count(*) / 5"),
        // Two identifiers of one thing: through the mapping, each pair once, and `*` without it.
        (format!("SELECT * {from} a JOIN labels.catalogue.records r ON POLYSEME('artist') ORDER BY title"),
         "id,name,isni,title / a,Ada,1,One / a,Ada,2,Two"),
        (format!("SELECT a.*, r.* {from} a LEFT JOIN labels.catalogue.records r ON POLYSEME('isni') ORDER BY id, title"),
         "id,name,isni,title / a,Ada,1,One / a,Ada,2,Two / b,Bo,, / c,,,"),
        (format!("SELECT * EXCLUDE (name) {from} a JOIN labels.catalogue.records r ON POLYSEME('artist', 'artists.numbers.ids') ORDER BY title"),
         "id,isni,title / a,1,One / a,2,Two"),
        (format!("SELECT id {from} a LEFT ANTI JOIN labels.catalogue.records r ON POLYSEME('artist') ORDER BY id"), "id / b / c"),
        // Of three columns two are bound to one definition.
        (
            "SELECT count(*) FROM labels.catalogue.records JOIN artists.numbers.ids ON POLYSEME('isni')".to_owned(),
            "count(*) / 3",
        ),
        // Three tables in a row: the second join is with either of those before it.
        (format!("SELECT name, day, title {from} JOIN media.plays.plays ON POLYSEME('artist') \
                  JOIN labels.catalogue.records ON POLYSEME('artist') ORDER BY day, title"),
         "name,day,title / Ada,1,One / Ada,1,Two / Ada,2,One / Ada,2,Two"),
        ("SELECT definition, domain, \"column\", agrees FROM mesh.discovery.polysemes WHERE domain <> 'labels' \
          ORDER BY definition, domain, \"table\"".to_owned(),
         "definition,domain,column,agrees / artist-id,artists,id,true / artist-id,artists,artist,true / \
          artist-id,media,performer,true / isni,artists,isni,true"),
        (format!("WITH x AS (SELECT 1 AS n {from} JOIN media.plays.plays ON POLYSEME('artist')) SELECT count(*) FROM x"),
         "count(*) / 3"),
    ] {
        assert_eq!(answer(&session, &sql).await.as_deref().ok(), Some(expected), "{sql}");
    }
}

/// In the query of a virtual product, too; with a hidden table between them, the product may read it.
#[tokio::test]
async fn virtual_products_join_by_meaning() {
    const MAPPED: &str = "SELECT name, title FROM artists.profiles.artists \
                          JOIN labels.catalogue.records ON POLYSEME('artist')";
    let add = |mesh: &mut Mesh, product: &str, sql: &str| {
        let made = virtual_contract(product, version("1.0.0"), &[(product, sql)]);
        let made = mesh_of(vec![("shop", product, vec![port(product, made)])]);
        let found = Arc::clone(made.product("shop", product).unwrap());
        let shop =
            mesh.domains.entry("shop".to_owned()).or_insert_with(|| made.domains["shop"].clone());
        shop.products.insert(product.to_owned(), found);
    };
    let (mut mesh, tables) = music();
    add(&mut mesh, "mapped", MAPPED);
    add(
        &mut mesh,
        "wrong",
        "SELECT 1 FROM artists.profiles.artists JOIN labels.duets.duets ON POLYSEME('nothing')",
    );
    let session =
        crate::testing::engine_with(mesh.clone(), tables).unwrap().session(Principal::user("u"));
    let sql = "SELECT * FROM shop.mapped.mapped ORDER BY title";
    assert_eq!(answer(&session, sql).await.unwrap(), "name,title / Ada,One / Ada,Two");
    let lineage = "SELECT DISTINCT source_product FROM mesh.discovery.lineage WHERE product = 'mapped' ORDER BY 1";
    let found = answer(&session, lineage).await.unwrap();
    assert_eq!(found, "source_product / catalogue / numbers / profiles");
    let error = refusal(&session, "SELECT * FROM shop.wrong.wrong").await;
    assert!(error.to_line().contains("nothing"), "{}", error.to_line());

    // What is masked joins by chance or never: it is refused, and nothing is told of what is made from what.
    let policies = Arc::new(FixedPolicies::default());
    for table in ["artists.profiles.artists", "artists.numbers.ids", "labels.catalogue.records"] {
        policies.permit("shop.mapped", table, Obligations::default());
    }
    policies.permit("u", "shop.mapped.mapped", Obligations::default());
    let engine = Engine::builder()
        .catalog(Arc::new(FixedCatalog::new(mesh)))
        .connectors(vec![Arc::new(music().1)])
        .authorizer(Arc::clone(&policies) as _)
        .build()
        .unwrap();
    let session = engine.session(Principal::user("u"));
    assert_eq!(answer(&session, sql).await.unwrap(), "name,title / Ada,One / Ada,Two");
    let masks = BTreeMap::from([("isni".to_owned(), Mask::Alphanum)]);
    let masked = Obligations { masks, ..Obligations::default() };
    policies.permit("shop.mapped", "labels.catalogue.records", masked);
    let error = refusal(&session, sql).await;
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(!error.to_line().contains("isni"), "{}", error.to_line());
}

#[tokio::test]
async fn what_is_not_plain_is_refused() {
    let (mesh, tables) = music();
    let session = crate::testing::engine_with(mesh, tables).unwrap().session(Principal::user("u"));
    let artists = "SELECT 1 FROM artists.profiles.artists a";
    for (sql, message) in [
        (
            format!("{artists} JOIN media.plays.plays p ON POLYSEME('song')"),
            "no definition is called \"song\"",
        ),
        (
            format!("{artists} JOIN labels.duets.duets d ON POLYSEME('artist')"),
            "several columns after this JOIN are bound to \"artist\"",
        ),
        (
            format!("{artists} JOIN (SELECT * FROM media.plays.plays) p ON POLYSEME('artist')"),
            "no column after this JOIN is bound to \"artist\"",
        ),
        (
            format!("WITH p AS (SELECT 1) {artists} JOIN p ON POLYSEME('artist')"),
            "no column after this JOIN is bound to \"artist\"",
        ),
        (
            format!("{artists} RIGHT JOIN labels.catalogue.records r ON POLYSEME('artist')"),
            "POLYSEME through a mapping joins INNER or LEFT",
        ),
        (
            format!(
                "{artists} JOIN labels.catalogue.records r ON POLYSEME('artist', 'media.plays.plays')"
            ),
            "table \"media.plays.plays\" does not map \"artist-id\" to \"isni\"",
        ),
        (
            format!("{artists}, media.plays.plays p WHERE POLYSEME('artist')"),
            "POLYSEME stands where it joins nothing",
        ),
        (
            format!("{artists} JOIN media.plays.plays p ON POLYSEME('artist') OR a.name = 'x'"),
            "POLYSEME stands where it joins nothing",
        ),
        (
            format!("{artists} JOIN media.plays.plays p ON POLYSEME(a.id)"),
            "POLYSEME takes one or two texts",
        ),
        ("SELECT POLYSEME('artist')".to_owned(), "POLYSEME stands where it joins nothing"),
    ] {
        let error = answer(&session, &sql).await.unwrap_err();
        assert_eq!(error.message(), message, "{sql}");
    }
}

#[tokio::test]
async fn masked_identifiers_join_where_both_are_masked_alike() {
    let sql = "SELECT name, day FROM artists.profiles.artists JOIN media.plays.plays ON POLYSEME('artist') \
               ORDER BY day";
    for (one, other, expected) in [
        (
            Some(Mask::Sha256QueryLocal),
            Some(Mask::Sha256QueryLocal),
            Ok("name,day / Ada,1 / Ada,2 / Bo,3"),
        ),
        (Some(Mask::Sha256Global), Some(Mask::Sha256Global), Ok("name,day / Ada,1 / Ada,2 / Bo,3")),
        (Some(Mask::Sha256QueryLocal), None, Err(ErrorKind::PermissionDenied)),
        (Some(Mask::Alphanum), Some(Mask::Alphanum), Err(ErrorKind::PermissionDenied)),
    ] {
        let (mesh, tables) = music();
        let policies = FixedPolicies::default();
        for (table, column, mask) in
            [("artists.profiles.artists", "id", one), ("media.plays.plays", "performer", other)]
        {
            let masks: BTreeMap<String, Mask> =
                mask.map(|mask| (column.to_owned(), mask)).into_iter().collect();
            policies.permit("u", table, Obligations { masks, ..Obligations::default() });
        }
        let engine = Engine::builder()
            .catalog(Arc::new(FixedCatalog::new(mesh)))
            .connectors(vec![Arc::new(tables)])
            .authorizer(Arc::new(policies))
            .build()
            .unwrap();
        let answer = answer(&engine.session(Principal::user("u")), sql).await;
        let told = answer.as_deref().map_err(Error::kind);
        assert_eq!(told, expected, "{one:?} {other:?}");
    }
}
