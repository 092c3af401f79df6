//! Columns that are bound to one definition and do not agree with it, or with each other.

use std::collections::BTreeMap;

use super::{Binding, bindings, id_of};
use crate::product::{LogicalType, Mesh, Problem, ProblemLevel};

/// What the columns of one definition agree on: what the definition says, else the first of them that says something.
#[derive(Debug, Default)]
struct Agreed<'a> {
    logical_type: Option<LogicalType>,
    /// `Some(None)` where the first column gives none.
    classification: Option<Option<&'a str>>,
}

/// What does not fit among columns that are bound to one definition, each as a warning of the contract that says so.
/// The other contract is not named: whoever reads the problem may not know of it.
#[must_use]
pub fn conflicts(mesh: &Mesh) -> Vec<Problem> {
    let mut agreed: BTreeMap<&str, Agreed<'_>> = BTreeMap::new();
    let mut problems = Vec::new();
    for binding in bindings(mesh) {
        let definition = mesh.definitions.get(binding.key);
        if definition.is_none() && !binding.key.contains("://") {
            let message = format!("there is no definition \"{}\"", binding.key);
            problems.push(problem(binding, message, "expected one of mesh/semantics/*.osds.yaml"));
        }
        let agreed = agreed.entry(binding.key).or_insert_with(|| Agreed {
            logical_type: definition.and_then(|known| known.logical_type),
            classification: definition.and_then(|known| known.classification.as_deref().map(Some)),
        });
        hold(binding, agreed, definition.is_some(), &mut problems);
    }
    problems
}

fn hold<'a>(
    binding: Binding<'a>,
    agreed: &mut Agreed<'a>,
    is_defined: bool,
    problems: &mut Vec<Problem>,
) {
    let column = binding.column;
    let whose = if is_defined { "its definition" } else { "another column of its definition" };
    match (agreed.logical_type, column.logical_type) {
        (Some(expected), Some(found)) if expected != found => {
            let (expected, found) = (expected.as_str(), found.as_str());
            let message = format!("the type is {found}, that of {whose} is {expected}");
            problems.push(problem(binding, message, "one thing has one type in every product"));
        }
        (None, found) => agreed.logical_type = found,
        _ => {}
    }
    let found = column.classification.as_deref();
    let expected = *agreed.classification.get_or_insert(found);
    if found != expected {
        let word = |classification: Option<&'a str>| classification.unwrap_or("not given");
        let (found, expected) = (word(found), word(expected));
        let message = format!("the classification is {found}, that of {whose} is {expected}");
        let hint = "what is confidential in one product is so in every other";
        problems.push(problem(binding, message, hint));
    }
}

fn problem(binding: Binding<'_>, message: String, hint: &str) -> Problem {
    let contract = &binding.port.contract;
    let (table, column) = (&binding.table.name, &binding.column.name);
    let id = id_of(binding.key);
    Problem {
        level: ProblemLevel::Warning,
        domain: Some(binding.product.domain.clone()),
        product: Some(binding.product.name.clone()),
        file: contract.file.clone(),
        line: Some(binding.column.line).filter(|line| *line > 0),
        path: None,
        message: format!("column \"{column}\" of {table} is bound to \"{id}\": {message}"),
        hint: Some(hint.to_owned()),
    }
}
