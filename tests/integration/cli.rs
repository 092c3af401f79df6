//! What `samite` does as a program: output, exit codes, signals, wrong use.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::program::{Server, demo_mesh, program, samite, told};

#[tokio::test]
async fn wrong_use_is_2_and_a_failure_is_1_and_both_say_what_to_do() {
    let mesh = demo_mesh().await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let syntax = file("syntax.toml", "[limits\nmemory = 1\n");
    let unknown = file("unknown.toml", "[limits]\nmemroy = \"1GiB\"\n");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let mesh = mesh.as_str();
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&[], 2, &["Usage: samite"]),
        (&["fly"], 2, &["unrecognized subcommand 'fly'"]),
        (&["serve"], 2, &["--mesh <LOCATION>"]),
        (&["sql", "SELECT 1"], 2, &["--mesh <LOCATION>", "--connect <URI>"]),
        (&["sql", "--mesh", mesh, "--as", "ada", "--connect", "x", "y"], 2, &["cannot be used"]),
        (&["sql", "--mesh", mesh, "--format", "xml", "SELECT 1"], 2, &["possible values: table"]),
        (&["sql", "--mesh", mesh, "--format", "parquet", "SELECT 1"], 2, &["needs --output"]),
        (&["sql", "--mesh", mesh, ""], 2, &["there is no SQL to run"]),
        (&["sql", "--mesh", mesh, "-f", "/no/such.sql"], 2, &["\"/no/such.sql\" cannot be read"]),
        (&["sql", "--mesh", mesh, "--config", "/no/such.toml", "x"], 2, &["cannot be read"]),
        (&["sql", "--mesh", mesh, "--config", &syntax, "x"], 2, &["syntax.toml:1: not TOML"]),
        (
            &["sql", "--mesh", mesh, "--config", &unknown, "x"],
            2,
            &["unknown.toml:2: [limits] has no option \"memroy\"", "hint: its options are memory"],
        ),
        (&["sql", "--mesh", mesh, "--output", "/no/such/x.csv", "SELECT 1"], 2, &["x.csv"]),
        (&["sql", "--connect", "ftp://x", "SELECT 1"], 2, &["is no server", "hint: write a URI"]),
        (&["sql", "--connect", "grpc://127.0.0.1:1", "SELECT 1"], 1, &["does not answer"]),
        (
            &["sql", "--mesh", "/no/such/mesh", "SELECT 1"],
            1,
            &["\"/no/such/mesh\" cannot be opened"],
        ),
        (&["sql", "--mesh", mesh, "SELEC 1"], 1, &["error: "]),
        (&["sql", "--mesh", mesh, "SELECT * FROM artists.profils.artists"], 1, &["profiles"]),
        (&["serve", "--mesh", mesh, "--listen", "0.0.0.0:0"], 2, &["--insecure"]),
        (&["serve", "--mesh", mesh, "--listen", "nonsense"], 2, &["is no address"]),
        (&["serve", "--mesh", mesh, "--listen", &taken], 1, &["cannot listen on", "hint: "]),
        (&["describe", "--mesh", mesh, "royalties"], 2, &["it has no domain"]),
        (&["describe", "--mesh", mesh, "payments.tea"], 1, &["\"payments.tea\" does not exist"]),
        (&["check", "--mesh", "/no/such/mesh"], 1, &["cannot be opened"]),
    ];
    for (arguments, code, parts) in cases {
        let (status, stdout, stderr) = told(&samite(arguments));
        assert_eq!(status, *code, "{arguments:?}: {stdout}{stderr}");
        assert_eq!(stdout, "", "{arguments:?}");
        for part in *parts {
            assert!(stderr.contains(part), "{arguments:?}: {part} is not in {stderr}");
        }
    }
}

