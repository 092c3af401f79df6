//! The Cedar schema of a mesh: a fixed head, and one generated type of rows for each served table.
//!
//! A property that is not required is optional, so that the validator makes the author of a rule
//! ask for it with `has` first. A property that Cedar cannot hold is left out: a rule about it is
//! refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use cedar_policy::{CedarSchemaError, EntityTypeName, Schema};
use samite_engine::product::{
    Column, DataProduct, LogicalType, Mesh, OutputPort, Problem, Table, Version,
};

use super::vocabulary::{row_type_name, row_type_names, type_name};
use crate::problems::{Finding, Subject};

/// What every mesh has.
const HEAD: &str = r"namespace Mesh {
  entity Group;
  entity User in [Group] { kind: String, domain?: String, country?: String, clearance: Long };
  entity Domain;
  entity Product in [Domain] { archetype: String, status: String };
  entity Table in [Product] { status: String };
  entity Column in [Table] { classification: String, critical: Bool, semantic?: String };
  type Call = { purpose: String, now: datetime, channel: String };
  action discover, describe, select, selectDraft, profile, explain, administer
    appliesTo { principal: [User], resource: [Table], context: Call };
  action readRaw, readMasked
    appliesTo { principal: [User], resource: [Column], context: Call };
";

/// The type that stands where a mesh has no rows: an action must apply to something.
const NO_ROWS: &str = "Row";

/// The type of an attribute of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Bool,
    Long,
    String,
    Datetime,
    Decimal,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Bool => "Bool",
            Self::Long => "Long",
            Self::String => "String",
            Self::Datetime => "datetime",
            Self::Decimal => "decimal",
        }
    }
}

/// An attribute of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Attribute {
    pub(super) kind: Kind,
    pub(super) is_required: bool,
}

/// The rows of one table; of all minor versions of a port together.
#[derive(Debug, Clone)]
pub(super) struct RowType {
    /// The name without the namespace.
    pub(super) name: String,
    /// The name as Cedar has it.
    pub(super) kind: EntityTypeName,
    pub(super) domain: String,
    pub(super) attributes: BTreeMap<String, Attribute>,
    /// Whose rows these are: product, port with version, table.
    tables: BTreeSet<(String, String, Version, String)>,
}

impl RowType {
    /// The type of the rows of a table among those of its domain. What else is in its contract, whoever asks may
    /// not see, so that the table itself does not tell what its type is called.
    pub(super) fn of<'a>(
        types: &'a BTreeMap<String, Arc<Self>>,
        (product, port, table): (&DataProduct, &OutputPort, &Table),
    ) -> Option<&'a Arc<Self>> {
        let wanted = identity(product, port, table);
        let names = row_type_names(product, port, table);
        names
            .iter()
            .filter_map(|name| types.get(name))
            .find(|row_type| row_type.tables.contains(&wanted))
    }
}

fn identity(
    product: &DataProduct,
    port: &OutputPort,
    table: &Table,
) -> (String, String, Version, String) {
    (product.name.clone(), port.name.clone(), port.version, table.name.clone())
}

/// The types of the rows of a mesh.
#[derive(Debug, Default)]
pub(super) struct RowTypes {
    by_domain: BTreeMap<String, BTreeMap<String, Arc<RowType>>>,
    /// The domain of each type.
    domains: BTreeMap<String, String>,
}

impl RowTypes {
    /// Makes the types of all tables of a mesh. Two tables that would share one are both without.
    pub(super) fn new(mesh: &Mesh) -> (Self, Vec<Problem>) {
        let mut claims: BTreeMap<String, Vec<Claim<'_>>> = BTreeMap::new();
        for product in mesh.products() {
            for port in &product.ports {
                for table in &port.contract.tables {
                    let name = row_type_name(product, port, table);
                    claims.entry(name).or_default().push(Claim { product, port, table });
                }
            }
        }
        let (mut types, mut problems) = (Self::default(), Vec::new());
        for (name, claims) in claims {
            match merged(&name, &claims) {
                Ok(row_type) => types.insert(row_type),
                Err(message) => problems.extend(claims.iter().map(|claim| claim.problem(&message))),
            }
        }
        (types, problems)
    }

