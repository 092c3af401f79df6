//! What each port had to read, from the rows of EXPLAIN ANALYZE.

use std::fmt::Write;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::record_batch::RecordBatch;
use samite_engine::Result;
use samite_engine::product::{Mesh, ProductSelector};

use crate::output::{Cell, Column, Drawing, Side, draw as draw_table, quantity, size, visible};

/// A fingerprint needs no more to be told from another.
const SNAPSHOT_LETTERS_MAX: usize = 28;

/// A join's own filter may list every key.
const FILTER_LETTERS_MAX: usize = 240;

/// What one port had to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PortReport {
    table: String,
    version: String,
    snapshot: String,
    files: (u64, u64),
    bytes: (u64, u64),
    rows: u64,
    filters: String,
}

/// The reports among the rows of an analysis; those that cannot be taken apart are left out.
pub(super) fn ports(analysis: &[RecordBatch]) -> Result<Vec<PortReport>> {
    let mut ports = Vec::new();
    for batch in analysis {
        let columns = batch
            .columns()
            .iter()
            .map(|column| cast(column, &DataType::Utf8))
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(datafusion::error::DataFusionError::from)?;
        let [kinds, plans, ..] = columns.as_slice() else { continue };
        let (kinds, plans) = (kinds.as_string::<i32>(), plans.as_string::<i32>());
        ports.extend(
            (0..kinds.len())
                .filter(|row| kinds.value(*row) == "port")
                .filter_map(|row| parse(plans.value(row))),
        );
    }
    Ok(ports)
}

/// Takes `NAME: version V, snapshot S, files A of B, bytes A of B, rows N, filters F` apart.
fn parse(line: &str) -> Option<PortReport> {
    let (table, rest) = line.split_once(": version ")?;
    let (version, rest) = rest.split_once(", snapshot ")?;
    let (snapshot, rest) = rest.split_once(", files ")?;
    let (files, rest) = rest.split_once(", bytes ")?;
    let (bytes, rest) = rest.split_once(", rows ")?;
    let (rows, filters) = rest.split_once(", filters ")?;
    Some(PortReport {
        table: table.to_owned(),
        version: version.to_owned(),
        snapshot: snapshot.to_owned(),
        files: part(files)?,
        bytes: part(bytes)?,
        rows: rows.parse().ok()?,
        filters: filters.to_owned(),
    })
}

fn part(text: &str) -> Option<(u64, u64)> {
    let (part, whole) = text.split_once(" of ")?;
    Some((part.parse().ok()?, whole.parse().ok()?))
}

/// Draws the reports: a table of numbers, and below it the filters, which are long.
pub(super) fn draw(ports: &[PortReport], mesh: &Mesh, drawing: Drawing) -> String {
    let columns = [
        ("port", Side::Left),
        ("format", Side::Left),
        ("snapshot", Side::Left),
        ("files read", Side::Right),
        ("bytes read", Side::Right),
        ("rows", Side::Right),
    ];
    let columns = columns.map(|(name, side)| Column { header: vec![name.to_owned()], side });
    let rows: Vec<Vec<Cell>> = ports
        .iter()
        .map(|port| {
            let (product, format) = product_and_format(port, mesh);
            [
                product,
                format,
                short(&port.snapshot, SNAPSHOT_LETTERS_MAX),
                format!("{} of {}", quantity(port.files.0), quantity(port.files.1)),
                format!("{} of {}", size(port.bytes.0), size(port.bytes.1)),
                quantity(port.rows),
            ]
            .map(|text| Cell::Text(visible(&text)))
            .to_vec()
        })
        .collect();
    let mut text = String::new();
    for line in draw_table(&columns, &rows, drawing) {
        let _ = writeln!(text, "{line}");
    }
    text.push_str("\nThe filters that reached the ports, the joins' own among them:\n");
    for port in ports {
        let (product, _) = product_and_format(port, mesh);
        let _ = writeln!(
            text,
            "\n  {product}\n      {}",
            short(&visible(&port.filters), FILTER_LETTERS_MAX)
        );
    }
    text
}

/// `domain.product@version` and the format of the port's data.
fn product_and_format(port: &PortReport, mesh: &Mesh) -> (String, String) {
    let unknown = || (port.table.clone(), String::new());
    let mut parts = port.table.splitn(2, '.');
    let (Some(domain), Some(rest)) = (parts.next(), parts.next()) else { return unknown() };
    let middle = rest.rsplit_once('.').map_or(rest, |(middle, _)| middle);
    let Ok(selector) = ProductSelector::parse(middle.trim_matches('"')) else { return unknown() };
    let name = format!("{domain}.{}@{}", selector.product, port.version);
    let format = mesh.product(domain, &selector.product).and_then(|product| {
        let port = product.ports.iter().find(|each| each.version.to_string() == port.version)?;
        port.contract.servers.iter().find_map(|server| server.format.clone())
    });
    (name, format.unwrap_or_default())
}

/// A text, cut if it is long.
fn short(text: &str, letters_max: usize) -> String {
    if text.chars().count() <= letters_max {
        return text.to_owned();
    }
    text.chars().take(letters_max - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_of_a_port_is_taken_apart() {
        let line = "media_player.play_events@2.plays: version 2.1.0, snapshot parquet:ab, \
                    files 2 of 12, bytes 900 of 8100, rows 40, filters a = 1 AND b, filters x";
        let report = parse(line).unwrap();
        assert_eq!(report.table, "media_player.play_events@2.plays");
        assert_eq!((report.files, report.bytes, report.rows), ((2, 12), (900, 8100), 40));
        assert_eq!(report.filters, "a = 1 AND b, filters x");
        assert_eq!(parse("something else"), None);
        let (name, _) = product_and_format(&report, &Mesh::default());
        assert_eq!(name, "media_player.play_events@2.1.0");
    }
}
