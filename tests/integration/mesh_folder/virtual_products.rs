//! Virtual products: their queries are read with the documents, and are problems by themselves.

use super::*;

/// Product `a.plays` over `b.other`; its query is beside its contract.
fn virtual_mesh(path: &str) -> Files {
    let files = Files::two_products();
    let server = format!("type: custom\n    path: {path}\n    format: sql-view");
    let physical = "type: local\n    path: data/{model}.parquet\n    format: parquet";
    files.write(CONTRACT_FILE, &CONTRACT.replace(physical, &server));
    files
}

const QUERY: &str = "SELECT play_id FROM b.other.other";

/// The query of `a.plays.plays`, or why there is none.
fn query(mesh: &Mesh) -> Result<String, String> {
    let product = mesh.product("a", "plays").ok_or("it is not served")?;
    let contract = &product.ports[0].contract;
    let server = &contract.servers[0];
    match server.view(&contract.tables[0]) {
        Some(view) => Ok(view.sql.clone()),
        None => Err(server.unreadable.clone().unwrap_or_default()),
    }
}

#[tokio::test]
async fn query_is_part_of_the_picture_and_of_its_changes() {
    for (path, file) in [
        ("plays.sql", "domains/a/plays/plays.sql"),
        ("\"{model}.v1.sql\"", "domains/a/plays/plays.v1.sql"),
        ("../queries/x.sql", "domains/a/queries/x.sql"),
        ("../../../mesh/queries/x.sql", "mesh/queries/x.sql"),
    ] {
        let files = virtual_mesh(path);
        files.write(file, QUERY);
        let folder = files.open().await;
        assert_eq!(query(&folder.current()).as_deref(), Ok(QUERY), "{path}");
        assert_eq!(problems(&folder.current()), [] as [&str; 0], "{path}");
        let changed = format!("{QUERY} LIMIT 1");
        files.write(file, &changed);
        assert!(folder.refresh().await.expect("a look"), "{path}");
        assert_eq!(query(&folder.current()), Ok(changed), "{path}");
        assert!(!folder.refresh().await.expect("a look"), "{path}");
        files.remove(file);
        assert!(folder.refresh().await.expect("a look"), "{path}");
        let gone = format!("the query in {file} is not there");
        assert_eq!(query(&folder.current()), Err(gone), "{path}");
    }
}

#[tokio::test]
async fn query_that_cannot_be_had_is_a_problem_of_its_port() {
    let huge = format!("SELECT 1 -- {}", "x".repeat(300 << 10));
    for (path, text, told) in [
        ("plays.sql", None, "the query in domains/a/plays/plays.sql is not there"),
        ("plays.sql", Some(huge.as_bytes()), "cannot be read, or has more than 256 KiB"),
        ("plays.sql", Some(&b"SELECT '\xff'"[..]), "is not text in UTF-8"),
    ] {
        let files = virtual_mesh(path);
        if let Some(text) = text {
            std::fs::write(files.folder.path().join("domains/a/plays/plays.sql"), text).unwrap();
        }
        let mesh = files.mesh().await;
        let found = problems(&mesh);
        assert!(
            found[0].starts_with(&format!("{CONTRACT_FILE}:8: error: servers[0].path")),
            "{found:?}"
        );
        assert!(found[0].contains(told) && found.len() == 1, "{found:?}");
        assert_eq!(mesh.problems[0].product.as_deref(), Some("plays"));
        assert!(query(&mesh).unwrap_err().contains(told));
        assert!(mesh.product("b", "other").is_some());
    }
    for (path, told) in [
        ("/etc/x.sql", "leads out of the mesh"),
        ("../../../../x.sql", "leads out of the mesh"),
        ("s3://bucket/x.sql", "leads out of the mesh"),
        ("plays.txt", "does not end in .sql"),
        (".git/x.sql", "or is hidden"),
    ] {
        let why = query(virtual_mesh(path).mesh().await.as_ref()).unwrap_err();
        assert!(why.contains(told), "{path}: {why}");
    }
}

#[tokio::test]
async fn query_that_is_none_is_told_with_its_line() {
    let files = virtual_mesh("plays.sql");
    for (sql, told) in [
        ("SELECT play_id\nFORM b.other.other", "domains/a/plays/plays.sql:2: error: syntax error"),
        (
            "-- what\nSELECT 1 FROM b.gone.plays",
            "plays.sql:2: error: product \"b.gone\" does not exist",
        ),
        ("DELETE FROM b.other.other", "plays.sql: error: DELETE FROM is refused"),
        ("SELECT * FROM plays", "plays.sql:1: error: name \"plays\" is not whole"),
        ("SELECT * FROM a.plays.plays", "in a circle: a.plays@1.2.0.plays -> a.plays@1.2.0.plays"),
    ] {
        files.write("domains/a/plays/plays.sql", sql);
        let mesh = files.mesh().await;
        let found = problems(&mesh);
        assert!(found.len() == 1 && found[0].contains(told), "{sql}: {found:?}");
        assert_eq!(mesh.product("a", "plays").is_some(), !told.contains("circle"), "{sql}");
        assert!(mesh.product("b", "other").is_some());
    }
}
