//! Writes `docs/configuration.md` from the definitions.

use std::fmt::Write;

use super::options::{OptionDefinition, options};
use super::sections::SECTIONS;
use super::services::SERVICE_KEYS;
use super::stores::{CREDENTIAL_KEYS, KeyDefinition, STORE_KEYS};

const INTRODUCTION: &str = "# Configuration

<!-- Generated: `samite config-reference > docs/configuration.md`. A test compares. -->

`samite` runs without a configuration. `--config FILE` names a TOML file; what it does not name has the default below.
An option, a section or a value that Samite does not know stops the program with the file and line.

- A *size* is a number with a unit: `\"512MiB\"`, `\"4GiB\"` (1024), `\"10GB\"` (1000); a bare number is bytes.
- A *duration* is a number with a unit: `\"500ms\"`, `\"30s\"`, `\"5m\"`, `\"1h 30m\"`.
- A relative *path* is below the folder of the file.
- A variable of the environment, named beside each option, overrides the file; a list there is separated by commas.

Besides these, `SAMITE_LOG` sets what is logged (see `[log] level`), and
`SAMITE_PASSWORD` holds the password of `samite sql --connect`.
";

const SERVICES: &str = "
## `[services.\"domain.product\"]`

A virtual product reads as a principal of its own: of kind `service`, with the name `domain.product`, in the group of its domain and with
clearance 0. One section for each that is more than that.
";

const STORES: &str = "
## `[stores.\"s3://bucket\"]`

One section for each location that needs an endpoint or credentials: a bucket (`s3://bucket`, `gs://bucket`), a container
(`abfss://container@account`), a host (`https://host`), or a path below one. They go to this location and this endpoint only, whatever
a document says. A value may be `${NAME}`, a variable of the environment.
";

const CREDENTIALS: &str = "
## `[credentials.NAME]`

What signs requests; a store's `credential` or a contract's `credentialRef` names it. Nothing prints these values. A value may be
`${NAME}`, a variable of the environment, or `${file:PATH}`, what a file holds, so that the configuration itself stays free of
secrets. Such a file is read again every few seconds: a renewed key counts without a restart (`client_id`, `client_secret`,
`tenant_id` and `service_account_key` are read once).
";

/// The text of `docs/configuration.md`.
#[must_use]
pub fn reference() -> String {
    let mut text = INTRODUCTION.to_owned();
    for (section, about) in SECTIONS {
        let _ = write!(text, "\n## `[{section}]`\n\n{about}\n\n");
        text.push_str("| option | unit | default | variable | what it does |\n");
        text.push_str("| --- | --- | --- | --- | --- |\n");
        for option in options().filter(|option| option.section == *section) {
            text.push_str(&line(option));
        }
    }
    for (about, keys) in
        [(SERVICES, SERVICE_KEYS), (STORES, STORE_KEYS), (CREDENTIALS, CREDENTIAL_KEYS)]
    {
        text.push_str(about);
        text.push_str(&lines(keys));
    }
    text
}

fn lines(keys: &[KeyDefinition]) -> String {
    let mut text = "\n| option | what it does |\n| --- | --- |\n".to_owned();
    for key in keys {
        let _ = writeln!(text, "| `{}` | {} |", key.key, key.text);
    }
    text
}

fn line(option: &OptionDefinition) -> String {
    let default =
        option.default_text().map_or_else(|| "none".to_owned(), |text| format!("`{text}`"));
    format!(
        "| `{}` | {} | {default} | `{}` | {} |\n",
        option.key,
        option.field.unit(),
        option.variable(),
        option.text
    )
}
