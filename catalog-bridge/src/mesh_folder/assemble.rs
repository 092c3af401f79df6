//! Puts documents together: each port finds its contract, each name is had once.
//!
//! What does not fit becomes a problem and stays out; everything else is served.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use samite_engine::product::{Contract, DataProduct, Domain, Mesh, OutputPort, Problem, Status};

use super::folder::Unlisted;
use super::listing::Outline;
use super::queries::KnownQueries;
use super::reading::{Content, ReadDocument};
use crate::problems::{Finding, Subject};
use crate::translate::{ContractDraft, Name, PortDraft, ProductDraft, name_of};

/// Makes the picture of a mesh out of its documents, in the order of their files.
pub(super) fn assemble<'a>(
    outline: &Outline,
    documents: impl Iterator<Item = &'a Arc<ReadDocument>>,
    queries: &KnownQueries,
) -> Mesh {
    let mut assembly = Assembly::default();
    assembly.domains(outline);
    let mut drafts: Vec<(&ReadDocument, &ProductDraft)> = Vec::new();
    for document in documents {
        assembly.problems.extend(document.problems.iter().cloned());
        match &document.content {
            Content::Product(Some(draft)) => drafts.push((document.as_ref(), draft.as_ref())),
            Content::Product(None) | Content::Contract { id: None, .. } => {}
            Content::Contract { id: Some(id), draft } => {
                let claims = assembly.contracts.entry(id.as_str()).or_default();
                claims.push((document.as_ref(), draft.as_ref()));
                if let Some(draft) = draft {
                    assembly.fill(document, draft, queries);
                }
            }
        }
    }
    assembly.contracts_are_unique();
    assembly.name_contract_problems(&drafts);
    let mut names: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (document, draft) in &drafts {
        names.entry((&draft.domain, &draft.name)).or_default().push(&document.file);
    }
    for (document, draft) in drafts {
        let files = names.get(&(draft.domain.as_str(), draft.name.as_str()));
        let other = files.and_then(|files| files.iter().find(|file| **file != document.file));
        match other {
            Some(other) => assembly.name_is_taken(document, draft, other),
            None => assembly.product(document, draft),
        }
    }
    assembly.finish()
}

type Claim<'a> = (&'a ReadDocument, Option<&'a ContractDraft>);

#[derive(Default)]
struct Assembly<'a> {
    domains: BTreeMap<String, Domain>,
    /// Names of folders that cannot be names of domains.
    refused_domains: BTreeSet<String>,
    contracts: BTreeMap<&'a str, Vec<Claim<'a>>>,
    /// The contracts with the queries of their virtual tables, by file.
    filled: BTreeMap<&'a str, Arc<Contract>>,
    problems: Vec<Problem>,
}

impl<'a> Assembly<'a> {
    fn domains(&mut self, outline: &Outline) {
        for name in &outline.domains {
            let subject = Subject {
                file: format!("domains/{name}"),
                domain: Some(name.clone()),
                product: None,
            };
            let finding = match name_of("domain", name) {
                Name::Plain => None,
                Name::Quoted(message) => Some(Finding::warning(1, "", message)),
                Name::Refused(message) => {
                    self.refused_domains.insert(name.clone());
                    Some(Finding::error(1, "", message))
                }
            };
            let finding = finding.map(|finding| {
                finding.with_hint("expected small letters, digits and single underscores")
            });
            if let Some(finding) = finding {
                self.problems.push(Finding { line: None, ..finding }.into_problem(&subject));
            }
            if !self.refused_domains.contains(name) {
                self.domains
                    .insert(name.clone(), Domain { name: name.clone(), ..Domain::default() });
            }
        }
        for (folder, why) in &outline.unlisted {
            let mut parts = folder.split('/');
            let is_domain = parts.next() == Some("domains");
            let domain = parts.next().filter(|_| is_domain).map(str::to_owned);
            let subject = Subject { file: folder.clone(), domain, product: None };
            let (message, hint) = told(*why);
            let finding = Finding::error(1, "", message).with_hint(hint);
            self.problems.push(Finding { line: None, ..finding }.into_problem(&subject));
        }
        for (file, hint) in &outline.misplaced {
            let subject = Subject { file: file.clone(), ..Subject::default() };
            let finding = Finding::warning(1, "", "the document is not read").with_hint(*hint);
            self.problems.push(Finding { line: None, ..finding }.into_problem(&subject));
        }
    }

