//! The files of policies of a mesh become what decides.
//!
//! ```text
//! mesh/policies/*.cedar          all domains; broken: the last good ones, else all is denied
//! domains/<d>/policies/*.cedar   one domain; broken: the last good ones, else it is denied
//! mesh/agreements/*.oaas.yaml    permits for the products of a domain; broken: no permit
//! ```
//!
//! A layer is taken as a whole: one broken file of it keeps all of it at its last good state. The
//! loader remembers that state, so that there is one loader for as long as a mesh is served.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use samite_engine::product::{Mesh, Problem};

use super::evaluate::{DomainPolicies, Policies};
use super::file::{self, Place, Rule, Surroundings};
use super::layer::Layer;
use super::schema::RowTypes;
use super::source::Source;
use super::vocabulary::Vocabulary;
use super::{agreement, policy_place, short_values};
use crate::problems::{Finding, Subject};

/// The stack of the thread that reads policies: how deep they are is known only afterwards.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// A file of policies, or an agreement.
#[derive(Debug, Clone)]
pub(crate) struct PolicyFile {
    /// The file, relative to the mesh.
    pub(crate) file: String,
    /// What is in it; `None` if it cannot be read.
    pub(crate) bytes: Option<Bytes>,
}

/// Reads policies again and again, and knows those that were good.
#[derive(Debug, Clone, Default)]
pub(crate) struct PolicyLoader {
    mesh: Option<Vec<Arc<Rule>>>,
    domains: BTreeMap<String, Vec<Arc<Rule>>>,
}

impl PolicyLoader {
    /// Reads all policies, on a thread of its own. `files` are all that the mesh has.
    pub(crate) async fn load(
        self,
        mesh: Arc<Mesh>,
        files: Vec<PolicyFile>,
    ) -> std::io::Result<(Self, Policies, Vec<Problem>)> {
        let (sender, loaded) = tokio::sync::oneshot::channel();
        let work = move || {
            let mut loader = self;
            let (policies, problems) = loader.load_here(&mesh, &files);
            // So that whoever waits need not copy it.
            drop(mesh);
            // Nobody waits any more if this took too long.
            let _ = sender.send((loader, policies, problems));
        };
        let thread = std::thread::Builder::new().name("samite-policies".to_owned());
        thread.stack_size(STACK_BYTES).spawn(work)?;
        loaded.await.map_err(std::io::Error::other)
    }

    /// Reads all policies.
    pub(crate) fn load_here(
        &mut self,
        mesh: &Mesh,
        files: &[PolicyFile],
    ) -> (Policies, Vec<Problem>) {
        let is_open = !files.iter().any(|file| policy_place(&file.file).is_policy());
        if is_open {
            *self = Self::default();
            return (Policies::open(), Vec::new());
        }
        let vocabulary = match Vocabulary::new() {
            Ok(vocabulary) => Arc::new(vocabulary),
            Err(error) => {
                let message = format!("the words of policies cannot be read: {error}");
                let finding = Finding::error(1, "", message);
                return (Policies::closed(), vec![finding.into_problem(&Subject::default())]);
            }
        };
        let (rows, problems) = RowTypes::new(mesh);
        let surroundings = Surroundings::new(rows, mesh);
        let mut sorted = Sorted { problems, ..Sorted::default() };
        sorted.sort(files, mesh, &surroundings);
        let global = self.global(&mut sorted);
        if global.is_some() {
            let rules = self.mesh.as_deref().unwrap_or_default();
            let words = (&*vocabulary, &surroundings.rows);
            for (file, finding) in short_values::findings(rules, mesh, words) {
                sorted.add(&file, None, vec![finding]);
            }
        }
        let mut domains = BTreeMap::new();
        for domain in mesh.domains.keys() {
            let layer = self.domain(domain, &mut sorted);
            let row_types = surroundings.rows.of_domain(domain);
            domains.insert(domain.clone(), DomainPolicies::new(layer, row_types));
        }
        // Of a domain that is not there now, the good ones are kept.
        let agreed = sorted.agreed;
        (Policies::governed(vocabulary, global, (domains, agreed)), sorted.problems)
    }

