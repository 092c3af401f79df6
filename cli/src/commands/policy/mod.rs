//! `samite policy`: what the policies of a mesh decide, and why.

mod filter;
mod who;

use std::collections::BTreeSet;
use std::fmt::Write;

use clap::{Args, Subcommand};
use samite_engine::authorizer::{
    AccessRequest, Authorizer as _, Decision, Forbids, Obligations, PolicyTexts,
};
use samite_engine::product::{DataProduct, OutputPort, Table};
use samite_engine::session::Principal;

use super::describe::selected;
use super::failure::Failure;
use super::places::MeshPlace;
use super::terminal;
use crate::config::Environment;
use crate::mesh::Mesh;
use crate::output::{Cell, Column as Heading, Drawing, Side, draw, visible};

/// Arguments of `samite policy`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what a user may see of a product, and which policies decide so.
    Explain(Explain),
}

#[derive(Debug, Args)]
struct Explain {
    #[command(flatten)]
    place: MeshPlace,
    /// Who asks, as in the users file, or with groups and attributes: ada,group=analysts,country=SE
    #[arg(long = "as", value_name = "USER[,group=GROUP][,KEY=VALUE]")]
    principal: String,
    /// What for, as SET mesh.purpose says it
    #[arg(long, value_name = "PURPOSE")]
    purpose: Option<String>,
    /// The product, for instance payments.royalties or media_player.play_events@1
    #[arg(value_name = "DOMAIN.PRODUCT[@VERSION]")]
    product: String,
}

/// Prints what the policies decide.
pub(crate) async fn run(arguments: Arguments, environment: Environment) -> Result<(), Failure> {
    let Command::Explain(explain) = arguments.command;
    let drawing = terminal::table_options(&environment).drawing;
    let configuration = explain.place.configuration(environment)?;
    let principal = who::principal(&explain.principal, &configuration)?;
    let mesh = explain.place.open_to_look(configuration).await?;
    let picture = mesh.picture();
    let (product, ports) = selected(&picture, &explain.product)?;
    let asker = Asker { mesh: &mesh, principal, purpose: explain.purpose.as_deref(), drawing };
    for port in ports {
        for table in &port.contract.tables {
            terminal::print(&asker.explain(product, port, table).await?)?;
        }
    }
    Ok(())
}

struct Asker<'a> {
    mesh: &'a Mesh,
    principal: Principal,
    purpose: Option<&'a str>,
    drawing: Drawing,
}

impl Asker<'_> {
    async fn explain(
        &self,
        product: &DataProduct,
        port: &OutputPort,
        table: &Table,
    ) -> Result<String, Failure> {
        let request = AccessRequest {
            principal: &self.principal,
            purpose: self.purpose,
            now: self.mesh.engine().clock().now(),
            channel: "embedded",
            product,
            port,
            table,
        };
        let policies = self.mesh.policies();
        let mut text = format!(
            "{}.{}@{}.{}\n",
            product.domain,
            product.name,
            port.version,
            visible(&table.name)
        );
        let purpose = self.purpose.unwrap_or("unspecified");
        line(&mut text, "asked by", &format!("{} for {purpose}", self.principal.name));
        if policies.is_open() {
            line(&mut text, "decision", "permitted: the mesh has no policies");
            return Ok(text);
        }
        if !port.contract.allows_purpose(self.purpose) {
            let purposes = port.contract.allowed_purposes.join(", ");
            line(&mut text, "decision", "denied");
            line(&mut text, "because", &format!("its contract allows {purposes} only"));
            return Ok(text);
        }
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        match policies.decide(&request, &columns).await? {
            Decision::Deny => {
                line(&mut text, "decision", "denied");
                let Forbids { policies: forbids, texts } = policies.forbids(&request);
                match forbids.is_empty() {
                    true => {
                        line(&mut text, "because", "no policy permits it, or one cannot be used")
                    }
                    false => line(&mut text, "forbidden by", &list(&forbids)),
                }
                texts_line(&mut text, texts.as_deref());
            }
            Decision::Permit(obligations) => {
                line(&mut text, "decision", "permitted");
                let rows = obligations.row_filter.as_ref();
                line(&mut text, "rows", &rows.map_or("all".to_owned(), filter::text));
                line(&mut text, "policies", &list(&obligations.policies));
                texts_line(&mut text, obligations.texts.as_deref());
                text.push_str(&self.columns(table, &obligations));
            }
        }
        Ok(text)
    }

    fn columns(&self, table: &Table, obligations: &Obligations) -> String {
        let headings = ["column", "classification", "seen"];
        let headings =
            headings.map(|name| Heading { header: vec![name.to_owned()], side: Side::Left });
        let row = |column: &samite_engine::product::Column| {
            let seen = match obligations.masks.get(&column.name) {
                _ if obligations.absent.contains(&column.name) => "absent".to_owned(),
                Some(mask) => format!("masked: {mask}"),
                None => "raw".to_owned(),
            };
            let classification = column.classification.as_deref().unwrap_or("unclassified");
            vec![
                Cell::Text(visible(&column.name)),
                Cell::Text(visible(classification)),
                Cell::Text(seen),
            ]
        };
        let rows: Vec<Vec<Cell>> = table.columns.iter().map(row).collect();
        let mut text = String::new();
        for line in draw(&headings, &rows, self.drawing) {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }
}

fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name:<12} {}", visible(value));
}

/// What stands for the texts of the policies, in records as well.
fn texts_line(text: &mut String, texts: Option<&PolicyTexts>) {
    if let Some(texts) = texts {
        line(text, "texts", texts.fingerprint());
    }
}

fn list(policies: &BTreeSet<String>) -> String {
    policies.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