    /// Gives a contract the queries that it names.
    fn fill(&mut self, document: &'a ReadDocument, draft: &ContractDraft, queries: &KnownQueries) {
        let mut findings = Vec::new();
        let contract = queries.filled(&draft.contract, &mut findings);
        self.filled.insert(&document.file, contract);
        let (file, domain) = (document.file.clone(), Some(document.domain.clone()));
        let subject = Subject { file, domain, product: None };
        self.problems.extend(findings.into_iter().map(|finding| finding.into_problem(&subject)));
    }

    /// Two documents with one id: no port can tell which one it means.
    fn contracts_are_unique(&mut self) {
        for (id, claims) in &self.contracts {
            for (document, draft) in claims {
                let Some(other) = other_file(claims, document) else { continue };
                let subject = Subject {
                    file: document.file.clone(),
                    domain: Some(document.domain.clone()),
                    product: None,
                };
                let line = draft.map_or(1, |draft| draft.id_line);
                let message = format!("contract id \"{id}\" is also in {other}");
                let finding = Finding::error(line, "id", message)
                    .with_hint("give each contract an id of its own");
                self.problems.push(finding.into_problem(&subject));
            }
        }
    }

    /// Problems of contracts learn the product that names the contract.
    fn name_contract_problems(&mut self, drafts: &[(&ReadDocument, &ProductDraft)]) {
        let mut products: BTreeMap<&str, &str> = BTreeMap::new();
        for (_, draft) in drafts {
            for port in &draft.ports {
                for (document, _) in
                    self.contracts.get(port.contract_id.as_str()).into_iter().flatten()
                {
                    products.entry(&document.file).or_insert(&draft.name);
                }
            }
        }
        for problem in &mut self.problems {
            if problem.product.is_none() {
                problem.product =
                    products.get(problem.file.as_str()).map(|name| (*name).to_owned());
            }
        }
    }

    fn name_is_taken(&mut self, document: &ReadDocument, draft: &ProductDraft, other: &str) {
        let message = format!("product \"{}.{}\" is also in {other}", draft.domain, draft.name);
        let finding = Finding::error(draft.line, "name", message)
            .with_hint("give each product of a domain a name of its own");
        self.problems.push(finding.into_problem(&subject_of(document, draft)));
    }

    fn product(&mut self, document: &ReadDocument, draft: &ProductDraft) {
        let subject = subject_of(document, draft);
        let mut ports: Vec<OutputPort> = Vec::new();
        for port in &draft.ports {
            match self.port(draft, port) {
                Ok((port, warnings)) => {
                    self.problems
                        .extend(warnings.into_iter().map(|warning| warning.into_problem(&subject)));
                    ports.push(port);
                }
                Err(finding) => self.problems.push(finding.into_problem(&subject)),
            }
        }
        self.ports_are_unique(draft, &mut ports, &subject);
        let promised_none = draft.ports.is_empty() && !draft.has_broken_port;
        if ports.is_empty() && !promised_none {
            return;
        }
        let Some(domain) = self.domains.get_mut(&draft.domain) else { return };
        let product = DataProduct {
            domain: draft.domain.clone(),
            name: draft.name.clone(),
            id: draft.id.clone(),
            version: draft.version.clone(),
            status: draft.status.clone().unwrap_or(Status::Active),
            archetype: draft.archetype.clone(),
            description: draft.description.clone(),
            owner: draft.owner.clone(),
            tags: draft.tags.clone(),
            file: document.file.clone(),
            input_contracts: draft.input_contracts.clone(),
            ports,
        };
        domain.products.insert(draft.name.clone(), Arc::new(product));
    }