    fn global(&mut self, sorted: &mut Sorted) -> Option<Arc<Layer>> {
        let found = std::mem::take(&mut sorted.mesh);
        if found.closes {
            return None;
        }
        if let Some(rules) = found.rules {
            self.mesh = Some(rules);
        } else {
            let file = found.broken.unwrap_or_default();
            sorted.told(&file, None, self.mesh.is_some());
        }
        sorted.layer(self.mesh.as_deref()?, None)
    }

    fn domain(&mut self, domain: &str, sorted: &mut Sorted) -> Option<Arc<Layer>> {
        let found = sorted.domains.remove(domain).unwrap_or_default();
        if found.closes {
            return None;
        }
        if let Some(rules) = found.rules {
            self.domains.insert(domain.to_owned(), rules);
        } else {
            let file = found.broken.unwrap_or_default();
            sorted.told(&file, Some(domain), self.domains.contains_key(domain));
        }
        let mut rules = self.domains.get(domain)?.clone();
        rules.extend(sorted.agreements.remove(domain).unwrap_or_default());
        sorted.layer(&rules, Some(domain))
    }
}

/// What the files of one layer hold.
#[derive(Debug)]
struct Found {
    /// The policies; `None` if a file is broken.
    rules: Option<Vec<Arc<Rule>>>,
    /// The ids of the policies.
    ids: BTreeSet<String>,
    /// The first file that is broken.
    broken: Option<String>,
    /// True if a policy lies where it is not read, so that nothing may be permitted.
    closes: bool,
}

impl Default for Found {
    fn default() -> Self {
        Self { rules: Some(Vec::new()), ids: BTreeSet::new(), broken: None, closes: false }
    }
}

/// The files of a mesh, read and sorted by layer.
#[derive(Debug, Default)]
struct Sorted {
    mesh: Found,
    domains: BTreeMap<String, Found>,
    agreements: BTreeMap<String, Vec<Arc<Rule>>>,
    agreement_ids: BTreeSet<String>,
    /// What products may read others for.
    agreed: Vec<agreement::Agreed>,
    problems: Vec<Problem>,
}

impl Sorted {
    fn sort(&mut self, files: &[PolicyFile], mesh: &Mesh, surroundings: &Surroundings) {
        for file in files {
            match policy_place(&file.file) {
                PolicyPlace::Layer(place) => self.policies(file, place, surroundings),
                PolicyPlace::Agreement => self.agreement(file, mesh),
                PolicyPlace::Misplaced(domain) => self.misplaced(file, domain),
                PolicyPlace::Other => {}
            }
        }
    }

    fn found(&mut self, domain: Option<&str>) -> &mut Found {
        match domain {
            None => &mut self.mesh,
            Some(domain) => self.domains.entry(domain.to_owned()).or_default(),
        }
    }

    fn policies(&mut self, file: &PolicyFile, place: Place<'_>, surroundings: &Surroundings) {
        let domain = match place {
            Place::Mesh => None,
            Place::Domain(domain) => Some(domain),
        };
        let text = file.bytes.as_deref().map(std::str::from_utf8);
        let (mut rules, mut findings) = match text {
            Some(Ok(text)) => file::read(text, place, surroundings),
            Some(Err(_)) => {
                (None, vec![whole("the policies are not text in UTF-8", "write them in UTF-8")])
            }
            None => {
                (None, vec![whole("the policies cannot be read", "check that they may be read")])
            }
        };
        let ids = &self.found(domain).ids;
        if let Some(rule) = rules.iter().flatten().find(|rule| ids.contains(&rule.id)) {
            let message = format!("policy \"{}\" is in another file as well", rule.id);
            findings.push(whole(&message, "give each policy an @id of its own"));
            rules = None;
        }
        self.add(&file.file, domain, findings);
        let source = file.bytes.as_deref().map(|bytes| Arc::new(Source::new(&file.file, bytes)));
        let found = self.found(domain);
        found.ids.extend(rules.iter().flatten().map(|rule| rule.id.clone()));
        match (rules, &mut found.rules) {
            (Some(rules), Some(known)) => {
                let sourced = |rule| Arc::new(Rule { source: source.clone(), ..rule });
                known.extend(rules.into_iter().map(sourced));
            }
            (Some(_), None) => {}
            (None, _) => {
                found.rules = None;
                found.broken.get_or_insert_with(|| file.file.clone());
            }
        }
    }