    fn insert(&mut self, row_type: RowType) {
        let (name, domain) = (row_type.name.clone(), row_type.domain.clone());
        self.domains.insert(name.clone(), domain.clone());
        self.by_domain.entry(domain).or_default().insert(name, Arc::new(row_type));
    }

    /// The types of one domain, by name.
    pub(super) fn of_domain(&self, domain: &str) -> BTreeMap<String, Arc<RowType>> {
        self.by_domain.get(domain).cloned().unwrap_or_default()
    }

    /// The types of a domain, or of all.
    fn among(&self, domain: Option<&str>) -> impl Iterator<Item = &Arc<RowType>> {
        let is_asked = move |known: &str| domain.is_none_or(|domain| domain == known);
        let domains = self.by_domain.iter().filter(move |(known, _)| is_asked(known));
        domains.flat_map(|(_, types)| types.values())
    }

    /// The domain whose rows have this type.
    pub(super) fn domain_of(&self, name: &str) -> Option<&str> {
        self.domains.get(name).map(String::as_str)
    }

    /// A schema against which policies that say nothing of other attributes and types are as right
    /// or wrong as against that of the whole mesh: of the rows that look alike to them, it holds
    /// one type.
    pub(super) fn schema_for(
        &self,
        domain: Option<&str>,
        attributes: &BTreeSet<String>,
        names: &BTreeSet<String>,
    ) -> Result<Schema, Box<CedarSchemaError>> {
        let mut seen = BTreeSet::new();
        let mut types: BTreeMap<&str, &RowType> = BTreeMap::new();
        for row_type in self.among(domain) {
            let looks: Vec<Option<&Attribute>> =
                attributes.iter().map(|name| row_type.attributes.get(name)).collect();
            if seen.insert(looks) || names.contains(&row_type.name) {
                types.insert(&row_type.name, row_type);
            }
        }
        for row_type in self.among(None).filter(|row_type| names.contains(&row_type.name)) {
            types.insert(&row_type.name, row_type);
        }
        schema(types.into_values(), &BTreeSet::new())
    }
}

/// A table that would have a type.
struct Claim<'a> {
    product: &'a DataProduct,
    port: &'a OutputPort,
    table: &'a Table,
}

impl Claim<'_> {
    fn problem(&self, message: &str) -> Problem {
        let subject = Subject {
            file: self.port.contract.file.clone(),
            domain: Some(self.product.domain.clone()),
            product: Some(self.product.name.clone()),
        };
        let hint = "nobody may read it while there are policies: give one of them another name or \
                    major version";
        let line = self.table.line.max(1);
        Finding::error(line, "", message).with_hint(hint).into_problem(&subject)
    }
}

