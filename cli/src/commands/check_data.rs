//! `samite check --data`: whether rows keep the rules about their quality.

use futures::StreamExt;
use samite_engine::product::{Problem, ProblemLevel};
use samite_engine::quality::{QualityStatus, QualitySubject, RuleReport, check};

use super::check::Count;
use super::failure::Failure;
use super::terminal;
use crate::mesh::Mesh;
use crate::output::quantity;

/// Tables whose rules are checked at once.
const TABLES_AT_ONCE: usize = 4;

/// Severities of rules that do not fail a check, as the most used reader of contracts has them.
const MINOR: [&str; 6] = ["info", "warning", "warn", "low", "minor", "trivial"];

/// How many rules stand how.
#[derive(Debug, Default)]
struct Standing {
    pass: u64,
    fail: u64,
    error: u64,
    not_run: u64,
}

/// Checks all rules of all tables: a line for each that is broken or cannot be run, and a summary.
pub(super) async fn run(mesh: &Mesh, mut count: Count) -> Result<Count, Failure> {
    let picture = mesh.picture();
    let subjects: Vec<QualitySubject> = picture
        .products()
        .flat_map(QualitySubject::of_product)
        .filter(QualitySubject::has_rules)
        .collect();
    let engine = mesh.engine();
    let mut checked = futures::stream::iter(subjects)
        .map(|subject| async move { (check(engine, &subject).await, subject) })
        .buffered(TABLES_AT_ONCE);
    let mut standing = Standing::default();
    while let Some((reports, subject)) = checked.next().await {
        let mut told = None;
        for report in &reports {
            match report.result.status {
                QualityStatus::Pass => standing.pass += 1,
                QualityStatus::Fail => standing.fail += 1,
                QualityStatus::Error => standing.error += 1,
                QualityStatus::NotRun => standing.not_run += 1,
            }
            if let Some(problem) = problem(&subject, report) {
                count.add(problem.level);
                // A table that cannot be read says so once.
                let is_news =
                    told != report.result.message || report.result.status != QualityStatus::Error;
                told.clone_from(&report.result.message);
                if is_news {
                    terminal::print(&format!("{problem}\n"))?;
                }
            }
        }
    }
    let Standing { pass, fail, error, not_run } = standing;
    terminal::print(&format!(
        "{} quality rules: {} pass, {} fail, {} cannot be run, {} are not run\n",
        quantity(pass + fail + error + not_run),
        quantity(pass),
        quantity(fail),
        quantity(error),
        quantity(not_run),
    ))?;
    Ok(count)
}

/// What is wrong by a rule; nothing if it is kept, or not for us to run.
fn problem(subject: &QualitySubject, report: &RuleReport) -> Option<Problem> {
    let what = match report.result.status {
        QualityStatus::Fail => "is broken",
        QualityStatus::Error => "cannot be run",
        QualityStatus::Pass | QualityStatus::NotRun => return None,
    };
    let rule = &report.rule;
    let severity = rule.severity.as_deref().unwrap_or_default().trim().to_ascii_lowercase();
    let (product, port, table) = (&subject.product, &subject.port, &subject.table);
    let of_column = report.column.as_ref().map(|it| format!(".{it}")).unwrap_or_default();
    let address =
        format!("{}.{}@{}.{}{of_column}", product.domain, product.name, port.version, table.name);
    let message = report.result.message.as_deref().unwrap_or("nobody knows why");
    Some(Problem {
        level: match MINOR.contains(&severity.as_str()) {
            true => ProblemLevel::Warning,
            false => ProblemLevel::Error,
        },
        domain: Some(product.domain.clone()),
        product: Some(product.name.clone()),
        file: port.contract.file.clone(),
        line: Some(rule.line).filter(|line| *line > 0),
        path: None,
        message: format!("quality rule \"{}\" of {address} {what}: {message}", rule.name),
        hint: None,
    })
}
