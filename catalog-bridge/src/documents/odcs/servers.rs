//! `servers[]` of a contract: what each type of server has besides the common keys.

use super::forms::SFTP;
use super::shared::{custom_properties, id};
use super::team::ROLES;
use crate::documents::check::Check;
use crate::documents::node::Node;
use crate::documents::shape::{Field, Shape, Words, list, text};

static COMMON: &[Field] = &[
    id(),
    text("server").required(),
    Field::new("type", Shape::Word(TYPES)).required(),
    text("description"),
    text("environment"),
    list("roles", &ROLES),
    custom_properties(),
];

const TYPES: Words = Words {
    all: &[
        "api",
        "athena",
        "azure",
        "bigquery",
        "clickhouse",
        "databricks",
        "denodo",
        "dremio",
        "duckdb",
        "glue",
        "cloudsql",
        "db2",
        "hive",
        "impala",
        "informix",
        "kafka",
        "kinesis",
        "local",
        "mysql",
        "oracle",
        "postgresql",
        "postgres",
        "presto",
        "pubsub",
        "redshift",
        "s3",
        "sftp",
        "snowflake",
        "sqlserver",
        "synapse",
        "trino",
        "vertica",
        "zen",
        "custom",
    ],
    newer: &[
        "btrieve",
        "exasol",
        "fastobjects",
        "hana",
        "iceberg",
        "ingres",
        "poet",
        "teradata",
        "vectorwise",
        "versant",
    ],
};

/// Any server; one of an unknown type may have any key, the type is problem enough.
pub(super) fn check_server<'a>(check: &mut Check<'a>, node: &'a Node) {
    let known =
        node.text_of("type").filter(|word| TYPES.allows(word, check.edition)).and_then(keys_of);
    match known {
        Some(keys) => check.keys(node, "server", &[COMMON, keys]),
        None => check.keys(node, "server", &[COMMON, ANY_TYPE]),
    }
}

const fn need(key: &'static str) -> Field {
    text(key).required()
}

const fn port() -> Field {
    Field::new("port", Shape::Port)
}

const fn encoding() -> Field {
    text("encoding").added()
}

fn keys_of(server_type: &str) -> Option<&'static [Field]> {
    Some(match server_type {
        "api" => const { &[need("location")] },
        "athena" => ATHENA,
        "azure" => AZURE,
        "bigquery" => const { &[need("project"), need("dataset")] },
        "clickhouse" | "mysql" | "synapse" => ADDRESSED_DATABASE,
        "databricks" => const { &[text("host"), need("catalog"), need("schema")] },
        "denodo" => const { &[need("host"), port().required(), text("database")] },
        "dremio" => const { &[need("host"), port().required(), text("schema")] },
        "duckdb" => const { &[need("database"), text("schema")] },
        "exasol" => const { &[need("host"), port(), text("schema")] },
        "glue" => GLUE,
        "cloudsql" | "postgres" | "postgresql" | "vertica" => ADDRESSED_SCHEMA,
        "db2" => const { &[need("host"), port().required(), need("database"), text("schema")] },
        "btrieve" | "hive" | "impala" | "informix" | "ingres" | "vectorwise" | "zen" => {
            const { &[need("host"), port(), need("database")] }
        }
        "fastobjects" | "poet" | "versant" => const { &[need("database"), text("host"), port()] },
        "custom" => CUSTOM,
        "hana" => const { &[need("host"), port(), text("database"), text("schema")] },
        "iceberg" => ICEBERG,
        "kafka" => const { &[need("host"), text("format"), encoding()] },
        "kinesis" => const { &[text("region"), text("format"), encoding()] },
        "local" => const { &[need("path"), need("format"), encoding()] },
        "oracle" => const { &[need("host"), port().required(), need("serviceName")] },
        "presto" => const { &[need("host"), text("catalog"), text("schema")] },
        "pubsub" => const { &[need("project")] },
        "redshift" => REDSHIFT,
        "s3" => S3,
        "sftp" => SFTP_SERVER,
        "snowflake" => SNOWFLAKE,
        "sqlserver" => const { &[need("host"), port(), need("database"), need("schema")] },
        "teradata" => const { &[need("host"), port(), text("database")] },
        "trino" => const { &[need("host"), port().required(), need("catalog"), need("schema")] },
        _ => return None,
    })
}

static ADDRESSED_DATABASE: &[Field] = &[need("host"), port().required(), need("database")];

static ADDRESSED_SCHEMA: &[Field] =
    &[need("host"), port().required(), need("database"), need("schema")];

static ATHENA: &[Field] = &[
    text("stagingDir").required_before(),
    need("schema"),
    text("catalog"),
    text("regionName"),
    text("workgroup").added(),
];

static AZURE: &[Field] = &[need("location"), need("format"), encoding(), text("delimiter")];

static GLUE: &[Field] =
    &[need("account"), need("database"), text("location"), text("format"), encoding()];

static ICEBERG: &[Field] =
    &[need("catalog"), need("catalogUrl"), text("namespace"), text("warehouse")];

static REDSHIFT: &[Field] =
    &[text("host"), need("database"), need("schema"), text("region"), text("account")];

static S3: &[Field] =
    &[need("location"), text("endpointUrl"), text("format"), encoding(), text("delimiter")];

static SFTP_SERVER: &[Field] = &[
    Field::new("location", Shape::Form(&SFTP)).required(),
    text("format"),
    encoding(),
    text("delimiter"),
];

static SNOWFLAKE: &[Field] =
    &[text("host"), port(), need("account"), need("database"), need("schema"), text("warehouse")];

static CUSTOM: &[Field] = &[
    text("account"),
    text("catalog"),
    text("database"),
    text("dataset"),
    text("delimiter"),
    text("endpointUrl"),
    text("format"),
    encoding(),
    text("host"),
    text("location"),
    text("path"),
    port(),
    text("project"),
    text("region"),
    text("regionName"),
    text("schema"),
    text("serviceName"),
    text("stagingDir"),
    text("warehouse"),
    text("stream"),
];

/// Every key that some type of server has.
static ANY_TYPE: &[Field] = &[
    Field::new("account", Shape::Any),
    Field::new("catalog", Shape::Any),
    Field::new("catalogUrl", Shape::Any),
    Field::new("database", Shape::Any),
    Field::new("dataset", Shape::Any),
    Field::new("delimiter", Shape::Any),
    Field::new("encoding", Shape::Any),
    Field::new("endpointUrl", Shape::Any),
    Field::new("format", Shape::Any),
    Field::new("host", Shape::Any),
    Field::new("location", Shape::Any),
    Field::new("namespace", Shape::Any),
    Field::new("path", Shape::Any),
    Field::new("port", Shape::Any),
    Field::new("project", Shape::Any),
    Field::new("region", Shape::Any),
    Field::new("regionName", Shape::Any),
    Field::new("schema", Shape::Any),
    Field::new("serviceName", Shape::Any),
    Field::new("stagingDir", Shape::Any),
    Field::new("stream", Shape::Any),
    Field::new("warehouse", Shape::Any),
    Field::new("workgroup", Shape::Any),
];