/// One type for all tables that claim it: minor versions of one product, whose attributes agree.
fn merged(name: &str, claims: &[Claim<'_>]) -> Result<RowType, String> {
    let Some(first) = claims.first() else { return Err(String::new()) };
    let mut attributes: BTreeMap<String, Attribute> = BTreeMap::new();
    for (count, claim) in claims.iter().enumerate() {
        if (&claim.product.domain, &claim.product.name, &claim.table.name)
            != (&first.product.domain, &first.product.name, &first.table.name)
        {
            return Err(format!(
                "the rows of table \"{}.{}.{}\" and of \"{}.{}.{}\" have one name in policies, {name}",
                first.product.domain,
                first.product.name,
                first.table.name,
                claim.product.domain,
                claim.product.name,
                claim.table.name
            ));
        }
        let own = attributes_of(claim.table);
        for (name, known) in &mut attributes {
            known.is_required &= own.get(name).is_some_and(|own| own.is_required);
        }
        for (column, own) in own {
            let new = Attribute { is_required: own.is_required && count == 0, ..own };
            let known = attributes.entry(column.clone()).or_insert(new);
            if known.kind != own.kind {
                return Err(format!(
                    "column \"{column}\" of two versions that policies call {name} has two types"
                ));
            }
        }
    }
    let kind = type_name(name).map_err(|error| format!("{name} is no name in Cedar: {error}"))?;
    let domain = first.product.domain.clone();
    let identity = |claim: &Claim<'_>| identity(claim.product, claim.port, claim.table);
    let tables = claims.iter().map(identity).collect();
    Ok(RowType { name: name.to_owned(), kind, domain, attributes, tables })
}

fn attributes_of(table: &Table) -> BTreeMap<String, Attribute> {
    let attribute = |column: &Column| {
        let kind = kind_of(column)?;
        Some((column.name.clone(), Attribute { kind, is_required: column.promises_values() }))
    };
    table.columns.iter().filter_map(attribute).collect()
}

/// The type by which Cedar knows a column, if it can hold its values.
fn kind_of(column: &Column) -> Option<Kind> {
    let physical = column.physical_type.as_deref().unwrap_or_default().to_ascii_lowercase();
    let word = physical.split('(').next().unwrap_or_default().trim().to_owned();
    match column.logical_type {
        Some(LogicalType::String) => Some(Kind::String),
        Some(LogicalType::Integer) => Some(Kind::Long),
        Some(LogicalType::Boolean) => Some(Kind::Bool),
        Some(LogicalType::Date | LogicalType::Timestamp) => Some(Kind::Datetime),
        Some(LogicalType::Number) => kind_of_number(&word, &physical),
        Some(
            LogicalType::Time
            | LogicalType::Object
            | LogicalType::Array
            | LogicalType::Map
            | LogicalType::Vector,
        ) => None,
        None => match word.as_str() {
            "string" | "varchar" | "char" | "text" => Some(Kind::String),
            "boolean" | "bool" => Some(Kind::Bool),
            "date" | "timestamp" | "timestamptz" | "timestamp_tz" | "timestamp_ntz" => {
                Some(Kind::Datetime)
            }
            _ => kind_of_number(&word, &physical),
        },
    }
}

fn kind_of_number(word: &str, physical: &str) -> Option<Kind> {
    match word {
        "tinyint" | "smallint" | "int" | "integer" | "bigint" | "long" => Some(Kind::Long),
        "decimal" | "numeric" | "number" => {
            let inner = physical.split_once('(')?.1.split(')').next()?;
            let scale =
                inner.split_once(',').map_or(Some(0), |(_, scale)| scale.trim().parse().ok());
            (scale? <= 4_u8).then_some(Kind::Decimal)
        }
        _ => None,
    }
}

/// The schema with these types of rows. A name in `bare` is a type of rows that nobody can have,
/// so that a policy which still names it can be read.
pub(super) fn schema<'a>(
    types: impl IntoIterator<Item = &'a RowType>,
    bare: &BTreeSet<String>,
) -> Result<Schema, Box<CedarSchemaError>> {
    let text = schema_text(types, bare);
    let (schema, _) = Schema::from_cedarschema_str(&text).map_err(Box::new)?;
    Ok(schema)
}

fn schema_text<'a>(
    types: impl IntoIterator<Item = &'a RowType>,
    bare: &BTreeSet<String>,
) -> String {
    let mut text = HEAD.to_owned();
    let mut names: Vec<&str> = Vec::new();
    for row_type in types {
        let _ = write!(text, "  entity {} in [Table] {{ ", row_type.name);
        for (name, attribute) in &row_type.attributes {
            let mark = if attribute.is_required { "" } else { "?" };
            let _ = write!(text, "{name:?}{mark}: {}, ", attribute.kind.as_str());
        }
        text.push_str("};\n");
        names.push(&row_type.name);
    }
    for name in bare.iter().filter(|name| !names.contains(&name.as_str())) {
        let _ = writeln!(text, "  entity {name} in [Table];");
    }
    if names.is_empty() {
        let _ = writeln!(text, "  entity {NO_ROWS} in [Table];");
        names.push(NO_ROWS);
    }
    let names = names.join(", ");
    let _ = writeln!(text, "  action readRow");
    let _ = writeln!(
        text,
        "    appliesTo {{ principal: [User], resource: [{names}], context: Call }};\n}}"
    );
    text
}

#[cfg(test)]
mod tests;