#[tokio::test]
async fn rows_come_in_the_format_that_was_asked_for() {
    let mesh = demo_mesh().await;
    let sql =
        "SELECT 1 AS n, 'a,b' AS t, CAST(NULL AS BIGINT) AS z UNION ALL SELECT 2, '', 3 ORDER BY n";
    for (format, expected) in [
        ("csv", "n,t,z\n1,\"a,b\",\n2,\"\",3\n"),
        ("json", "{\"n\":1,\"t\":\"a,b\",\"z\":null}\n{\"n\":2,\"t\":\"\",\"z\":3}\n"),
        (
            "table",
            "┌───┬─────┬──────┐\n│ n │ t   │ z    │\n├───┼─────┼──────┤\n│ 1 │ a,b │ NULL │\n\
             │ 2 │     │    3 │\n└───┴─────┴──────┘\n(2 rows)\n",
        ),
    ] {
        let output = samite(&["sql", "--mesh", &mesh, "--format", format, sql]);
        assert_eq!(told(&output), (0, expected.to_owned(), String::new()), "{format}");
    }
    let arrow = samite(&["sql", "--mesh", &mesh, "--format", "arrow", sql]).stdout;
    let batches = datafusion::arrow::ipc::reader::StreamReader::try_new(&arrow[..], None).unwrap();
    assert_eq!(batches.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 2);
}