    fn agreement(&mut self, file: &PolicyFile, mesh: &Mesh) {
        let Some(bytes) = &file.bytes else {
            let finding = whole("the agreement cannot be read", "check that it may be read");
            return self.add(&file.file, None, vec![finding]);
        };
        let (agreement, findings) = agreement::read(bytes, mesh);
        self.add(&file.file, None, findings);
        let Some(agreement) = agreement else { return };
        if !self.agreement_ids.insert(agreement.rule.id.clone()) {
            let finding = whole("another agreement has its id", "give each an id of its own");
            return self.add(&file.file, None, vec![finding]);
        }
        self.agreed.extend(agreement.agreed);
        let domain = self.agreements.entry(agreement.domain).or_default();
        let source = Some(Arc::new(Source::new(&file.file, bytes)));
        domain.push(Arc::new(Rule { source, ..agreement.rule }));
    }

    /// What the author wanted is not known, so that nothing is permitted.
    fn misplaced(&mut self, file: &PolicyFile, domain: Option<&str>) {
        let closed = domain.map_or("the mesh".to_owned(), |domain| format!("domain \"{domain}\""));
        let message = format!("policies in this place are not read; nobody may read {closed}");
        let hint = "move the file to mesh/policies/ or domains/<domain>/policies/";
        self.add(&file.file, domain, vec![whole(&message, hint)]);
        self.found(domain).closes = true;
    }

    fn add(&mut self, file: &str, domain: Option<&str>, findings: Vec<Finding>) {
        let domain = domain.map(str::to_owned);
        let subject = Subject { file: file.to_owned(), domain, product: None };
        self.problems.extend(findings.into_iter().map(|finding| finding.into_problem(&subject)));
    }

    /// Tells what a broken layer means.
    fn told(&mut self, file: &str, domain: Option<&str>, has_good: bool) {
        let what = domain.map_or("the mesh".to_owned(), |domain| format!("domain \"{domain}\""));
        let message = match has_good {
            true => format!("the policies of {what} stay as they last were without mistake"),
            false => format!("nobody may read {what}: its policies cannot be used"),
        };
        self.add(file, domain, vec![whole(&message, "mend the file")]);
    }

    fn layer(&mut self, rules: &[Arc<Rule>], domain: Option<&str>) -> Option<Arc<Layer>> {
        match Layer::new(rules) {
            Ok(layer) => Some(Arc::new(layer)),
            Err(error) => {
                let message = format!("the policies do not fit together: {error}");
                let folder = domain.map_or("mesh".to_owned(), |domain| format!("domains/{domain}"));
                let finding = whole(&message, "give each policy an @id of its own");
                self.add(&format!("{folder}/policies"), domain, vec![finding]);
                None
            }
        }
    }
}

/// What is wrong with a file as a whole.
fn whole(message: &str, hint: &str) -> Finding {
    Finding { line: None, ..Finding::error(1, "", message) }.with_hint(hint)
}

/// What a file is by its place in the mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PolicyPlace<'a> {
    /// Policies of a layer.
    Layer(Place<'a>),
    /// Policies where they are not read; below a domain, where that is so.
    Misplaced(Option<&'a str>),
    /// An agreement.
    Agreement,
    /// Nothing of this kind.
    Other,
}

impl PolicyPlace<'_> {
    /// True for a file of policies, wherever it lies.
    pub(crate) fn is_policy(&self) -> bool {
        matches!(self, Self::Layer(_) | Self::Misplaced(_))
    }
}
