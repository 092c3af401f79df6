//! Holds docs/configuration.md to the options that there are.

use std::path::Path;

#[test]
fn configuration_reference_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let text = std::fs::read_to_string(file).expect("docs/configuration.md");
    assert_eq!(
        text,
        samite::config::reference(),
        "write it anew: samite config-reference > docs/configuration.md"
    );
}
