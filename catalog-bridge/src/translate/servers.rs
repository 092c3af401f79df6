//! `servers[]` of a contract: where the data lies.
//!
//! A server that Samite cannot read is no fault of the contract: it stays, and says why.

use samite_engine::product::{Moment, Server};

use super::extensions::{self, Part};
use super::location::{absolute, in_mesh};
use super::variables::expand;
use super::{Surroundings, dates};
use crate::documents::{Edition, Node};
use crate::problems::Finding;
use crate::redact::without_secrets;

/// The formats that a connector reads.
const FORMATS: [&str; 3] = ["parquet", "delta", "iceberg"];

/// The format of a server whose tables are made by queries over other products.
const SQL_VIEW: &str = "sql-view";

/// Where a location of each type of server may begin.
const AZURE_SCHEMES: [&str; 7] =
    ["az://", "azure://", "abfs://", "abfss://", "adl://", "wasb://", "wasbs://"];
const WEB_SCHEMES: [&str; 2] = ["https://", "http://"];

/// Reads one server.
pub(crate) fn server(
    node: &Node,
    path: &str,
    surroundings: Surroundings<'_>,
    edition: Edition,
    findings: &mut Vec<Finding>,
) -> Server {
    let mut reader = Reader { node, surroundings, unreadable: None };
    let mut server = Server {
        name: reader.text("server").unwrap_or_default(),
        kind: reader.text("type").unwrap_or_default(),
        environment: reader.text("environment"),
        format: reader.text("format").map(|format| format.to_ascii_lowercase()),
        endpoint: reader.text("endpointUrl"),
        line: node.line,
        ..Server::default()
    };
    match server.kind == "custom" && server.format.as_deref() == Some(SQL_VIEW) {
        true => server.sql_file = reader.sql_file(),
        false => server.location = reader.location(&server),
    }
    reader.extensions(&mut server, edition);
    let audit = extensions::audit(node, path, Part::Server, edition);
    let is_readable = reader.unreadable.is_none();
    findings.extend(audit.into_iter().filter(|finding| finding.is_error() || is_readable));
    server.unreadable = reader.unreadable;
    server
}

struct Reader<'a> {
    node: &'a Node,
    surroundings: Surroundings<'a>,
    unreadable: Option<String>,
}