    /// A port with its contract and what is odd about it, or why it is not served.
    fn port(
        &self,
        product: &ProductDraft,
        port: &PortDraft,
    ) -> Result<(OutputPort, Vec<Finding>), Finding> {
        let id = &port.contract_id;
        let error = |message: String, hint: &str| {
            let path = format!("{}.contractId", port.path);
            Finding::error(port.contract_line, path, message).with_hint(hint)
        };
        let claims = self.contracts.get(id.as_str()).map(Vec::as_slice).unwrap_or_default();
        let (document, draft) = match claims {
            [] => {
                return Err(error(
                    format!("there is no contract \"{id}\" in the mesh"),
                    "expected the id of an *.odcs.yaml file",
                ));
            }
            [(document, None)] => {
                let message = format!("contract \"{id}\" is not served: see {}", document.file);
                return Err(error(message, "mend the contract"));
            }
            [(document, Some(draft))] => (document, draft),
            several => {
                let files: Vec<_> =
                    several.iter().map(|(document, _)| document.file.as_str()).collect();
                let message = format!("contract id \"{id}\" is in {}", files.join(" and "));
                return Err(error(message, "give each contract an id of its own"));
            }
        };
        let mut warnings = Vec::new();
        let filled = self.filled.get(document.file.as_str()).unwrap_or(&draft.contract);
        let contract = with_status(product, port, (draft, filled), &mut warnings);
        let version = port.version.unwrap_or(contract.version);
        if (version.major, version.minor) != (contract.version.major, contract.version.minor) {
            let message =
                format!("the port has version {version}, its contract {}", contract.version);
            warnings.push(
                Finding::warning(port.line, format!("{}.version", port.path), message)
                    .with_hint("SQL uses the version of the port"),
            );
        }
        let port = OutputPort {
            name: port.name.clone(),
            version,
            description: port.description.clone(),
            is_deprecated: port.is_deprecated,
            kind: port.kind.clone(),
            input_contracts: port.input_contracts.clone(),
            contract,
        };
        Ok((port, warnings))
    }

    /// Ports with one name and one version cannot be told apart: none of them is served.
    fn ports_are_unique(
        &mut self,
        draft: &ProductDraft,
        ports: &mut Vec<OutputPort>,
        subject: &Subject,
    ) {
        let mut counts = BTreeMap::new();
        for port in ports.iter() {
            *counts.entry((port.name.clone(), port.version)).or_insert(0_u32) += 1;
        }
        counts.retain(|_, count| *count > 1);
        for (name, version) in counts.keys() {
            let place = draft.ports.iter().rfind(|port| port.name == *name);
            let (line, path) = place.map_or((draft.line, ""), |port| (port.line, &port.path));
            let message = format!("port \"{name}\" has version {version} twice");
            let finding = Finding::error(line, path, message)
                .with_hint("give each version of a port one entry");
            self.problems.push(finding.into_problem(subject));
        }
        ports.retain(|port| !counts.contains_key(&(port.name.clone(), port.version)));
    }

    fn finish(mut self) -> Mesh {
        self.problems
            .sort_by(|left, right| (&left.file, left.line).cmp(&(&right.file, right.line)));
        Mesh { domains: self.domains, problems: self.problems, ..Mesh::default() }
    }
}

/// What is wrong with a folder that is not listed, and what to do.
fn told(why: Unlisted) -> (String, &'static str) {
    match why {
        Unlisted::Refused | Unlisted::Circle | Unlisted::Beyond => (
            "the folder cannot be listed".to_owned(),
            "check that it may be read and that it is no link out of the mesh or in a circle",
        ),
        Unlisted::Slow => (
            "the folder was not listed in time".to_owned(),
            "what was known of it is served; check its store, and move data files out of it",
        ),
    }
}

fn subject_of(document: &ReadDocument, draft: &ProductDraft) -> Subject {
    Subject {
        file: document.file.clone(),
        domain: Some(draft.domain.clone()),
        product: Some(draft.name.clone()),
    }
}

fn other_file<'a>(claims: &[Claim<'a>], document: &ReadDocument) -> Option<&'a str> {
    claims.iter().map(|(other, _)| other.file.as_str()).find(|file| *file != document.file)
}

/// A contract without a status has that of the product; without either it counts as active.
fn with_status(
    product: &ProductDraft,
    port: &PortDraft,
    (draft, contract): (&ContractDraft, &Arc<Contract>),
    warnings: &mut Vec<Finding>,
) -> Arc<Contract> {
    if draft.has_status {
        return Arc::clone(contract);
    }
    let Some(status) = &product.status else {
        let message =
            format!("neither contract \"{}\" nor the product has a status", port.contract_id);
        warnings.push(
            Finding::warning(port.contract_line, format!("{}.contractId", port.path), message)
                .with_hint("it counts as active; write status: active"),
        );
        return Arc::clone(contract);
    };
    if contract.status == *status {
        return Arc::clone(contract);
    }
    Arc::new(Contract { status: status.clone(), ..Contract::clone(contract) })
}
