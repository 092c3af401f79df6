//! The queries of virtual products: files of SQL that contracts name, read with the documents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use samite_engine::product::{Contract, Server, Table, View};

use super::MeshPlace;
use super::known_files::KnownFiles;
use super::listing::{ListedFile, Listing};
use super::reading::{Content, ReadDocument};
use crate::problems::Finding;

/// Bytes of a query at most: as many as a statement may have.
const QUERY_BYTES_MAX: usize = 256 << 10;

/// The queries that contracts name, as they were read last.
#[derive(Debug, Default)]
pub(super) struct KnownQueries(KnownFiles);

impl KnownQueries {
    /// Reads what is new or changed of what the documents name; true if anything was.
    pub(super) async fn update<'a>(
        &mut self,
        place: &MeshPlace,
        listing: &Listing,
        documents: impl Iterator<Item = &'a Arc<ReadDocument>>,
    ) -> bool {
        let named: BTreeSet<String> = documents.flat_map(|document| named(document)).collect();
        let is_named = |(file, _): &(&String, &ListedFile)| named.contains(*file);
        let wanted: BTreeMap<String, ListedFile> = listing
            .queries
            .iter()
            .filter(is_named)
            .map(|(file, listed)| (file.clone(), listed.clone()))
            .collect();
        self.0.update(place, &wanted, &listing.outline).await
    }

    /// The contract with the queries of its tables; what is wrong with one of them stands in `findings`.
    pub(super) fn filled(
        &self,
        contract: &Arc<Contract>,
        findings: &mut Vec<Finding>,
    ) -> Arc<Contract> {
        if !contract.servers.iter().any(|server| server.is_virtual()) {
            return Arc::clone(contract);
        }
        let mut filled = contract.as_ref().clone();
        for (index, server) in filled.servers.iter_mut().enumerate() {
            if server.is_virtual() && server.unreadable.is_none() {
                let path = format!("servers[{index}].path");
                *server = Arc::new(self.server(server, &contract.tables, &path, findings));
            }
        }
        Arc::new(filled)
    }

    fn server(
        &self,
        server: &Server,
        tables: &[Arc<Table>],
        path: &str,
        findings: &mut Vec<Finding>,
    ) -> Server {
        let mut filled = server.clone();
        for table in tables {
            let Some(file) = file_of(server, table) else { continue };
            match self.query(&file) {
                Ok(sql) => {
                    let view = Arc::new(View { file, sql });
                    filled.views.insert(table.source_name().to_owned(), view);
                }
                Err(why) => {
                    let message = format!("the query in {file} {why}");
                    findings.push(
                        Finding::error(server.line, path, &message)
                            .with_hint("the path is relative to the folder of the contract"),
                    );
                    filled.unreadable.get_or_insert(message);
                }
            }
        }
        filled
    }

    fn query(&self, file: &str) -> Result<String, String> {
        let Some(bytes) = self.0.get(file) else { return Err("is not there".to_owned()) };
        let Some(bytes) = bytes.filter(|bytes| bytes.len() <= QUERY_BYTES_MAX) else {
            return Err(format!("cannot be read, or has more than {} KiB", QUERY_BYTES_MAX / 1024));
        };
        let text = std::str::from_utf8(bytes);
        text.map(str::to_owned).map_err(|_| "is not text in UTF-8".to_owned())
    }
}

/// The files that a document names.
fn named(document: &ReadDocument) -> Vec<String> {
    let Content::Contract { draft: Some(draft), .. } = &document.content else {
        return Vec::new();
    };
    let contract = &draft.contract;
    let of_server = |server: &Arc<Server>| {
        let files = contract.tables.iter().filter_map(|table| file_of(server, table));
        files.collect::<Vec<_>>()
    };
    contract.servers.iter().flat_map(of_server).collect()
}

/// The file with the query of one table.
fn file_of(server: &Server, table: &Table) -> Option<String> {
    Some(server.sql_file.as_ref()?.replace("{model}", table.source_name()))
}