impl Reader<'_> {
    /// The first reason is the one that is told.
    fn refuse(&mut self, why: String) {
        self.unreadable.get_or_insert(why);
    }

    /// The text of a key with its variables expanded.
    fn text(&mut self, key: &str) -> Option<String> {
        let text = self.node.text_of(key)?;
        match expand(text, self.surroundings.variables) {
            Ok(text) => Some(text),
            Err(unset) => {
                self.refuse(format!("variable \"{}\" of {key} is not set", unset.0));
                None
            }
        }
    }

    fn location(&mut self, server: &Server) -> Option<String> {
        match server.kind.as_str() {
            "local" => {
                self.expect_format(server);
                self.local_path()
            }
            "s3" => {
                self.expect_format(server);
                self.remote(&["s3://", "s3a://"])
            }
            "azure" => {
                self.expect_format(server);
                let schemes: Vec<&str> =
                    AZURE_SCHEMES.iter().chain(&WEB_SCHEMES).copied().collect();
                self.remote(&schemes)
            }
            "custom" => {
                self.expect_format(server);
                self.custom(server)
            }
            "iceberg" => {
                self.refuse("an Iceberg REST catalog is not supported yet".to_owned());
                None
            }
            kind => {
                self.refuse(format!("server type \"{kind}\" is not supported yet"));
                None
            }
        }
    }

    /// The file of a virtual table, relative to the mesh: it is read with the documents.
    fn sql_file(&mut self) -> Option<String> {
        let Some(path) = self.text("path") else {
            self.refuse("a server of format sql-view has no path".to_owned());
            return None;
        };
        let is_inside = !path.starts_with('/') && !path.contains("://");
        let file = in_mesh(self.surroundings.folder(), &path).filter(|_| is_inside);
        let Some(file) = file else {
            let shown = without_secrets(&path);
            self.refuse(format!("path \"{shown}\" of a sql-view leads out of the mesh"));
            return None;
        };
        if !file.ends_with(".sql") || file.split('/').any(|part| part.starts_with('.')) {
            self.refuse(format!(
                "path \"{path}\" of a sql-view does not end in .sql, or is hidden"
            ));
            return None;
        }
        Some(file)
    }

    fn expect_format(&mut self, server: &Server) {
        let mut expected = FORMATS.join(", ");
        if server.kind == "custom" {
            expected = format!("{expected}, {SQL_VIEW}");
        }
        match server.format.as_deref() {
            Some(format) if FORMATS.contains(&format) => {}
            Some(format) => self.refuse(format!(
                "format \"{format}\" is not supported yet: expected one of {expected}"
            )),
            None => self.refuse(format!("the server has no format: expected one of {expected}")),
        }
    }

    fn local_path(&mut self) -> Option<String> {
        let path = self.text("path")?;
        if path.trim().is_empty() {
            self.refuse("path is empty".to_owned());
            return None;
        }
        if path.split_once("://").is_some_and(|(scheme, _)| scheme != "file") {
            let shown = without_secrets(&path);
            self.refuse(format!("path \"{shown}\" of a local server is no path of a file"));
            return None;
        }
        let place = absolute(self.surroundings.root, self.surroundings.folder(), &path);
        if place.is_none() {
            let shown = without_secrets(&path);
            self.refuse(format!("path \"{shown}\" leads out of the store of the mesh"));
        }
        place
    }

    fn remote(&mut self, schemes: &[&str]) -> Option<String> {
        let location = self.text("location")?;
        if schemes.iter().any(|scheme| location.starts_with(scheme)) {
            return Some(match location.strip_prefix("s3a://") {
                Some(rest) => format!("s3://{rest}"),
                None => location,
            });
        }
        let schemes = schemes.join(", ");
        let shown = without_secrets(&location);
        self.refuse(format!("location \"{shown}\" does not begin with one of {schemes}"));
        None
    }

    /// Google's stores and plain web servers have no type of their own in the standard.
    fn custom(&mut self, server: &Server) -> Option<String> {
        if self.unreadable.is_some() {
            return None;
        }
        if self.node.get("location").is_none() {
            let name = &server.name;
            self.refuse(format!("custom server \"{name}\" has no location"));
            return None;
        }
        self.remote(&["gs://", "https://", "http://"])
    }

    fn extensions(&mut self, server: &mut Server, edition: Edition) {
        if let Some(value) = extensions::value(self.node, "credentialRef", edition) {
            match value.text().map(|text| expand(text, self.surroundings.variables)) {
                Some(Ok(name)) => server.credential_ref = Some(name),
                Some(Err(unset)) => {
                    self.refuse(format!("variable \"{}\" of credentialRef is not set", unset.0));
                }
                None => self.refuse("credentialRef is not the name of a credential".to_owned()),
            }
        }
        server.is_hive_partitioned = extensions::value(self.node, "partitioning", edition)
            .is_some_and(|value| value.text() == Some("hive"));
        if let Some(value) = extensions::value(self.node, "snapshot", edition) {
            match moment(value) {
                Some(moment) => server.moment = moment,
                None => self.refuse(
                    "snapshot is not one of version, snapshotId, ref and timestamp".to_owned(),
                ),
            }
        }
    }
}

/// `{version}`, `{snapshotId}`, `{ref}` or `{timestamp}`: exactly one.
fn moment(value: &Node) -> Option<Moment> {
    let [entry] = value.entries() else { return None };
    let whole = || i64::try_from(entry.node.whole()?).ok();
    match entry.key.as_str() {
        "version" => whole().filter(|version| *version >= 0).map(Moment::Version),
        // Snapshot ids have up to 19 digits, so some writers quote them.
        "snapshotId" => whole().or_else(|| entry.node.text()?.parse().ok()).map(Moment::Version),
        "ref" => entry
            .node
            .text()
            .filter(|name| !name.is_empty())
            .map(|name| Moment::Reference(name.to_owned())),
        "timestamp" => dates::instant(entry.node.text()?).map(Moment::Timestamp),
        _ => None,
    }
}