#[tokio::test]
async fn file_is_whole_or_not_there() {
    let mesh = demo_mesh().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answer.parquet");
    let file = path.to_str().unwrap();
    let write =
        |sql: &str| samite(&["sql", "--mesh", &mesh, "--format", "parquet", "--output", file, sql]);
    let (status, stdout, stderr) = told(&write("SELECT artist_id FROM artists.profiles.artists"));
    assert_eq!((status, stdout.as_str()), (0, ""), "{stderr}");
    let before = std::fs::read(&path).unwrap();
    assert!(before.starts_with(b"PAR1") && before.ends_with(b"PAR1"));
    let (status, ..) =
        told(&write("SELECT 1 / (ms_played - ms_played) FROM media_player.play_events.plays"));
    assert_eq!(status, 1);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn sql_comes_from_a_file_or_from_standard_input_and_shares_a_session() {
    let mesh = demo_mesh().await;
    let sql =
        "SET catalog = 'artists'; -- a comment; \nSELECT count(*) AS n FROM profiles.artists;";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("query.sql");
    std::fs::write(&path, sql).unwrap();
    let arguments = ["sql", "--mesh", &mesh, "--format", "csv"];
    let from_file = samite(&[&arguments[..], &["-f", path.to_str().unwrap()]].concat());
    assert_eq!(told(&from_file), (0, "n\n2000\n".to_owned(), String::new()));
    let mut child = Command::new(program())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
    assert_eq!(told(&child.wait_with_output().unwrap()).1, "n\n2000\n");
}

#[tokio::test]
async fn reader_that_goes_away_ends_the_program_quietly() {
    let mesh = demo_mesh().await;
    let mut child = Command::new(program())
        .args(["sql", "--mesh", &mesh, "--format", "csv"])
        .arg("SELECT * FROM media_player.play_events.plays")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(told(&child.wait_with_output().unwrap()), (0, String::new(), String::new()));
}

#[tokio::test]
async fn server_says_where_it_listens_answers_and_ends_on_a_signal() {
    let mesh = demo_mesh().await;
    for signal in ["-TERM", "-INT"] {
        let server = Server::start(&["serve", "--mesh", &mesh, "--listen", "127.0.0.1:0"]);
        let sql = "SELECT count(*) AS n FROM artists.profiles.artists";
        let answer = samite(&["sql", "--connect", &server.uri, "--format", "csv", sql]);
        assert_eq!(told(&answer), (0, "n\n2000\n".to_owned(), String::new()));
        let wrong = samite(&["sql", "--connect", &server.uri, "SELECT * FROM artists.profils"]);
        let (status, _, stderr) = told(&wrong);
        assert!(status == 1 && stderr.contains("error: ") && stderr.contains("hint: "), "{stderr}");
        assert_eq!(server.stop(signal), (0, String::new()), "{signal}");
    }
}

#[tokio::test]
async fn check_holds_each_port_against_its_contract() {
    let mesh = demo_mesh().await;
    let (status, stdout, stderr) = told(&samite(&["check", "--mesh", &mesh]));
    assert_eq!(status, 0, "{stdout}{stderr}");
    assert!(stdout.contains("artists.profiles@1.0.2.artists: ok, 6 columns\n"), "{stdout}");
    assert!(stdout.ends_with("4 products, 5 tables: 0 errors, 0 warnings\n"), "{stdout}");

    let broken = tempfile::tempdir().unwrap();
    let folder = broken.path().join("domains/artists/profiles");
    std::fs::create_dir_all(&folder).unwrap();
    for file in ["profiles.odps.yaml", "profiles.v1.odcs.yaml"] {
        let from = std::path::Path::new(&mesh).join("domains/artists/profiles").join(file);
        std::fs::copy(from, folder.join(file)).unwrap();
    }
    std::fs::write(folder.join("draft.odcs.yaml"), "kind: DataContract\nid: [\n").unwrap();
    let (status, stdout, _) = told(&samite(&["check", "--mesh", broken.path().to_str().unwrap()]));
    assert_eq!(status, 1, "{stdout}");
    for part in ["domains/artists/profiles/draft.odcs.yaml:", "artists: error: "] {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
}

#[tokio::test]
async fn check_refuses_what_breaks_consumers_of_an_earlier_revision() {
    let mesh = demo_mesh().await;
    let (status, stdout, stderr) = told(&samite(&["check", "--mesh", &mesh, "--against", &mesh]));
    assert_eq!(status, 0, "{stdout}{stderr}");

    // A mesh in a folder of a repository.
    let repository = tempfile::tempdir().unwrap();
    let inner = repository.path().join("mesh");
    let folder = inner.join("domains/artists/profiles");
    std::fs::create_dir_all(&folder).unwrap();
    for file in ["profiles.odps.yaml", "profiles.v1.odcs.yaml"] {
        let from = std::path::Path::new(&mesh).join("domains/artists/profiles").join(file);
        std::fs::copy(from, folder.join(file)).unwrap();
    }
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(repository.path()).args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b.example",
        ]);
        assert!(command.args(arguments).output().unwrap().status.success(), "{arguments:?}");
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "one"]);
    git(&["tag", "before"]);
    let contract = folder.join("profiles.v1.odcs.yaml");
    let text = std::fs::read_to_string(&contract).unwrap();
    let line = text.lines().position(|line| line.contains("name: country")).unwrap() + 1;
    let changed = text
        .replace("name: stage_name", "name: stage")
        .replace("name: country, logicalType: string", "name: country, logicalType: integer");
    std::fs::write(&contract, changed).unwrap();

    let inner = inner.to_str().unwrap();
    for revision in ["before", "HEAD"] {
        let (status, stdout, _) = told(&samite(&["check", "--mesh", inner, "--against", revision]));
        assert_eq!(status, 1, "{stdout}");
        let file = "domains/artists/profiles/profiles.v1.odcs.yaml";
        for part in [
            "error: column \"stage_name\" of artists.profiles@1.artists is gone (keep it until the end of life, and serve the change as version 2)".to_owned(),
            format!("{file}:{line}: error: the type of column \"country\""),
        ] {
            assert!(stdout.contains(&part), "{part}: {stdout}");
        }
    }
    // A commit without the mesh must not pass for one that nothing breaks.
    git(&["rm", "-r", "--quiet", "--cached", "mesh"]);
    git(&["commit", "--quiet", "-m", "two"]);
    for (wrong, why) in [
        ("nothing", "is neither a folder nor a revision"),
        ("--upload-pack=x", "is neither a folder nor a revision"),
        ("", "is neither a folder nor a revision"),
        ("HEAD", "holds no document of the mesh"),
    ] {
        let against = format!("--against={wrong}");
        let (status, _, stderr) = told(&samite(&["check", "--mesh", inner, &against]));
        assert!(status == 2 && stderr.contains(why), "{wrong}: {stderr}");
    }
}

#[tokio::test]
async fn product_is_found_and_described() {
    let mesh = demo_mesh().await;
    let (status, stdout, _) = told(&samite(&["products", "--mesh", &mesh, "--search", "ROYALT"]));
    assert!(status == 0 && stdout.contains("payments.royalties"), "{stdout}");
    assert!(!stdout.contains("media_player"), "{stdout}");

    let product = "media_player.play_events@1";
    let (status, stdout, _) = told(&samite(&["describe", "--mesh", &mesh, product]));
    assert_eq!(status, 0);
    for part in [
        "media_player.play_events\n",
        "port play_events@1.4.0, deprecated",
        "ends         2031-03-31",
        "account_no",
        "confidential",
        "parquet at file://",
    ] {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
    assert!(!stdout.contains("play_events@2.1.0"), "{stdout}");
}
