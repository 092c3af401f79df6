//! The Open Data Product Standard of Bitol, ODPS v0.9.0 to v1.1.0: the parts of a data product.

use super::shape::{Field, List, Part, Shape, boolean, list, part, text, texts, word};

/// The root of a data product.
pub(super) static PRODUCT: Shape = Shape::Part(&Part::new(
    "data product",
    &[
        text("apiVersion").required(),
        word("kind", &["DataProduct"]).required(),
        text("id").required(),
        text("name"),
        boolean("deprecated").added(),
        synonyms(),
        text("version"),
        text("status").required_before(),
        text("domain"),
        text("type").added(),
        context(),
        text("tenant"),
        definitions(),
        part("description", &DESCRIPTION),
        custom_properties(),
        texts("tags"),
        list("inputPorts", &INPUT_PORTS),
        list("outputPorts", &OUTPUT_PORTS),
        list("managementPorts", &MANAGEMENT_PORTS),
        list("support", &SUPPORT),
        part("team", &TEAM),
        text("productCreatedTs"),
    ],
));

/// The id of a part came with the newer edition.
const fn id() -> Field {
    text("id").added()
}

const fn definitions() -> Field {
    list("authoritativeDefinitions", &DEFINITIONS)
}

const fn custom_properties() -> Field {
    list("customProperties", &CUSTOM_PROPERTIES)
}

const fn synonyms() -> Field {
    list("synonyms", &SYNONYMS).added()
}

const fn context() -> Field {
    part("context", &CONTEXT).added()
}

static DEFINITIONS: List = List::of(Shape::Part(&Part::new(
    "authoritative definition",
    &[id(), text("type").required(), text("url").required(), text("description")],
)));

static CUSTOM_PROPERTIES: List = List::of(Shape::Part(&Part::new(
    "custom property",
    &[
        id(),
        text("property").required(),
        Field::new("value", Shape::Any).required(),
        text("description"),
        text("vendor").added(),
    ],
)));

static SYNONYMS: List = List::of(Shape::Part(&Part::new(
    "synonym",
    &[
        text("id"),
        text("synonym").required(),
        text("description"),
        text("locale"),
        text("source"),
        text("status"),
        custom_properties(),
    ],
)));

static CONTEXT: Part = Part::new(
    "context",
    &[
        text("instructions"),
        list("verifiedStatements", &VERIFIED_STATEMENTS),
        list("constraints", &CONSTRAINTS),
    ],
);

static VERIFIED_STATEMENTS: List = List::of(Shape::Part(&Part::new(
    "verified statement",
    &[
        text("id"),
        text("question").required(),
        text("answer"),
        definitions(),
        texts("tags"),
        custom_properties(),
    ],
)));

static CONSTRAINTS: List = List::of(Shape::Part(&Part::new(
    "constraint",
    &[text("id"), text("constraint").required(), definitions(), texts("tags"), custom_properties()],
)));

static DESCRIPTION: Part = Part::new(
    "description",
    &[text("purpose"), text("limitations"), text("usage"), definitions(), custom_properties()],
);

static INPUT_PORTS: List = List::of(Shape::Part(&Part::new(
    "input port",
    &[
        boolean("deprecated").added(),
        id(),
        text("name").required(),
        text("version").required_before(),
        text("contractId").required_before(),
        texts("tags"),
        custom_properties(),
        definitions(),
    ],
)));

static OUTPUT_PORTS: List = List::of(Shape::Part(&Part::new(
    "output port",
    &[
        boolean("deprecated").added(),
        id(),
        text("name").required(),
        text("description"),
        text("type"),
        text("version").required_before(),
        text("contractId"),
        list("sbom", &BILLS_OF_MATERIALS),
        list("inputContracts", &INPUT_CONTRACTS),
        synonyms(),
        texts("tags"),
        custom_properties(),
        definitions(),
        context(),
    ],
)));

static BILLS_OF_MATERIALS: List = List::of(Shape::Part(&Part::new(
    "bill of materials",
    &[
        id(),
        text("type"),
        text("url").required_before(),
        texts("tags").added(),
        custom_properties().added(),
        definitions().added(),
    ],
)));

static INPUT_CONTRACTS: List = List::of(Shape::Part(&Part::new(
    "input contract",
    &[text("id").required(), text("version").required()],
)));

static MANAGEMENT_PORTS: List = List::of(Shape::Part(&Part::new(
    "management port",
    &[
        boolean("deprecated").added(),
        id(),
        text("name").required(),
        text("content").required(),
        text("type"),
        text("url"),
        text("channel"),
        text("description"),
        texts("tags"),
        custom_properties(),
        definitions(),
    ],
)));

static SUPPORT: List = List::of(Shape::Part(&Part::new(
    "support channel",
    &[
        id(),
        text("channel").required(),
        text("url").required(),
        text("description"),
        text("tool"),
        text("scope"),
        text("invitationUrl"),
        texts("tags"),
        custom_properties(),
        definitions(),
    ],
)));

static TEAM: Part = Part::new(
    "team",
    &[
        text("name"),
        text("description"),
        list("members", &MEMBERS),
        texts("tags"),
        custom_properties(),
        definitions(),
    ],
);

static MEMBERS: List = List::of(Shape::Part(&Part::new(
    "team member",
    &[
        id(),
        text("username").required(),
        text("name"),
        text("description"),
        text("role"),
        text("dateIn"),
        text("dateOut"),
        text("replacedByUsername"),
        texts("tags"),
        custom_properties(),
        definitions(),
    ],
)));
