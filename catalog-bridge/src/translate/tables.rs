//! `schema[]` of a contract: tables and their columns.

use samite_engine::product::{Column, LogicalType, QualityRule, Table};

use super::Surroundings;
use super::extensions::{self, Part};
use super::location::in_mesh;
use super::quality::{self, Owner};
use super::relationships::relationships;
use crate::documents::{Edition, Node};
use crate::problems::Finding;

/// Reads all tables of a contract.
pub(crate) fn tables(
    root: &Node,
    surroundings: Surroundings<'_>,
    edition: Edition,
    findings: &mut Vec<Finding>,
) -> Vec<Table> {
    let mut reader = Reader { surroundings, edition, findings };
    let mut tables: Vec<Table> = Vec::new();
    for (index, node) in root.items_of("schema").iter().enumerate() {
        let path = format!("schema[{index}]");
        let table = reader.table(node, &path);
        if node.text_of("logicalType") == Some("blob") {
            let message = format!("table \"{}\" is a blob, which is not supported yet", table.name);
            reader.findings.push(
                Finding::warning(node.line, path, message).with_hint("the table is left out"),
            );
        } else if tables.iter().any(|known| known.name == table.name) {
            reader.twice(node, &path, "table", &table.name);
        } else {
            tables.push(table);
        }
    }
    tables
}

struct Reader<'a> {
    surroundings: Surroundings<'a>,
    edition: Edition,
    findings: &'a mut Vec<Finding>,
}

