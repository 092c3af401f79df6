//! Folders of this machine with odd names, and links that lead nowhere or in circles.

use std::os::unix::fs::symlink;

use super::*;

/// A product of `domain`, whose files are named in an odd way.
fn write_product(files: &Files, domain: &str, folder: &str, name: &str) {
    let inside = |text: &str| {
        text.replace("domain: a", &format!("domain: \"{domain}\""))
            .replace("a.plays.1", &format!("\"{domain}.{name}.1\""))
            .replace("name: plays\nv", &format!("name: {name}\nv"))
    };
    files.write(&format!("domains/{domain}/{folder}.odps.yaml"), &inside(PRODUCT));
    files.write(&format!("domains/{domain}/{folder}.odcs.yaml"), &inside(CONTRACT));
}

#[tokio::test]
async fn percent_signs_and_spaces_in_names_stand_for_themselves() {
    let files = Files::empty();
    for (domain, folder, name) in [
        ("a", "50%25off/one", "one"),
        ("a", "x%20y", "two"),
        ("a", "x y", "three"),
        ("a%2Fx", "p", "four"),
        ("b c", "p", "five"),
    ] {
        write_product(&files, domain, folder, name);
    }
    let mesh = files.mesh().await;
    assert_eq!(products(&mesh), ["a.one", "a.three", "a.two", "a%2Fx.four", "b c.five"]);
    let location = |domain: &str, name: &str| {
        let product = mesh.product(domain, name).expect("a product");
        product.ports[0].contract.servers[0].location.clone().unwrap_or_default()
    };
    let root = format!("file://{}", files.folder.path().display());
    for (domain, name, folder) in [
        ("a", "one", "domains/a/50%25off"),
        ("a", "two", "domains/a"),
        ("a%2Fx", "four", "domains/a%2Fx"),
        ("b c", "five", "domains/b c"),
    ] {
        assert_eq!(location(domain, name), format!("{root}/{folder}/data/{{model}}.parquet"));
    }
}

#[tokio::test]
async fn encoded_slash_in_a_name_does_not_speak_for_another_domain() {
    let files = Files::two_products();
    files.write("domains/a%2Fx/plays.odps.yaml", &PRODUCT.replace("name: plays\nv", "name: x\nv"));
    let mesh = files.mesh().await;
    assert_eq!(products(&mesh), ["a.plays", "b.other"]);
    let found = problems(&mesh);
    let refused = "domains/a%2Fx/plays.odps.yaml:7: error: domain: domain \"a\" is not that of \
                   the folder, \"a%2Fx\" (write domain: a%2Fx, or move the file)";
    assert!(found.iter().any(|problem| problem == refused), "{found:?}");
}

#[tokio::test]
async fn link_in_a_circle_hides_only_itself_wherever_it_is() {
    for (link, target) in [
        ("self", "."),
        ("self", "self"),
        ("domains/self", "."),
        ("domains/self", ".."),
        ("domains/self", "self"),
        ("domains/a/self", "."),
        ("domains/a/self", "self"),
        ("domains/a/plays/self", "../../.."),
        ("domains/a/plays/self", "."),
    ] {
        let files = Files::two_products();
        symlink(target, files.folder.path().join(link)).expect("linked");
        let mesh = files.mesh().await;
        assert_eq!(products(&mesh), ["a.plays", "b.other"], "{link} -> {target}");
        let told = format!(
            "{link}: error: the folder cannot be listed (check that it may be read and that it is \
             no link out of the mesh or in a circle)"
        );
        assert_eq!(problems(&mesh), [told], "{link} -> {target}");
        assert!(!mesh.domains.contains_key("self"), "{link} -> {target}");
    }
}

#[tokio::test]
async fn folders_that_lead_to_each_other_are_listed_once_each() {
    let files = Files::two_products();
    let at = |file: &str| files.folder.path().join(file);
    symlink(at("domains/b"), at("domains/a/there")).expect("linked");
    symlink(at("domains/a"), at("domains/b/back")).expect("linked");
    let folder = files.open().await;
    let circles: Vec<_> = problems(&folder.current())
        .into_iter()
        .filter_map(|problem| problem.split_once(": error: the folder")?.0.to_owned().into())
        .collect();
    assert_eq!(circles, ["domains/a/there/back", "domains/b/back/there"]);
    assert!(!folder.refresh().await.expect("nothing new"));
}

#[tokio::test]
async fn policy_beside_a_link_in_a_circle_is_seen() {
    for policy in ["x.cedar", "domains/x.cedar", "domains/a/x.cedar", "domains/a/y/z.cedar"] {
        let files = Files::two_products();
        for link in ["self", "domains/self", "domains/a/self"] {
            symlink(".", files.folder.path().join(link)).expect("linked");
        }
        files.write(policy, "permit(principal, action, resource);");
        let folder = files.open().await;
        assert!(!folder.is_open(), "{policy}");
        let told = problems(&folder.current());
        let expected = format!("{policy}: error: policies in this place are not read");
        assert!(told.iter().any(|line| line.starts_with(&expected)), "{told:?}");
    }
}

#[tokio::test]
async fn folder_of_policies_that_cannot_be_listed_stops_the_look() {
    for link in ["domains/a/policies", "policies", "mesh/policies"] {
        let files = Files::two_products();
        let path = files.folder.path().join(link);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        symlink(".", path).expect("linked");
        let error = files.try_open(by_hand()).await.expect_err(link);
        assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{link}");
        let told = format!("folder \"{link}\" of the mesh at");
        assert!(error.to_line().starts_with(&told), "{}", error.to_line());
    }
}

#[tokio::test]
async fn folders_too_deep_to_look_at_stop_the_look() {
    let files = Files::two_products();
    symlink(".", files.folder.path().join("domains/a/self")).expect("linked");
    let deep = "d/".repeat(80);
    files.write(&format!("domains/a/{deep}x.cedar"), "permit(principal, action, resource);");
    let error = files.try_open(by_hand()).await.expect_err("too deep");
    assert_eq!(error.kind(), ErrorKind::SourceUnavailable);
    assert!(error.to_line().starts_with("folder \"domains/a/d/d/"), "{}", error.to_line());
}
