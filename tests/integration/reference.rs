//! Holds docs/sql.md to the tables of the catalog `mesh` as they are.

use std::collections::BTreeMap;
use std::path::Path;

use datafusion::arrow::datatypes::DataType;
use samite::Mesh;
use samite_engine::session::Principal;

#[tokio::test]
async fn reference_lists_every_column_of_every_mesh_table() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("domains")).expect("an empty mesh");
    let mesh = Mesh::open(folder.path().display().to_string()).await.expect("an empty mesh opens");
    let tables = mesh.session(Principal::anonymous()).tables().await.expect("a listing");
    let mut served = BTreeMap::new();
    for table in tables.iter().filter(|table| table.catalog == "mesh") {
        if table.schema == "information_schema" {
            continue;
        }
        let schema = table.known_schema.as_ref().expect("the schema of a mesh table is known");
        let columns: Vec<(String, String)> = schema
            .fields()
            .iter()
            .map(|field| (field.name().clone(), word(field.data_type()).to_owned()))
            .collect();
        served.insert(format!("mesh.{}.{}", table.schema, table.table), columns);
    }
    assert!(served.len() >= 6, "{served:?}");
    assert_eq!(documented(), served);
}

fn word(data_type: &DataType) -> &'static str {
    match data_type {
        it if it.is_string() => "text",
        it if it.is_integer() => "integer",
        it if it.is_floating() => "number",
        DataType::Boolean => "boolean",
        DataType::Timestamp(..) => "timestamp",
        it => panic!("docs/sql.md has no word for {it}"),
    }
}

/// The tables of docs/sql.md below a heading `### mesh...`, each with its columns.
fn documented() -> BTreeMap<String, Vec<(String, String)>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/sql.md");
    let text = std::fs::read_to_string(file).expect("docs/sql.md");
    let mut tables = BTreeMap::new();
    for section in text.split("\n### ").filter(|section| section.starts_with("mesh.")) {
        let name = section.lines().next().unwrap_or_default();
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        let columns = rows.map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            (cells[1].trim_matches('`').to_owned(), cells[2].to_owned())
        });
        tables.insert(name.to_owned(), columns.collect());
    }
    tables
}
