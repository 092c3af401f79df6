//! `mesh.discovery.ports`.

use std::sync::Arc;

use datafusion::catalog::TableProvider;

use super::Picture;
use super::builder::{TableBuilder, count};
use crate::error::Result;
use crate::product::{DataProduct, LifeStage, OutputPort, Server};
use crate::resolve;

struct Row<'a> {
    product: &'a DataProduct,
    port: &'a OutputPort,
    server: Option<&'a Server>,
}

pub(super) fn table(picture: Picture<'_>) -> Result<Arc<dyn TableProvider>> {
    let now = picture.now;
    let rows: Vec<Row<'_>> = picture
        .mesh
        .products()
        .flat_map(|product| product.ports.iter().map(move |port| (product, port)))
        .map(|(product, port)| Row {
            product,
            port,
            server: resolve::server(picture.engine, &port.contract).map(AsRef::as_ref),
        })
        .collect();
    TableBuilder::new(&rows)
        .text("domain", |row| Some(&row.product.domain))
        .text("product", |row| Some(&row.product.name))
        .text("port", |row| Some(&row.port.name))
        .text("version", |row| Some(row.port.version.to_string()))
        .text("status", |row| Some(row.port.contract.status.to_string()))
        .text("stage", |row| Some(stage(row.port.stage(now))))
        .time("general_availability", |row| row.port.contract.general_availability)
        .time("end_of_support", |row| row.port.contract.end_of_support)
        .time("end_of_life", |row| row.port.contract.end_of_life)
        .text("successor", |row| {
            Some(resolve::successor(row.product, row.port, now)?.version.to_string())
        })
        .number("tables", |row| count(row.port.contract.tables.len()))
        .text("format", |row| row.server?.format.as_ref())
        .text("server", |row| Some(&row.server?.name))
        .text("environment", |row| row.server?.environment.as_ref())
        .text("location", |row| row.server?.location.as_deref().map(without_secrets))
        .text("description", |row| {
            row.port.description.as_ref().or(row.port.contract.description.as_ref())
        })
        .text("allowed_purposes", |row| {
            let purposes = &row.port.contract.allowed_purposes;
            (!purposes.is_empty()).then(|| purposes.join(", "))
        })
        .text("contract", |row| Some(&row.port.contract.id))
        .text("document", |row| Some(&row.port.contract.file))
        .build()
}

fn stage(stage: LifeStage) -> &'static str {
    match stage {
        LifeStage::Unborn => "not yet served",
        LifeStage::Active => "active",
        LifeStage::Deprecated => "deprecated",
        LifeStage::Unsupported => "out of support",
        LifeStage::Ended => "ended",
    }
}

/// A location without what may be a secret: user, password and signature of a URL.
fn without_secrets(location: &str) -> String {
    let Some((scheme, rest)) = location.split_once("://") else { return location.to_owned() };
    let rest = match (scheme, rest.split_once('?')) {
        ("file", _) | (_, None) => rest,
        (_, Some((path, _))) => path,
    };
    let (host, path) = match rest.split_once('/') {
        Some((host, path)) => (host, Some(path)),
        None => (rest, None),
    };
    let host = match host.rsplit_once('@') {
        // Azure puts the container before the host: abfss://container@account.
        Some((user, host)) if !user.contains(':') && scheme.starts_with("abfs") => {
            format!("{user}@{host}")
        }
        Some((_, host)) => host.to_owned(),
        None => host.to_owned(),
    };
    match path {
        Some(path) => format!("{scheme}://{host}/{path}"),
        None => format!("{scheme}://{host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn location_shows_no_secret() {
        for (written, shown) in [
            ("https://u:p@h.example/x?sig=abc", "https://h.example/x"),
            ("s3://bucket/a b/{model}", "s3://bucket/a b/{model}"),
            ("abfss://box@acc.example/x?sv=1", "abfss://box@acc.example/x"),
            ("file:///data/what?.parquet", "file:///data/what?.parquet"),
        ] {
            assert_eq!(without_secrets(written), shown);
        }
    }
}
