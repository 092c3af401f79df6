//! `samite describe`: one data product, with everything that its documents promise.

use std::fmt::Write;

use clap::Args;
use samite_engine::product::{
    Column, Contract, DataProduct, Mesh, OutputPort, ProductSelector, Status, Table,
    VersionSelector,
};
use samite_engine::resolve::view_names;
use samite_engine::{Error, ErrorKind};

use super::failure::Failure;
use super::places::MeshPlace;
use super::terminal;
use crate::config::Environment;
use crate::output::{Cell, Column as Heading, Drawing, Side, draw, visible};

/// The promises that have lines of their own.
const LIFE_CYCLE: [&str; 3] = ["generalAvailability", "endOfSupport", "endOfLife"];

/// Arguments of `samite describe`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: MeshPlace,
    /// The product, for instance payments.royalties or media_player.play_events@1
    #[arg(value_name = "DOMAIN.PRODUCT[@VERSION]")]
    product: String,
}

/// Prints the product.
pub(crate) async fn run(arguments: Arguments, environment: Environment) -> Result<(), Failure> {
    let drawing = terminal::table_options(&environment).drawing;
    let configuration = arguments.place.configuration(environment)?;
    let mesh = arguments.place.open_to_look(configuration).await?;
    let picture = mesh.picture();
    let (product, ports) = selected(&picture, &arguments.product)?;
    terminal::print(&describe(product, &ports, drawing))
}

/// The product that an address means, with the ports of the version in it.
///
/// # Errors
///
/// When it is no address, or there is no such product or port.
pub(super) fn selected<'m>(
    picture: &'m Mesh,
    text: &str,
) -> Result<(&'m DataProduct, Vec<&'m OutputPort>), Failure> {
    let (domain, selector) = address(text)?;
    let product = picture.product(domain, &selector.product).ok_or_else(|| {
        let known: Vec<String> = picture
            .products()
            .map(|product| format!("{}.{}", product.domain, product.name))
            .take(10)
            .collect();
        Error::new(ErrorKind::NotFound, format!("product \"{text}\" does not exist"))
            .with_hint(format!("samite products lists them all, for instance {}", known.join(", ")))
    })?;
    let ports: Vec<&OutputPort> =
        product.ports.iter().filter(|port| is_selected(port, &selector)).collect();
    if ports.is_empty() {
        let known: Vec<String> =
            product.ports.iter().map(|port| format!("{}@{}", port.name, port.version)).collect();
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("product \"{text}\" has no such port"),
        )
        .with_detail(format!("its ports are {}", known.join(", ")))
        .into());
    }
    Ok((product, ports))
}

fn address(text: &str) -> Result<(&str, ProductSelector), Failure> {
    let wrong = |why: String| {
        Failure::Usage(
            Error::new(ErrorKind::InvalidConfiguration, format!("\"{text}\" is no product"))
                .with_detail(why)
                .with_hint("write DOMAIN.PRODUCT or DOMAIN.PRODUCT@VERSION"),
        )
    };
    let (domain, product) =
        text.split_once('.').ok_or_else(|| wrong("it has no domain".to_owned()))?;
    let selector = ProductSelector::parse(product.trim_matches('"')).map_err(wrong)?;
    Ok((domain, selector))
}

fn is_selected(port: &OutputPort, selector: &ProductSelector) -> bool {
    let version = port.version;
    selector.port.as_ref().is_none_or(|name| *name == port.name)
        && match selector.version {
            VersionSelector::Latest | VersionSelector::Draft => true,
            VersionSelector::Major(major) => version.major == major,
            VersionSelector::Minor(major, minor) => {
                (version.major, version.minor) == (major, minor)
            }
            VersionSelector::Patch(major, minor, patch) => {
                (version.major, version.minor, version.patch) == (major, minor, patch)
            }
        }
}

fn describe(product: &DataProduct, ports: &[&OutputPort], drawing: Drawing) -> String {
    let mut text = format!("{}.{}\n", product.domain, product.name);
    let mut line = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            let _ = writeln!(text, "  {name:<12} {}", visible(value));
        }
    };
    line("about", product.description.as_deref());
    line("status", Some(&product.status.to_string()));
    line("type", product.archetype.as_deref());
    line("version", product.version.as_deref());
    line("owner", product.owner.team.as_deref());
    line("contact", product.owner.contact.as_deref());
    line("tags", Some(product.tags.join(", ").as_str()).filter(|tags| !tags.is_empty()));
    line("document", Some(&product.file));
    for port in ports {
        text.push('\n');
        text.push_str(&describe_port(port, drawing));
    }
    text
}

