//! `relationships[]` of a contract: what columns lead to columns of other tables.
//!
//! | written | means |
//! | --- | --- |
//! | `table.column`, `table.column.field` | names, in the same contract |
//! | `/schema/T/properties/C` | ids, in the same contract |
//! | `other.odcs.yaml#/schema/T/properties/C` | ids, in another contract, from the folder of this one |

use samite_engine::product::{ColumnReference, Relationship};

use super::location::in_mesh;
use crate::documents::{Node, Value};

/// What a relationship without an id is called.
const NAME: &str = "foreignKey";

/// The relationships of a table or a column; `folder` is that of the contract.
pub(super) fn relationships(node: &Node, folder: &str) -> Vec<Relationship> {
    let ends = |node: &Node, key: &str| match node.get(key) {
        Some(end) => texts(end).into_iter().map(|text| reference(text, folder)).collect(),
        None => Vec::new(),
    };
    let relationship = |node: &Node| Relationship {
        name: node.text_of("id").unwrap_or(NAME).to_owned(),
        from: ends(node, "from"),
        to: ends(node, "to"),
        line: node.line,
    };
    node.items_of("relationships").iter().map(relationship).collect()
}

fn texts(end: &Node) -> Vec<&str> {
    match &end.value {
        Value::List(_) => end.items().iter().filter_map(Node::text).collect(),
        _ => end.text().into_iter().collect(),
    }
}

/// What a reference names; nothing inside of a table, if it has a form that no column has.
fn reference(text: &str, folder: &str) -> ColumnReference {
    let (contract, inside) = match text.split_once('#') {
        Some((file, inside)) if file.contains("://") => (Some(file.to_owned()), inside),
        Some((file, inside)) => {
            (Some(in_mesh(folder, file).unwrap_or_else(|| file.to_owned())), inside)
        }
        None => (None, text),
    };
    if !inside.contains('/') {
        let (table, path) = inside.split_once('.').unwrap_or((inside, ""));
        let path = path.split('.').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        return ColumnReference { contract, table: table.to_owned(), path, is_by_id: false };
    }
    let parts: Vec<&str> = inside.trim_start_matches('/').split('/').collect();
    let mut pairs = parts.chunks_exact(2).map(|pair| match pair {
        [kind, id] => (*kind, (*id).to_owned()),
        _ => ("", String::new()),
    });
    let table = pairs.next().filter(|(kind, _)| *kind == "schema").map(|(_, id)| id);
    let path: Option<Vec<String>> =
        pairs.map(|(kind, id)| (kind == "properties").then_some(id)).collect();
    ColumnReference {
        contract,
        table: table.unwrap_or_default(),
        path: path.unwrap_or_default(),
        is_by_id: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::yaml;

    #[test]
    fn reference_says_which_column_is_meant() {
        for (text, contract, table, path, is_by_id) in [
            ("customers.id", None, "customers", vec!["id"], false),
            ("customers.home.city", None, "customers", vec!["home", "city"], false),
            ("/schema/t1/properties/c1", None, "t1", vec!["c1"], true),
            ("schema/t1/properties/c1/properties/c2", None, "t1", vec!["c1", "c2"], true),
            (
                "../b/b.v1.odcs.yaml#/schema/t1/properties/c1",
                Some("domains/b/b.v1.odcs.yaml"),
                "t1",
                vec!["c1"],
                true,
            ),
            (
                "https://example.org/x.yaml#schema/t1/properties/c1",
                Some("https://example.org/x.yaml"),
                "t1",
                vec!["c1"],
                true,
            ),
            ("/servers/s/roles/r", None, "", vec![], true),
        ] {
            let path: Vec<String> = path.into_iter().map(str::to_owned).collect();
            let contract = contract.map(str::to_owned);
            let expected = ColumnReference { contract, table: table.to_owned(), path, is_by_id };
            assert_eq!(reference(text, "domains/a"), expected, "{text}");
        }
    }

    #[test]
    fn relationships_have_one_end_or_two() {
        let root = yaml::parse(
            b"relationships:\n\
              - {from: [a.x, a.y], to: [b.x, b.y], id: pair}\n\
              - {to: b.id}\n",
        )
        .unwrap();
        let found = relationships(&root, "");
        let ends: Vec<_> = found.iter().map(|it| (it.from.len(), it.to.len(), it.line)).collect();
        assert_eq!(ends, [(2, 2, 2), (0, 1, 3)]);
        let names: Vec<&str> = found.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["pair", "foreignKey"]);
    }
}
