//! `schema[].properties[]` of a contract: columns, and what each logical type adds to them.

use super::quality::RULES;
use super::relationships::check_column_relationship;
use super::shared::{custom_properties, definitions, id};
use super::tables::{COLUMNS, ELEMENT};
use crate::documents::check::Check;
use crate::documents::node::{Node, Value};
use crate::documents::shape::{
    Field, List, Part, Shape, Words, boolean, list, part, text, texts, word,
};
use crate::documents::version::Edition;

static NAME: &[Field] = &[text("name")];
static REQUIRED_NAME: &[Field] = &[text("name").required()];

static COLUMN: &[Field] = &[
    boolean("primaryKey"),
    Field::new("primaryKeyPosition", Shape::Whole(None)),
    Field::new("logicalType", Shape::Word(LOGICAL_TYPES)),
    text("physicalName"),
    boolean("required"),
    boolean("unique"),
    word("semanticType", &["column", "measure", "dimension"]).added(),
    boolean("partitioned"),
    Field::new("partitionKeyPosition", Shape::Whole(None)),
    text("classification"),
    text("encryptedName"),
    texts("transformSourceObjects"),
    text("transformLogic"),
    text("transformDescription"),
    list("examples", &EXAMPLES),
    list("enum", &ENUM).added(),
    boolean("criticalDataElement"),
    list("relationships", &RELATIONSHIPS),
    list("quality", &RULES),
];

const LOGICAL_TYPES: Words = Words {
    all: &[
        "string",
        "date",
        "timestamp",
        "time",
        "number",
        "integer",
        "object",
        "array",
        "boolean",
    ],
    newer: &["map", "vector"],
};

static EXAMPLES: List = List::of(Shape::Any);
static RELATIONSHIPS: List = List::of(Shape::Special(check_column_relationship));

static ENUM: List = List {
    item: Shape::Part(&Part::new(
        "enum value",
        &[
            Field::new("value", Shape::Scalar).required(),
            text("label"),
            id(),
            text("description"),
            custom_properties(),
            definitions(),
            texts("tags"),
        ],
    )),
    count: (1, usize::MAX),
    is_unique: true,
};

/// A column of a table or a field of an object.
pub(super) fn check_column<'a>(check: &mut Check<'a>, node: &'a Node) {
    let extra = extra(node, check.edition);
    check.keys(node, "column", &[ELEMENT, REQUIRED_NAME, COLUMN, extra]);
}

/// The item of an array, or the key or value of a map: a column that needs no name.
fn check_item<'a>(check: &mut Check<'a>, node: &'a Node) {
    let extra = extra(node, check.edition);
    check.keys(node, "item", &[ELEMENT, NAME, COLUMN, extra]);
}

/// The keys that the logical type of a column adds.
fn extra(node: &Node, edition: Edition) -> &'static [Field] {
    let Some(logical_type) = node.get("logicalType") else { return UNTYPED };
    let Some(word) = logical_type.text() else { return ANY_TYPE };
    match word {
        "string" => STRING,
        "date" => DATE,
        "timestamp" | "time" => TIMESTAMP,
        "integer" => INTEGER,
        "number" => NUMBER,
        "object" => OBJECT,
        "array" => ARRAY,
        "boolean" => BOOLEAN,
        "map" if edition == Edition::Newer => MAP,
        "vector" if edition == Edition::Newer => VECTOR,
        _ => ANY_TYPE,
    }
}

const fn options(table: &'static Part) -> Field {
    part("logicalTypeOptions", table)
}

const fn free_options() -> Field {
    Field::new("logicalTypeOptions", Shape::Mapping)
}

const fn count(key: &'static str) -> Field {
    Field::new(key, Shape::Whole(Some(0)))
}

const fn number(key: &'static str) -> Field {
    Field::new(key, Shape::Number)
}

const fn item(key: &'static str) -> Field {
    Field::new(key, Shape::Special(check_item))
}

/// Without a logical type all of the standard's conditions hold at once: no option fits them all.
static UNTYPED: &[Field] = &[
    Field::new("logicalTypeOptions", Shape::Special(check_untyped_options)),
    item("items"),
    list("properties", &COLUMNS),
];

/// For a logical type that does not exist, which is problem enough.
static ANY_TYPE: &[Field] = &[
    Field::new("logicalTypeOptions", Shape::Any),
    Field::new("items", Shape::Any),
    Field::new("properties", Shape::Any),
    Field::new("map", Shape::Any),
];

static BOOLEAN: &[Field] = &[free_options()];

static STRING: &[Field] = &[options(&Part::new(
    "options of a string",
    &[count("minLength"), count("maxLength"), text("pattern"), text("format")],
))];

static DATE: &[Field] = &[options(&Part::new(
    "options of a date",
    &[
        text("format"),
        text("exclusiveMaximum"),
        text("maximum"),
        text("exclusiveMinimum"),
        text("minimum"),
    ],
))];

static TIMESTAMP: &[Field] = &[options(&Part::new(
    "options of a timestamp or time",
    &[
        text("format"),
        text("exclusiveMaximum"),
        text("maximum"),
        text("exclusiveMinimum"),
        text("minimum"),
        boolean("timezone"),
        text("defaultTimezone"),
    ],
))];

static INTEGER: &[Field] = &[options(&Part::new(
    "options of an integer",
    &[
        Field::new("multipleOf", Shape::Positive),
        number("maximum"),
        number("exclusiveMaximum"),
        number("minimum"),
        number("exclusiveMinimum"),
        word("format", &["i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "u128"]),
    ],
))];

static NUMBER: &[Field] = &[options(&Part::new(
    "options of a number",
    &[
        Field::new("multipleOf", Shape::Positive),
        number("maximum"),
        number("exclusiveMaximum"),
        number("minimum"),
        number("exclusiveMinimum"),
        word("format", &["f32", "f64"]),
    ],
))];

static OBJECT: &[Field] = &[
    options(&Part::new(
        "options of an object",
        &[count("maxProperties"), count("minProperties"), list("required", &REQUIRED_FIELDS)],
    )),
    list("properties", &COLUMNS),
];

static REQUIRED_FIELDS: List = List { item: Shape::Text, count: (1, usize::MAX), is_unique: true };

static ARRAY: &[Field] = &[
    options(&Part::new(
        "options of an array",
        &[count("maxItems"), count("minItems"), boolean("uniqueItems")],
    )),
    item("items"),
];

static MAP: &[Field] = &[
    free_options(),
    part("map", &Part::new("map", &[item("key").required(), item("value").required()])).required(),
];

static VECTOR: &[Field] = &[Field::new(
    "logicalTypeOptions",
    Shape::Part(&Part {
        name: "options of a vector",
        fields: &[
            Field::new("dimensions", Shape::Whole(Some(1))).required(),
            word(
                "elementType",
                &["bfloat16", "binary", "float16", "float32", "float64", "int8", "uint8"],
            ),
            word("distanceMetric", &["cosine", "dotProduct", "euclidean", "hamming", "manhattan"]),
            text("embeddingModel"),
            text("embeddingModelVersion"),
            boolean("normalized"),
        ],
        is_open: false,
    }),
)
.required()];

fn check_untyped_options<'a>(check: &mut Check<'a>, node: &'a Node) {
    match &node.value {
        Value::Map(entries) if entries.is_empty() => {}
        Value::Map(_) => check.report(
            node.line,
            "a column without logicalType has options".to_owned(),
            "add the logicalType that they are for".to_owned(),
        ),
        _ => check.value(&Shape::Mapping, node),
    }
}
