//! The official JSON Schemas, as the PyPI packages of the standards ship them, as a judge.
//!
//! | documents | schema |
//! | --- | --- |
//! | ODCS v3.2.0 | `datacontract/schemas/odcs-3.2.0.schema.json` of datacontract-cli |
//! | ODCS v3.0.0 to v3.1.0 | `datacontract/schemas/odcs-3.1.0.schema.json` of datacontract-cli |
//! | ODPS v1.1.0 | `dataproduct/schemas/odps-1.1.0.schema.json` of dataproduct-cli |
//! | ODPS v0.9.0, v1.0.0 | `dataproduct/schemas/odps-1.0.0.schema.json` of dataproduct-cli |
//!
//! `open_data_contract_standard/schema.json` of open-data-contract-standard is another text of ODCS
//! v3.2.0. A test holds it to the places in which the two are known to differ.

use std::path::{Path, PathBuf};
use std::process::Command;

use jsonschema::Validator;
use samite_catalog_bridge::documents::Kind;
use serde_json::Value;

/// The versions that are held against the newer schemas.
const NEWER: [&str; 2] = ["v3.2.0", "v1.1.0"];

/// The schemas of both editions of both standards.
pub(crate) struct Judge {
    contracts: [Validator; 2],
    products: [Validator; 2],
}

impl Judge {
    /// The schemas of the packages.
    pub(crate) fn of_packages(site: &Path) -> Self {
        let schema = |file: &str| validator(&read_json(&site.join(file)));
        Self {
            contracts: [
                schema("datacontract/schemas/odcs-3.1.0.schema.json"),
                schema("datacontract/schemas/odcs-3.2.0.schema.json"),
            ],
            products: [
                schema("dataproduct/schemas/odps-1.0.0.schema.json"),
                schema("dataproduct/schemas/odps-1.1.0.schema.json"),
            ],
        }
    }

    /// The schemas beside the suite of official documents.
    pub(crate) fn of_suite(suite: &Path) -> Self {
        let schema =
            |name: &str| validator(&read_json(&suite.join(format!("schemas/{name}.schema.json"))));
        Self {
            contracts: [schema("odcs-3.1.0"), schema("odcs-3.2.0")],
            products: [schema("odps-1.0.0"), schema("odps-1.1.0")],
        }
    }

    /// True if the standard accepts a document. ODCS v2.2, which the schemas still list, has
    /// another structure and is refused by its version.
    pub(crate) fn accepts(&self, kind: Kind, document: &Value) -> bool {
        let version = document.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        let edition = usize::from(NEWER.contains(&version));
        let schema = match kind {
            Kind::Contract => &self.contracts[edition],
            Kind::Product => &self.products[edition],
        };
        !version.starts_with("v2.") && schema.is_valid(document)
    }

    /// What the standard has against a document.
    pub(crate) fn reasons(&self, kind: Kind, document: &Value) -> Vec<String> {
        let version = document.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        let edition = usize::from(NEWER.contains(&version));
        let schema = match kind {
            Kind::Contract => &self.contracts[edition],
            Kind::Product => &self.products[edition],
        };
        let reason =
            |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
        schema.iter_errors(document).map(reason).take(5).collect()
    }
}

fn validator(schema: &Value) -> Validator {
    jsonschema::draft201909::options()
        .should_validate_formats(false)
        .build(schema)
        .expect("a schema")
}

pub(crate) fn read_json(file: &Path) -> Value {
    let text = std::fs::read_to_string(file)
        .unwrap_or_else(|error| panic!("{} cannot be read: {error}", file.display()));
    serde_json::from_str(&text).expect("JSON")
}

/// The folder that has the packages.
pub(crate) fn site_packages() -> PathBuf {
    let python = samite_tests::python().expect(
        "no Python with the packages of tests/requirements.txt: start tests/run, which makes one",
    );
    let output = Command::new(&python)
        .args(["-c", "import sysconfig; print(sysconfig.get_path('purelib'), end='')"])
        .output()
        .expect("Python starts");
    let site = PathBuf::from(String::from_utf8(output.stdout).expect("a path"));
    for package in ["datacontract", "dataproduct", "open_data_contract_standard"] {
        assert!(
            site.join(package).is_dir(),
            "{} has no package {package}: start tests/run, which installs it",
            python.display()
        );
    }
    site
}
