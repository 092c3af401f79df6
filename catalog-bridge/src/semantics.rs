//! Shared meanings (OSDS, a draft of Bitol): what columns of several products mean alike.
//!
//! ```text
//! mesh/semantics/*.osds.yaml ─read─▶ Definition ─define─▶ Mesh.definitions, and what columns make of them as problems
//! ```
//!
//! Of the draft only `id`, `name`, `description`, `logicalType`, `classification` and the relationship `sameAs` of
//! `definitions[]` are read; what else it holds is for people.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use samite_engine::polysemes;
use samite_engine::product::{Definition, Mesh};

use crate::documents::{Node, yaml};
use crate::problems::{Finding, Subject};
use crate::translate::{in_mesh, logical_type};

/// The version of the draft that is read.
const API_VERSION: &str = "v1.0.0";

/// The relationship of two definitions of one thing.
const SAME_AS: &str = "sameAs";

/// Gives a mesh its definitions, and says what is wrong with them and with the columns that are bound to them.
pub(crate) fn define<'a>(
    mesh: &mut Mesh,
    files: impl Iterator<Item = (&'a str, Option<&'a Bytes>)>,
) {
    for (file, bytes) in files {
        let (definitions, findings) = match bytes {
            Some(bytes) => read(file, bytes),
            None => (Vec::new(), vec![unreadable()]),
        };
        let subject = Subject { file: file.to_owned(), domain: None, product: None };
        mesh.problems.extend(findings.into_iter().map(|finding| finding.into_problem(&subject)));
        let keyed = definitions.into_iter().map(|(key, definition)| (key, Arc::new(definition)));
        mesh.definitions.extend(keyed);
    }
    let conflicts = polysemes::conflicts(mesh);
    mesh.problems.extend(conflicts);
    mesh.problems.sort_by(|left, right| (&left.file, left.line).cmp(&(&right.file, right.line)));
}

fn unreadable() -> Finding {
    let finding = Finding::error(1, "", "the definitions cannot be read");
    Finding { line: None, ..finding }.with_hint("expected a readable file of YAML")
}

/// Reads the definitions of one file, each with its key.
fn read(file: &str, bytes: &[u8]) -> (Vec<(String, Definition)>, Vec<Finding>) {
    let root = match yaml::parse(bytes) {
        Ok(root) => root,
        Err(error) => {
            let finding = Finding::error(1, "", error.message).with_hint(error.hint);
            return (Vec::new(), vec![Finding { line: error.line, ..finding }]);
        }
    };
    let mut findings = Vec::new();
    for (key, expected) in [("apiVersion", API_VERSION), ("kind", "SemanticDefinition")] {
        let node = root.get(key);
        if node.and_then(Node::text) != Some(expected) {
            let (line, found) =
                node.map_or((1, "nothing".to_owned()), |node| (node.line, node.describe()));
            let message = format!("found {found}");
            findings
                .push(Finding::error(line, key, message).with_hint(format!("expected {expected}")));
        }
    }
    if !findings.is_empty() {
        return (Vec::new(), findings);
    }
    let mut definitions: BTreeMap<String, Definition> = BTreeMap::new();
    for (index, node) in root.items_of("definitions").iter().enumerate() {
        let path = format!("definitions[{index}]");
        let Some(definition) = definition(file, node, &path, &mut findings) else { continue };
        let key = key_of(file, &definition.id);
        if definitions.contains_key(&key) {
            let message = format!("definition \"{}\" is here twice", definition.id);
            findings.push(
                Finding::error(node.line, format!("{path}.id"), message)
                    .with_hint("give each definition an id of its own; the first one counts"),
            );
            continue;
        }
        definitions.insert(key, definition);
    }
    (definitions.into_iter().collect(), findings)
}

/// What contracts call a definition: relative to the mesh, all of them name it alike.
fn key_of(file: &str, id: &str) -> String {
    format!("{file}#/definitions/{id}")
}