impl Reader<'_> {
    fn twice(&mut self, node: &Node, path: &str, what: &str, name: &str) {
        let message = format!("{what} \"{name}\" is here twice");
        self.findings.push(
            Finding::error(node.line, format!("{path}.name"), message)
                .with_hint("give each a name of its own"),
        );
    }

    fn audit(&mut self, node: &Node, path: &str, part: Part) {
        self.findings.extend(extensions::audit(node, path, part, self.edition));
        for (index, rule) in node.items_of("quality").iter().enumerate() {
            let path = format!("{path}.quality[{index}]");
            self.findings.extend(extensions::audit(rule, &path, Part::QualityRule, self.edition));
            self.findings.extend(quality::unreadable_schedule(rule, &path));
        }
    }

    fn rules(&self, node: &Node, owner: Owner) -> Vec<QualityRule> {
        quality::rules(node, owner, (self.edition, self.surroundings.variables))
    }

    fn table(&mut self, node: &Node, path: &str) -> Table {
        self.audit(node, path, Part::Table);
        let table = Table {
            id: owned(node, "id"),
            name: owned(node, "name").unwrap_or_default(),
            physical_name: owned(node, "physicalName"),
            description: owned(node, "description"),
            granularity: owned(node, "dataGranularityDescription"),
            is_deprecated: node.is_true("deprecated"),
            columns: self.columns(node, path),
            quality: self.rules(node, Owner::Table),
            relationships: relationships(node, self.surroundings.folder()),
            line: node.line,
        };
        if table.name.trim().is_empty() {
            self.nameless(node, path, "table");
        }
        table
    }

    fn nameless(&mut self, node: &Node, path: &str, what: &str) {
        self.findings.push(
            Finding::error(node.line, format!("{path}.name"), format!("the {what} name is empty"))
                .with_hint(format!("name the {what}")),
        );
    }

    fn columns(&mut self, node: &Node, path: &str) -> Vec<Column> {
        let mut columns: Vec<Column> = Vec::new();
        let mut keys = 0;
        let mut partitions = 0;
        for (index, node) in node.items_of("properties").iter().enumerate() {
            let path = format!("{path}.properties[{index}]");
            let mut column = self.column(node, &path);
            if column.name.trim().is_empty() {
                self.nameless(node, &path, "column");
            } else if columns.iter().any(|known| known.name == column.name) {
                self.twice(node, &path, "column", &column.name);
                continue;
            }
            column.primary_key_position =
                position(node, "primaryKey", "primaryKeyPosition", &mut keys);
            column.partition_position =
                position(node, "partitioned", "partitionKeyPosition", &mut partitions);
            columns.push(column);
        }
        columns
    }

    fn column(&mut self, node: &Node, path: &str) -> Column {
        self.audit(node, path, Part::Column);
        Column {
            id: owned(node, "id"),
            name: owned(node, "name").unwrap_or_default(),
            physical_name: owned(node, "physicalName"),
            logical_type: node.text_of("logicalType").and_then(logical_type),
            physical_type: owned(node, "physicalType"),
            description: owned(node, "description"),
            classification: owned(node, "classification"),
            is_critical: node.is_true("criticalDataElement"),
            is_required: node.is_true("required"),
            is_unique: node.is_true("unique"),
            primary_key_position: None,
            partition_position: None,
            is_deprecated: node.is_true("deprecated"),
            semantic_definition: self.semantic_definition(node),
            limits: quality::limits(node),
            quality: self.rules(node, Owner::Column),
            source_objects: texts(node, "transformSourceObjects"),
            relationships: relationships(node, self.surroundings.folder()),
            children: self.children(node, path),
            line: node.line,
        }
    }

    /// Fields of an object, item of an array, key and value of a map.
    fn children(&mut self, node: &Node, path: &str) -> Vec<Column> {
        let mut children = self.columns(node, path);
        let required = node.get("logicalTypeOptions").map_or(&[][..], |it| it.items_of("required"));
        for child in &mut children {
            child.is_required |= required.iter().any(|it| it.text() == Some(child.name.as_str()));
        }
        if let Some(item) = node.get("items") {
            children.push(self.column(item, &format!("{path}.items")));
        }
        if let Some(map) = node.get("map") {
            for part in ["key", "value"] {
                if let Some(child) = map.get(part) {
                    children.push(self.column(child, &format!("{path}.map.{part}")));
                }
            }
        }
        children
    }

    /// A relative URL is written from the folder of the contract; relative to the mesh, two
    /// contracts name one definition alike.
    fn semantic_definition(&self, node: &Node) -> Option<String> {
        let definition = node
            .items_of("authoritativeDefinitions")
            .iter()
            .find(|definition| definition.text_of("type") == Some("semanticDefinition"))?;
        let url = definition.text_of("url")?;
        if url.contains("://") {
            return Some(url.to_owned());
        }
        let (file, fragment) = url.split_once('#').unwrap_or((url, ""));
        let file = in_mesh(self.surroundings.folder(), file).unwrap_or_else(|| file.to_owned());
        Some(if fragment.is_empty() { file } else { format!("{file}#{fragment}") })
    }
}

/// The position that is written, else the place among those that are marked.
fn position(node: &Node, mark: &str, key: &str, count: &mut u32) -> Option<u32> {
    if !node.is_true(mark) {
        return None;
    }
    *count += 1;
    let written = node.get(key).and_then(Node::whole).and_then(|at| u32::try_from(at).ok());
    Some(written.filter(|at| *at > 0).unwrap_or(*count))
}

fn texts(node: &Node, key: &str) -> Vec<String> {
    node.items_of(key).iter().filter_map(Node::text).map(str::to_owned).collect()
}

fn owned(node: &Node, key: &str) -> Option<String> {
    node.text_of(key).map(str::to_owned)
}

/// What a word of a contract or of a definition means.
pub(crate) fn logical_type(word: &str) -> Option<LogicalType> {
    Some(match word {
        "string" => LogicalType::String,
        "date" => LogicalType::Date,
        "timestamp" => LogicalType::Timestamp,
        "time" => LogicalType::Time,
        "number" => LogicalType::Number,
        "integer" => LogicalType::Integer,
        "object" => LogicalType::Object,
        "array" => LogicalType::Array,
        "boolean" => LogicalType::Boolean,
        "map" => LogicalType::Map,
        "vector" => LogicalType::Vector,
        _ => return None,
    })
}
