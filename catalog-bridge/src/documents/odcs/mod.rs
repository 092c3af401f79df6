//! The Open Data Contract Standard, ODCS v3.0.0 to v3.2.0: one file for each part of a contract.

mod columns;
mod forms;
mod quality;
mod relationships;
mod servers;
mod shared;
mod tables;
mod team;

use super::check::Check;
use super::node::{Node, Value};
use super::shape::{Field, List, Part, Shape, list, part, text, texts, word};
use shared::{context, custom_properties, definitions, id};

/// The root of a contract.
pub(super) static CONTRACT: Shape = Shape::Part(&Part::new(
    "contract",
    &[
        text("version").required(),
        word("kind", &["DataContract"]).required(),
        text("apiVersion").required(),
        text("id").required(),
        text("name"),
        text("tenant"),
        texts("tags"),
        text("status").required_before(),
        list("servers", &SERVERS),
        text("dataProduct"),
        part("description", &DESCRIPTION),
        text("domain"),
        context(),
        list("schema", &TABLES),
        list("support", &team::SUPPORT),
        part("price", &PRICE),
        Field::new("team", Shape::Special(check_team)),
        list("roles", &team::ROLES),
        text("slaDefaultElement"),
        list("slaProperties", &SERVICE_LEVELS),
        definitions(),
        custom_properties(),
        text("contractCreatedTs"),
    ],
));

static SERVERS: List = List::of(Shape::Special(servers::check_server));
static TABLES: List = List::of(Shape::Special(tables::check_table));

/// The only mapping of the standard that takes other keys.
static DESCRIPTION: Part = Part {
    name: "description",
    fields: &[
        text("usage"),
        text("purpose"),
        text("limitations"),
        definitions(),
        custom_properties(),
    ],
    is_open: true,
};

static PRICE: Part = Part::new(
    "price",
    &[id(), Field::new("priceAmount", Shape::Number), text("priceCurrency"), text("priceUnit")],
);

static SERVICE_LEVELS: List = List::of(Shape::Part(&Part::new(
    "service level",
    &[
        id(),
        text("property").required(),
        Field::new("value", Shape::Scalar).required(),
        Field::new("valueExt", Shape::Scalar),
        text("unit"),
        text("element"),
        text("driver"),
        text("description"),
        text("scheduler"),
        text("schedule"),
        custom_properties().added(),
        definitions().added(),
    ],
)));

/// A mapping with the members in it, or, as in v3.0, the members alone.
fn check_team<'a>(check: &mut Check<'a>, node: &'a Node) {
    match node.value {
        Value::List(_) => check.value(&Shape::List(&team::MEMBERS), node),
        _ => check.value(&Shape::Part(&team::TEAM), node),
    }
}