fn describe_port(port: &OutputPort, drawing: Drawing) -> String {
    let contract = &port.contract;
    let mut text = format!("port {}@{}, {}", port.name, port.version, contract.status);
    if port.is_deprecated && contract.status != Status::Deprecated {
        text.push_str(", deprecated");
    }
    text.push('\n');
    let mut line = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            let _ = writeln!(text, "  {name:<12} {}", visible(value));
        }
    };
    line("about", port.description.as_deref().or(contract.description.as_deref()));
    line("contract", Some(&format!("{} ({})", contract.id, contract.file)));
    line("served from", date(contract.general_availability).as_deref());
    line("promises end", date(contract.end_of_support).as_deref());
    line("ends", date(contract.end_of_life).as_deref());
    for server in servers(contract) {
        line("server", Some(&server));
    }
    for view in contract.servers.iter().flat_map(|server| server.views.values()) {
        let names = view_names(view).join(", ");
        line("made from", Some(&format!("{names} ({})", view.file)));
    }
    for slo in contract.slos.iter().filter(|slo| !LIFE_CYCLE.contains(&slo.property.as_str())) {
        let unit = slo.unit.as_deref().unwrap_or_default();
        let element = slo.element.as_ref().map(|element| format!(" of {element}"));
        let value = format!("{} {} {unit}", slo.property, slo.value);
        line("promise", Some(&format!("{}{}", value.trim_end(), element.unwrap_or_default())));
    }
    for table in &contract.tables {
        text.push_str(&describe_table(table, drawing));
    }
    text
}

fn date(time: Option<chrono::DateTime<chrono::Utc>>) -> Option<String> {
    time.map(|time| time.format("%Y-%m-%d").to_string())
}

/// One line for each server. Documents hold no credentials, and what a URI may hold before an `@`
/// was refused when they were read.
fn servers(contract: &Contract) -> Vec<String> {
    contract
        .servers
        .iter()
        .map(|server| {
            let environment = server.environment.as_deref().unwrap_or("any environment");
            let format = server.format.as_deref().unwrap_or(&server.kind);
            match (&server.unreadable, &server.location) {
                (Some(why), _) => {
                    format!("{} ({environment}): {format}, not read: {why}", server.name)
                }
                (None, None) if server.is_virtual() => {
                    format!("{} ({environment}): virtual, {format}", server.name)
                }
                (None, Some(location)) => {
                    format!("{} ({environment}): {format} at {location}", server.name)
                }
                (None, None) => format!("{} ({environment}): {format}", server.name),
            }
        })
        .collect()
}

fn describe_table(table: &Table, drawing: Drawing) -> String {
    let mut text = format!("  table {}", table.name);
    if table.is_deprecated {
        text.push_str(", deprecated");
    }
    if let Some(about) = table.description.as_ref().or(table.granularity.as_ref()) {
        let _ = write!(text, ": {}", visible(about));
    }
    text.push('\n');
    let headings = ["column", "type", "key", "classification", "description"];
    let headings = headings.map(|name| Heading { header: vec![name.to_owned()], side: Side::Left });
    let rows: Vec<Vec<Cell>> = table.columns.iter().map(column_row).collect();
    for line in draw(&headings, &rows, drawing) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn column_row(column: &Column) -> Vec<Cell> {
    let mut data_type = column.logical_type.map_or("", |kind| kind.as_str()).to_owned();
    if let Some(physical) = &column.physical_type {
        let _ = write!(data_type, " ({physical})");
    }
    if column.is_required {
        data_type.push_str(" not null");
    }
    let mut key = Vec::new();
    if let Some(place) = column.primary_key_position {
        key.push(format!("primary {place}"));
    }
    if let Some(place) = column.partition_position {
        key.push(format!("partition {place}"));
    }
    let text = |text: Option<&str>| Cell::Text(visible(text.unwrap_or_default()));
    vec![
        Cell::Text(visible(&column.name)),
        Cell::Text(visible(data_type.trim())),
        Cell::Text(key.join(", ")),
        text(column.classification.as_deref()),
        text(column.description.as_deref()),
    ]
}
