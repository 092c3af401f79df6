//! Columns of type VARIANT, alone and within others.

use std::sync::Arc;

use datafusion::parquet::basic::{LogicalType, Repetition, Type as Physical};
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::parquet::file::writer::SerializedFileWriter;
use datafusion::parquet::schema::types::Type;
use samite_engine::ErrorKind;
use samite_engine::connector::Connector;
use samite_engine::product::{Column, LogicalType as Promised};

use crate::parquet::{ParquetConfig, ParquetConnector};
use crate::testing::{Folder, request};

fn group(name: &str, logical_type: Option<LogicalType>, fields: Vec<Type>) -> Type {
    Type::group_type_builder(name)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical_type)
        .with_fields(fields.into_iter().map(Arc::new).collect())
        .build()
        .unwrap()
}

fn leaf(name: &str, physical: Physical) -> Type {
    Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::REQUIRED)
        .build()
        .unwrap()
}

fn variant(name: &str) -> Type {
    let fields = ["metadata", "value"].map(|name| leaf(name, Physical::BYTE_ARRAY));
    group(name, Some(LogicalType::variant(None)), fields.into())
}

fn list(name: &str, element: Type) -> Type {
    let repeated = Type::group_type_builder("list")
        .with_repetition(Repetition::REPEATED)
        .with_fields(vec![Arc::new(element)])
        .build()
        .unwrap();
    group(name, Some(LogicalType::List), vec![repeated])
}

/// A file without rows that has a column of numbers and this one.
fn file(column: Type) -> Vec<u8> {
    let schema = group("schema", None, vec![leaf("id", Physical::INT64), column]);
    let properties = Arc::new(WriterProperties::default());
    let mut bytes = Vec::new();
    SerializedFileWriter::new(&mut bytes, Arc::new(schema), properties).unwrap().close().unwrap();
    bytes
}

#[tokio::test]
async fn variant_is_refused_by_name_at_any_depth() {
    let cases = [
        (variant("v"), "v"),
        (group("s", None, vec![leaf("x", Physical::INT32), variant("v")]), "s.v"),
        (list("l", variant("element")), "l.list.element"),
    ];
    for (column, path) in cases {
        let folder = Folder::new();
        let name = column.name().to_owned();
        folder.write("d=1/a.parquet", &file(column));
        let connector = ParquetConnector::new(folder.stores.clone(), ParquetConfig::default());
        let column =
            |name: &str| Column { name: name.to_owned(), logical_type: None, ..Column::default() };
        for columns in [vec![], vec![column("id"), column(&name)]] {
            let request = request(&folder.location(), columns);
            let error = connector.open(request).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{path}: {error:?}");
            let line = error.to_line();
            for part in [format!("column \"{path}\""), "d.p.t".into(), "a.parquet".into()] {
                assert!(line.contains(&part), "{path}: {line}");
            }
        }
        // What is not asked for is in nobody's way.
        let id = Column { logical_type: Some(Promised::Integer), ..column("id") };
        let pinned = connector.open(request(&folder.location(), vec![id])).await.unwrap();
        assert_eq!(pinned.rows, Some(0), "{path}");
    }
}
