//! What words mean, and what does not agree.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::product::{Definition, LogicalType, Version};
use crate::testing;

const ARTIST: &str = "mesh/semantics/a.osds.yaml#/definitions/artist-id";
const ISNI: &str = "mesh/semantics/a.osds.yaml#/definitions/isni";
const FAR: &str = "https://example.org/b.osds.yaml#/definitions/artist-id";

/// A mesh of one product for each column: its definition, type and classification.
fn mesh(columns: &[(&str, LogicalType, Option<&str>)], definitions: Vec<Definition>) -> Mesh {
    let version = Version { major: 1, minor: 0, patch: 0 };
    let names: Vec<String> = (0..columns.len()).map(|index| format!("p{index}")).collect();
    let products = columns.iter().zip(&names).map(|((key, kind, class), name)| {
        let mut contract = testing::contract(name, version, &["t"]);
        let column = Column {
            name: "c".to_owned(),
            logical_type: Some(*kind),
            classification: class.map(str::to_owned),
            semantic_definition: Some((*key).to_owned()),
            line: 7,
            ..Column::default()
        };
        let table = Table { name: "t".to_owned(), columns: vec![column], ..Table::default() };
        contract.tables = vec![Arc::new(table)];
        ("d", name.as_str(), vec![testing::port("t", contract)])
    });
    let mut mesh = testing::mesh_of(products.collect());
    let keyed = definitions.into_iter().map(|definition| {
        let key = format!("mesh/semantics/a.osds.yaml#/definitions/{}", definition.id);
        (key, Arc::new(definition))
    });
    mesh.definitions = keyed.collect();
    mesh
}

fn definition(id: &str, name: &str, same_as: &[&str]) -> Definition {
    Definition {
        id: id.to_owned(),
        name: Some(name.to_owned()),
        same_as: same_as.iter().map(|key| (*key).to_owned()).collect(),
        ..Definition::default()
    }
}

#[test]
fn a_word_means_a_definition_and_all_of_the_same_thing() {
    let text = LogicalType::String;
    let defined =
        vec![definition("artist-id", "Artist", &[]), definition("isni", "ISNI", &[ARTIST])];
    let one_thing = mesh(&[(ARTIST, text, None)], defined.clone());
    let both = BTreeSet::from([ARTIST.to_owned(), ISNI.to_owned()]);
    for word in ["artist", "Artist-Id", "isni", ARTIST] {
        assert_eq!(meant(&one_thing, word).ok(), Some(both.clone()), "{word}");
    }
    let unknown = meant(&one_thing, "artists").map_err(|error| error.hint().map(str::to_owned));
    assert_eq!(unknown, Err(Some("did you mean artist-id?".to_owned())));
    let two_things = mesh(&[(ARTIST, text, None), (FAR, text, None)], defined);
    let several = meant(&two_things, "artist-id").map_err(|error| error.message().to_owned());
    assert_eq!(several, Err("\"artist-id\" means several definitions".to_owned()));
    assert_eq!(meant(&two_things, FAR).ok(), Some(BTreeSet::from([FAR.to_owned()])));
}

#[test]
fn what_does_not_agree_is_a_warning_of_its_contract() {
    let (text, number) = (LogicalType::String, LogicalType::Integer);
    let strict = Definition {
        logical_type: Some(text),
        classification: Some("public".to_owned()),
        ..definition("artist-id", "Artist", &[])
    };
    let told = |mesh: &Mesh| {
        let told = conflicts(mesh).into_iter();
        told.map(|problem| format!("{}:{:?} {}", problem.file, problem.line, problem.message))
            .collect::<Vec<_>>()
    };
    let public = Some("public");
    let agreeing = mesh(&[(ARTIST, text, public), (ARTIST, text, public)], vec![strict.clone()]);
    assert_eq!(told(&agreeing), Vec::<String>::new());
    let defined = mesh(&[(ARTIST, number, None), (ISNI, text, None)], vec![strict]);
    let place = "column \"c\" of t is bound to";
    assert_eq!(
        told(&defined),
        [
            format!(
                "p0.odcs.yaml:Some(7) {place} \"artist-id\": the type is integer, that of its definition is string"
            ),
            format!(
                "p0.odcs.yaml:Some(7) {place} \"artist-id\": the classification is not given, that of its \
                 definition is public"
            ),
            format!("p1.odcs.yaml:Some(7) {place} \"isni\": there is no definition \"{ISNI}\""),
        ]
    );
    let undefined = mesh(&[(FAR, text, public), (FAR, number, None)], Vec::new());
    assert_eq!(
        told(&undefined),
        [
            format!(
                "p1.odcs.yaml:Some(7) {place} \"artist-id\": the type is integer, that of another column of its \
                 definition is string"
            ),
            format!(
                "p1.odcs.yaml:Some(7) {place} \"artist-id\": the classification is not given, that of another \
                 column of its definition is public"
            ),
        ]
    );
}