fn definition(
    file: &str,
    node: &Node,
    path: &str,
    findings: &mut Vec<Finding>,
) -> Option<Definition> {
    let Some(id) = node.text_of("id").filter(|id| !id.trim().is_empty()) else {
        let finding = Finding::error(node.line, format!("{path}.id"), "the definition has no id");
        findings.push(finding.with_hint("expected letters, digits, - and _"));
        return None;
    };
    let text = |key: &str| node.text_of(key).map(str::to_owned);
    let word = node.get("logicalType");
    let kind = word.and_then(Node::text).and_then(logical_type);
    if let (Some(word), None) = (word, kind) {
        let message = format!("found {}", word.describe());
        findings.push(
            Finding::error(word.line, format!("{path}.logicalType"), message)
                .with_hint("expected a logicalType of ODCS 3.2, for instance string"),
        );
    }
    let same_as = node.items_of("relationships").iter();
    let same_as = same_as.filter(|link| link.text_of("type") == Some(SAME_AS));
    Some(Definition {
        id: id.to_owned(),
        name: text("name"),
        description: text("description"),
        logical_type: kind,
        classification: text("classification"),
        same_as: same_as.filter_map(|link| target(file, link.text_of("to")?)).collect(),
        file: file.to_owned(),
        line: node.line,
    })
}

/// The key of the definition that a reference means: `definitions/x` of the same file, `other.osds.yaml#/definitions/x`
/// beside it, or a URL.
fn target(file: &str, reference: &str) -> Option<String> {
    if reference.contains("://") {
        return Some(reference.to_owned());
    }
    let Some((other, fragment)) = reference.split_once('#') else {
        return Some(format!("{file}#/{}", reference.trim_start_matches('/')));
    };
    if other.is_empty() {
        return Some(format!("{file}#{fragment}"));
    }
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    Some(format!("{}#{fragment}", in_mesh(folder, other)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use samite_engine::product::LogicalType;

    const FILE: &str = "mesh/semantics/music.osds.yaml";

    fn read_text(definitions: &str) -> (Vec<(String, Definition)>, Vec<Finding>) {
        let head = "apiVersion: v1.0.0\nkind: SemanticDefinition\nid: x\ndefinitions:\n";
        read(FILE, format!("{head}{definitions}").as_bytes())
    }

    #[test]
    fn definitions_are_read_with_their_keys_and_links() {
        let (read, findings) = read_text(
            "  - {id: artist-id, name: Artist, logicalType: string, classification: public}\n\
             \x20 - id: isni\n    relationships:\n\
             \x20     - {to: definitions/artist-id, type: sameAs}\n\
             \x20     - {to: 'other.osds.yaml#/definitions/x', type: sameAs}\n\
             \x20     - {to: 'https://example.org/y.osds.yaml#/definitions/z', type: sameAs}\n\
             \x20     - {to: definitions/far, type: relatedTo}\n",
        );
        assert_eq!(findings, Vec::new());
        let keys: Vec<&str> = read.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "mesh/semantics/music.osds.yaml#/definitions/artist-id",
                "mesh/semantics/music.osds.yaml#/definitions/isni"
            ]
        );
        assert_eq!(read[0].1.logical_type, Some(LogicalType::String));
        assert_eq!(read[0].1.name.as_deref(), Some("Artist"));
        let same: Vec<&str> = read[1].1.same_as.iter().map(String::as_str).collect();
        assert_eq!(
            same,
            [
                "https://example.org/y.osds.yaml#/definitions/z",
                "mesh/semantics/music.osds.yaml#/definitions/artist-id",
                "mesh/semantics/other.osds.yaml#/definitions/x"
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line() {
        let cases = [
            ("  - {name: x}\n", 5, "definitions[0].id", "the definition has no id"),
            ("  - {id: a, logicalType: text}\n", 5, "definitions[0].logicalType", "found \"text\""),
            (
                "  - {id: a}\n  - {id: a}\n",
                6,
                "definitions[1].id",
                "definition \"a\" is here twice",
            ),
        ];
        for (text, line, path, message) in cases {
            let (_, findings) = read_text(text);
            let told: Vec<_> = findings
                .iter()
                .map(|finding| (finding.line, finding.path.as_str(), finding.message.as_str()))
                .collect();
            assert_eq!(told, [(Some(line), path, message)], "{text}");
        }
        for text in ["kind: SemanticDefinition\napiVersion: v2.0.0\n", "kind: x\n", "[", "- 1\n"] {
            let (read, findings) = read(FILE, text.as_bytes());
            assert!(read.is_empty() && findings.iter().any(Finding::is_error), "{text}");
        }
    }
}
