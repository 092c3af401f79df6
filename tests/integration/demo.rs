//! The demo as a newcomer meets it.

use crate::program::{samite, told};

#[test]
fn demo_answers_across_three_domains_and_shows_what_was_spared() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("mesh");
    let arguments = ["demo", "--dir", folder.to_str().unwrap(), "--plays", "40000"];
    for is_first in [true, false] {
        let (status, stdout, stderr) = told(&samite(&arguments));
        assert_eq!((status, stderr.as_str()), (0, ""), "{stdout}");
        for part in [
            if is_first { "40,000 plays in" } else { "already" },
            "grpc://127.0.0.1:",
            "(10 rows)",
            "media_player.play_events@2.1.0 │ parquet",
            "artists.profiles@1.0.2         │ delta",
            "payments.royalties@1.2.0       │ iceberg",
            "│    1 of 72 │",
            " sql --mesh ",
        ] {
            assert!(stdout.contains(part), "{part}: {stdout}");
        }
    }
}

#[test]
fn demo_does_not_touch_a_folder_that_is_not_its_own() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.txt"), "years of work").unwrap();
    let (status, _, stderr) = told(&samite(&["demo", "--dir", folder.path().to_str().unwrap()]));
    assert_eq!(status, 1, "{stderr}");
    assert!(stderr.contains("is not empty and holds no demo"), "{stderr}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
