//! What values of one table say of another: foreign keys.

use std::sync::Arc;

use super::{Column, Contract, Table};

/// Each value of some columns is found in columns of another table (ODCS 3.2.0, `relationships[]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relationship {
    /// Its id; `foreignKey` without one.
    pub name: String,
    /// The columns that lead somewhere, in the order of the key; empty for the column that it belongs to.
    pub from: Vec<ColumnReference>,
    /// The columns that they lead to.
    pub to: Vec<ColumnReference>,
    /// The line of the document that it begins on, from 1; 0 if no document tells.
    pub line: u64,
}

/// How a contract names a column of a table: by their names, or by their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnReference {
    /// The file of its contract, from the root of the mesh; `None` for the contract that it is written in.
    pub contract: Option<String>,
    /// The name or the id of the table.
    pub table: String,
    /// The names or ids of the column and of the fields inside of it.
    pub path: Vec<String>,
    /// True if ids are written.
    pub is_by_id: bool,
}

impl ColumnReference {
    /// The table, in the contract that the reference means.
    #[must_use]
    pub fn table<'a>(&self, contract: &'a Contract) -> Option<&'a Arc<Table>> {
        contract.tables.iter().find(|table| self.names(table))
    }

    /// True if this is the table.
    #[must_use]
    pub fn names(&self, table: &Table) -> bool {
        match self.is_by_id {
            true => table.id.as_ref() == Some(&self.table),
            false => table.name == self.table,
        }
    }

    /// The names of the column and of the fields inside of it, in this table; `None` if it has none of them.
    #[must_use]
    pub fn columns(&self, table: &Table) -> Option<Vec<String>> {
        let mut known: &[Column] = &table.columns;
        let mut names = Vec::with_capacity(self.path.len());
        for part in &self.path {
            let is_it = |column: &&Column| match self.is_by_id {
                true => column.id.as_ref() == Some(part),
                false => column.name == *part,
            };
            let column = known.iter().find(is_it)?;
            names.push(column.name.clone());
            known = &column.children;
        }
        (!names.is_empty()).then_some(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_is_found_by_its_name_or_by_its_id() {
        let column = |id: &str, name: &str, children: Vec<Column>| Column {
            id: Some(id.to_owned()),
            name: name.to_owned(),
            children,
            ..Column::default()
        };
        let columns = vec![column("i1", "home", vec![column("i2", "city", Vec::new())])];
        let table = Table {
            id: Some("t".to_owned()),
            name: "rows".to_owned(),
            columns,
            ..Table::default()
        };
        for (is_by_id, name, path, expected) in [
            (false, "rows", vec!["home"], Some(vec!["home"])),
            (false, "rows", vec!["home", "city"], Some(vec!["home", "city"])),
            (true, "t", vec!["i1", "i2"], Some(vec!["home", "city"])),
            (false, "rows", vec!["i1"], None),
            (true, "t", vec!["home"], None),
            (false, "rows", vec!["home", "street"], None),
            (false, "rows", vec![], None),
        ] {
            let path: Vec<String> = path.into_iter().map(str::to_owned).collect();
            let table_name = name.to_owned();
            let reference = ColumnReference { contract: None, table: table_name, path, is_by_id };
            assert!(reference.names(&table), "{reference:?}");
            let found = reference.columns(&table);
            let found: Option<Vec<&str>> =
                found.as_ref().map(|names| names.iter().map(String::as_str).collect());
            assert_eq!(found, expected, "{reference:?}");
        }
    }
}
