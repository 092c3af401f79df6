//! The contract's columns, found in the source.

use std::sync::Arc;

use samite_engine::product::{Column, Table, TableName};
use samite_engine::type_class::broken_promise;
use samite_engine::{Error, ErrorKind, Result};

use super::{Identity, SnapshotColumn};

/// The columns that a consumer sees: those of the contract, in its order and with its names, each
/// with the source's own type; all columns of the source but those of row lineage if the contract
/// lists none. `source` names each column as the source does.
///
/// # Errors
///
/// When the source lacks a promised column or has it in another class of type.
pub(crate) fn promise(
    source: Vec<SnapshotColumn>,
    table: &Table,
    name: &TableName,
) -> Result<Vec<SnapshotColumn>> {
    if table.columns.is_empty() {
        let is_data = |column: &SnapshotColumn| !matches!(column.identity, Identity::Lineage(_));
        return Ok(source.into_iter().filter(is_data).collect());
    }
    table.columns.iter().map(|column| promised(&source, column, name)).collect()
}

fn promised(
    source: &[SnapshotColumn],
    column: &Column,
    name: &TableName,
) -> Result<SnapshotColumn> {
    let wanted = column.source_name();
    let Some(found) = source.iter().find(|found| found.field.name() == wanted) else {
        return Err(missing(source, column, name));
    };
    let data_type = found.field.data_type();
    if let Some(class) = broken_promise(column, data_type) {
        return Err(Error::new(
            ErrorKind::ContractViolated,
            format!(
                "column \"{}\" of table \"{name}\" is not what its contract promises",
                column.name
            ),
        )
        .with_detail(format!("promised is {class}, the source has {data_type}"))
        .with_hint("ask the owner of the product to mend the contract or the data"));
    }
    if *found.field.name() == column.name {
        return Ok(found.clone());
    }
    let field = Arc::new(found.field.as_ref().clone().with_name(&column.name));
    Ok(SnapshotColumn { field, ..found.clone() })
}

fn missing(source: &[SnapshotColumn], column: &Column, name: &TableName) -> Error {
    let mut names: Vec<&str> = source.iter().map(|found| found.field.name().as_str()).collect();
    let more = names.len().saturating_sub(20);
    names.truncate(20);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let error = Error::new(
        ErrorKind::ContractViolated,
        format!(
            "table \"{name}\" lacks column \"{}\", which its contract promises",
            column.source_name()
        ),
    )
    .with_hint("ask the owner of the product to mend the contract or the data");
    if names.is_empty() {
        return error;
    }
    error.with_detail(format!("the source has {}{more}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{DataType, Field};
    use samite_engine::product::{LogicalType, ProductSelector};

    use super::super::Identity;
    use super::*;

    fn source(name: &str, data_type: DataType) -> SnapshotColumn {
        SnapshotColumn {
            field: Arc::new(Field::new(name, data_type, true)),
            identity: Identity::PhysicalName(name.to_owned()),
            when_missing: None,
        }
    }

    fn table(columns: &[(&str, Option<&str>, Option<LogicalType>)]) -> Table {
        let column = |(name, physical, logical_type): &(&str, Option<&str>, _)| Column {
            name: (*name).to_owned(),
            physical_name: physical.map(str::to_owned),
            logical_type: *logical_type,
            ..Column::default()
        };
        Table { columns: columns.iter().map(column).collect(), ..Table::default() }
    }

    fn ask(columns: &[(&str, Option<&str>, Option<LogicalType>)]) -> Result<Vec<SnapshotColumn>> {
        let name = TableName {
            domain: "d".to_owned(),
            product: ProductSelector::parse("p").unwrap(),
            table: "t".to_owned(),
        };
        let source = vec![source("a", DataType::Int64), source("b", DataType::Utf8)];
        promise(source, &table(columns), &name)
    }

    #[test]
    fn contract_gives_order_and_names_and_hides_the_rest() {
        let columns =
            ask(&[("text", Some("b"), Some(LogicalType::String)), ("a", None, None)]).unwrap();
        let names: Vec<&str> = columns.iter().map(|column| column.field.name().as_str()).collect();
        assert_eq!(names, ["text", "a"]);
        assert_eq!(columns[0].identity, Identity::PhysicalName("b".to_owned()));
        assert_eq!(ask(&[("a", None, None)]).unwrap().len(), 1);
        assert_eq!(ask(&[]).unwrap().len(), 2);
    }

    #[test]
    fn broken_promise_names_table_column_and_types() {
        let error = ask(&[("A", None, None)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ContractViolated);
        assert!(error.to_line().contains("\"d.p.t\" lacks column \"A\""), "{error:?}");
        let error = ask(&[("b", None, Some(LogicalType::Integer))]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ContractViolated);
        let line = error.to_line();
        assert!(
            line.contains("\"b\"") && line.contains("integer") && line.contains("Utf8"),
            "{line}"
        );
    }
}
