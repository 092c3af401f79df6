//! `samite products`: the data products of a mesh.

use std::sync::Arc;

use clap::Args;
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use samite_engine::product::{DataProduct, Status};

use super::failure::Failure;
use super::places::MeshPlace;
use super::terminal;
use crate::config::Environment;
use crate::output::{Format, Target, begin};

/// Arguments of `samite products`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: MeshPlace,
    /// Only products with this word in name, description, tags, owner, tables or columns
    #[arg(long, value_name = "WORD")]
    search: Option<String>,
}

/// Prints one line for each product.
pub(crate) async fn run(arguments: Arguments, environment: Environment) -> Result<(), Failure> {
    let table = terminal::table_options(&environment);
    let configuration = arguments.place.configuration(environment)?;
    let mesh = arguments.place.open_to_look(configuration).await?;
    let picture = mesh.picture();
    let word = arguments.search.map(|word| word.to_lowercase());
    let found: Vec<&Arc<DataProduct>> = picture
        .products()
        .filter(|product| word.as_ref().is_none_or(|word| mentions(product, word)))
        .collect();
    let batch = batch(&found).map_err(|error| {
        samite_engine::Error::from(datafusion::error::DataFusionError::from(error))
    })?;
    let target = Target::stdout();
    let closed = target.closed();
    let mut output = begin(Format::Table, batch.schema(), target, table)?;
    output
        .write(&batch)
        .and_then(|()| output.finish())
        .map_err(|error| if closed.is_closed() { Failure::Closed } else { Failure::Failed(error) })
}

fn batch(products: &[&Arc<DataProduct>]) -> datafusion::arrow::error::Result<RecordBatch> {
    let column = |text: &dyn Fn(&DataProduct) -> Option<String>| -> ArrayRef {
        Arc::new(products.iter().map(|product| text(product)).collect::<StringArray>())
    };
    RecordBatch::try_from_iter([
        ("product", column(&|product| Some(format!("{}.{}", product.domain, product.name)))),
        ("versions", column(&|product| Some(versions(product)))),
        ("status", column(&|product| Some(product.status.to_string()))),
        ("owner", column(&|product| product.owner.team.clone())),
        ("description", column(&|product| product.description.clone())),
    ])
}

fn versions(product: &DataProduct) -> String {
    let versions = product.ports.iter().map(|port| {
        let is_deprecated = port.is_deprecated || port.contract.status == Status::Deprecated;
        format!("{}{}", port.version, if is_deprecated { " (deprecated)" } else { "" })
    });
    versions.collect::<Vec<_>>().join(", ")
}

fn mentions(product: &DataProduct, word: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(word);
    let may_have = |text: &Option<String>| text.as_deref().is_some_and(has);
    has(&format!("{}.{}", product.domain, product.name))
        || may_have(&product.description)
        || may_have(&product.owner.team)
        || product.tags.iter().any(|tag| has(tag))
        || product.ports.iter().any(|port| {
            may_have(&port.description)
                || port.contract.tables.iter().any(|table| {
                    has(&table.name)
                        || may_have(&table.description)
                        || table
                            .columns
                            .iter()
                            .any(|column| has(&column.name) || may_have(&column.description))
                })
        })
}
