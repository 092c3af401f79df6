//! How the things of a mesh are called in Cedar: types, ids, actions.
//!
//! ```text
//! Mesh::Domain::"payments"                    Mesh::Product::"payments.royalties"
//! Mesh::Table::"payments.royalties@1.royalties"
//! Mesh::Column::"payments.royalties@1.royalties.due"
//! Mesh::Row__payments__royalties__1           (a type: rows have no ids of their own)
//! ```

use std::fmt::Write as _;
use std::str::FromStr as _;

use cedar_policy::{EntityId, EntityTypeName, EntityUid, ParseErrors};
use samite_engine::authorizer::Action;
use samite_engine::product::{DataProduct, OutputPort, Table};

/// The namespace of everything.
pub(super) const NAMESPACE: &str = "Mesh";

/// What a policy can be about: the actions on a table, on its columns and on its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Verb {
    Discover,
    Describe,
    Select,
    SelectDraft,
    Profile,
    Explain,
    Administer,
    ReadRaw,
    ReadMasked,
    ReadRow,
}

impl Verb {
    /// All of them, in the order of their declaration.
    pub(super) const ALL: [Self; 10] = [
        Self::Discover,
        Self::Describe,
        Self::Select,
        Self::SelectDraft,
        Self::Profile,
        Self::Explain,
        Self::Administer,
        Self::ReadRaw,
        Self::ReadMasked,
        Self::ReadRow,
    ];

    /// The id of the action in Cedar.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Discover => "discover",
            Self::Describe => "describe",
            Self::Select => "select",
            Self::SelectDraft => "selectDraft",
            Self::Profile => "profile",
            Self::Explain => "explain",
            Self::Administer => "administer",
            Self::ReadRaw => "readRaw",
            Self::ReadMasked => "readMasked",
            Self::ReadRow => "readRow",
        }
    }

    /// The verb whose action has this id.
    pub(super) fn parse(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == id)
    }

    /// Its place in [`Verb::ALL`].
    pub(super) fn index(self) -> usize {
        self as usize
    }
}

impl From<Action> for Verb {
    fn from(action: Action) -> Self {
        match action {
            Action::Discover => Self::Discover,
            Action::Describe => Self::Describe,
            Action::Select => Self::Select,
            Action::SelectDraft => Self::SelectDraft,
            Action::Profile => Self::Profile,
            Action::Explain => Self::Explain,
            Action::Administer => Self::Administer,
        }
    }
}

/// The types and actions that every mesh has, parsed once.
#[derive(Debug)]
pub(super) struct Vocabulary {
    pub(super) group: EntityTypeName,
    pub(super) user: EntityTypeName,
    pub(super) domain: EntityTypeName,
    pub(super) product: EntityTypeName,
    pub(super) table: EntityTypeName,
    pub(super) column: EntityTypeName,
    actions: EntityTypeName,
}

impl Vocabulary {
    pub(super) fn new() -> Result<Self, Box<ParseErrors>> {
        Ok(Self {
            group: type_name("Group")?,
            user: type_name("User")?,
            domain: type_name("Domain")?,
            product: type_name("Product")?,
            table: type_name("Table")?,
            column: type_name("Column")?,
            actions: type_name("Action")?,
        })
    }

    /// The action as an entity.
    pub(super) fn action(&self, verb: Verb) -> EntityUid {
        entity(&self.actions, verb.as_str())
    }
}

/// A type of the namespace.
pub(super) fn type_name(name: &str) -> Result<EntityTypeName, Box<ParseErrors>> {
    EntityTypeName::from_str(&format!("{NAMESPACE}::{name}")).map_err(Box::new)
}

pub(super) fn entity(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

/// The id of a domain.
pub(super) fn domain_id(domain: &str) -> String {
    part(domain)
}

/// The id of a product.
pub(super) fn product_id(domain: &str, product: &str) -> String {
    format!("{}.{}", part(domain), part(product))
}

/// The id of a table.
pub(super) fn table_id(product: &DataProduct, port: &OutputPort, table: &Table) -> String {
    let id = product_id(&product.domain, &product.name);
    format!("{id}@{}.{}", port.version.major, part(&table.name))
}

/// The id of a column of the table with this id.
pub(super) fn column_id(table: &str, column: &str) -> String {
    format!("{table}.{}", part(column))
}

/// True if the id is that of the domain, or of something in it.
pub(super) fn is_in_domain(id: &str, domain: &str) -> bool {
    let rest = id.strip_prefix(part(domain).as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// A name as it stands in an id. One with signs that part an id is quoted as in SQL, so that no two
/// things have one id.
fn part(name: &str) -> String {
    if name.contains(['.', '"', '@']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}

/// The type of the rows of a table, without the namespace. The table is named where a contract has
/// several.
pub(super) fn row_type_name(product: &DataProduct, port: &OutputPort, table: &Table) -> String {
    let [alone, among_others] = row_type_names(product, port, table);
    if port.contract.tables.len() > 1 { among_others } else { alone }
}

/// The name of the type if the table is the only one of its contract, and if it is not.
pub(super) fn row_type_names(
    product: &DataProduct,
    port: &OutputPort,
    table: &Table,
) -> [String; 2] {
    let alone = format!(
        "Row__{}__{}__{}",
        escaped(&product.domain),
        escaped(&product.name),
        port.version.major
    );
    let among_others = format!("{alone}__{}", escaped(&table.name));
    [alone, among_others]
}

fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for sign in name.chars() {
        if sign.is_ascii_alphanumeric() || sign == '_' {
            text.push(sign);
        } else {
            let _ = write!(text, "_x{:02X}_", u32::from(sign));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_is_found_by_its_name_and_its_place() {
        for (place, verb) in Verb::ALL.into_iter().enumerate() {
            assert_eq!(Verb::parse(verb.as_str()), Some(verb));
            assert_eq!(verb.index(), place, "{verb:?}");
        }
        assert_eq!(Verb::parse("Select"), None);
    }

    #[test]
    fn names_become_identifiers_and_ids_that_cannot_be_mixed_up() {
        assert_eq!(escaped("play events-é"), "play_x20_events_x2D__xE9_");
        assert_eq!(product_id("a.b", "c"), "\"a.b\".c");
        assert_eq!(product_id("a", "b.c"), "a.\"b.c\"");
        for (id, domain, is_in) in [
            ("payments", "payments", true),
            ("payments.royalties@1.royalties", "payments", true),
            ("payments2.royalties", "payments", false),
            ("\"a.b\".c", "a", false),
            ("\"a.b\".c", "a.b", true),
            ("a.b", "a.b", false),
        ] {
            assert_eq!(is_in_domain(id, domain), is_in, "{id} in {domain}");
        }
    }
}
