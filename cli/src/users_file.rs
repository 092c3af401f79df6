//! The file of the users who may log in.
//!
//! ```toml
//! [[user]]
//! name = "anna"
//! password_hash = "$argon2id$..."
//! groups = ["analysts"]
//! attributes = { clearance = 2, country = "SE" }
//! ```
//!
//! It is read again when it changes; a file that cannot be used changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use samite_engine::{Error, ErrorKind, Result};
use samite_flight_server::{User, Users};
use serde::Deserialize;
use toml::Spanned;
use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value, value};

/// How often the file is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// The file of the users who may log in.
#[derive(Debug)]
pub struct UsersFile {
    path: PathBuf,
    users: Users,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    user: Vec<WrittenUser>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenUser {
    name: Spanned<String>,
    password_hash: Option<String>,
    #[serde(default)]
    groups: BTreeSet<String>,
    #[serde(default)]
    attributes: BTreeMap<String, toml::Value>,
}

/// A user who is to be written.
#[derive(Debug)]
pub struct NewUser {
    /// The name.
    pub name: String,
    /// The password as argon2 hashed it, in PHC form.
    pub password_hash: String,
    /// The groups that it is in.
    pub groups: Vec<String>,
    /// What else is known of it.
    pub attributes: Vec<(String, String)>,
}

impl UsersFile {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or holds what makes no sense.
    pub fn open(path: PathBuf) -> Result<Self> {
        let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
        let users = Users::new(parse(&path, &text)?);
        Ok(Self { path, users, text })
    }

    /// The users, as the file says at any time.
    #[must_use]
    pub fn users(&self) -> &Users {
        &self.users
    }

    /// Reads the file again whenever it changes, for as long as it is polled.
    pub async fn keep_current(mut self) {
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            let path = self.path.clone();
            let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(path)).await;
            let text = match read {
                Ok(Ok(text)) if text != self.text => text,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the file of the users cannot be read; those known stay");
                    continue;
                }
                Ok(Ok(_)) | Err(_) => continue,
            };
            match parse(&self.path, &text) {
                Ok(users) => {
                    tracing::info!(users = users.len(), "the users were changed");
                    self.users.replace(users);
                }
                Err(error) => {
                    let detail = error.detail().unwrap_or_default();
                    tracing::warn!(%error, detail, "the new users cannot be used; those known stay");
                }
            }
            self.text = text;
        }
    }
}

fn parse(path: &Path, text: &str) -> Result<Vec<User>> {
    let line = |offset: usize| text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
    let wrong = |offset: usize, message: &str| {
        let place = format!("{}:{}: {message}", path.display(), line(offset));
        Error::new(ErrorKind::InvalidConfiguration, place)
    };
    let written: Written = toml::from_str(text).map_err(|error| {
        wrong(error.span().unwrap_or_default().start, error.message())
            .with_hint("write [[user]] with name, password_hash, groups and attributes")
    })?;
    let mut names = BTreeSet::new();
    let mut users = Vec::new();
    for user in written.user {
        let (start, name) = (user.name.span().start, user.name.into_inner());
        if !names.insert(name.clone()) {
            return Err(wrong(start, &format!("user \"{name}\" is there twice")));
        }
        let attributes = user.attributes.into_iter().map(|(key, value)| match value {
            toml::Value::String(text) => Ok((key, text)),
            toml::Value::Integer(number) => Ok((key, number.to_string())),
            toml::Value::Boolean(truth) => Ok((key, truth.to_string())),
            _ => Err(wrong(start, &format!("attribute \"{key}\" of user \"{name}\" is no text"))),
        });
        let attributes = attributes.collect::<Result<_>>()?;
        let made = User::new(&name, user.password_hash, user.groups, attributes);
        users.push(made.map_err(|error| {
            let mut placed = wrong(start, error.message());
            if let Some(detail) = error.detail() {
                placed = placed.with_detail(detail.to_owned());
            }
            match error.hint() {
                Some(hint) => placed.with_hint(hint.to_owned()),
                None => placed,
            }
        })?);
    }
    Ok(users)
}

/// Writes a user into the file, which is made if it is not there; all else in it stays.
///
/// # Errors
///
/// When the user is there already and is not to be replaced, or the file cannot be read or written.
pub fn add(path: &Path, user: &NewUser, replaces: bool) -> Result<()> {
    let mut document = document(path, true)?;
    let list = list(&mut document, path)?;
    let place = list.iter().position(|known| has_name(known, &user.name));
    match place {
        Some(_) if !replaces => {
            return Err(Error::new(
                ErrorKind::InvalidConfiguration,
                format!("user \"{}\" is there already", user.name),
            )
            .with_hint("give --replace to give it another password"));
        }
        Some(place) => {
            if let Some(known) = list.get_mut(place) {
                // What stands above it stays.
                let decor = known.decor().clone();
                *known = table(user);
                *known.decor_mut() = decor;
            }
        }
        None => list.push(table(user)),
    }
    write(path, &document)
}

/// Takes a user out of the file. False if it was not there.
///
/// # Errors
///
/// When the file cannot be read or written.
pub fn remove(path: &Path, name: &str) -> Result<bool> {
    let mut document = document(path, false)?;
    let list = list(&mut document, path)?;
    let before = list.len();
    list.retain(|known| !has_name(known, name));
    if list.len() == before {
        return Ok(false);
    }
    write(path, &document)?;
    Ok(true)
}

fn table(user: &NewUser) -> Table {
    let mut table = Table::new();
    table.insert("name", value(user.name.as_str()));
    table.insert("password_hash", value(user.password_hash.as_str()));
    if !user.groups.is_empty() {
        table.insert("groups", value(user.groups.iter().collect::<toml_edit::Array>()));
    }
    if !user.attributes.is_empty() {
        let written = user.attributes.iter().map(|(key, text)| {
            let number = text.parse::<i64>().ok().filter(|number| number.to_string() == *text);
            (key.as_str(), number.map_or_else(|| Value::from(text.as_str()), Value::from))
        });
        table.insert("attributes", value(written.collect::<InlineTable>()));
    }
    table
}

fn document(path: &Path, may_be_missing: bool) -> Result<DocumentMut> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && may_be_missing => {
            String::new()
        }
        Err(error) => return Err(unreadable(path, &error)),
    };
    // What is wrong in it is told as the server would.
    parse(path, &text)?;
    text.parse::<DocumentMut>().map_err(|error| {
        Error::new(ErrorKind::InvalidConfiguration, format!("\"{}\" is not TOML", path.display()))
            .with_detail(error.message().to_owned())
    })
}

fn list<'a>(document: &'a mut DocumentMut, path: &Path) -> Result<&'a mut ArrayOfTables> {
    let item = document.entry("user").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    item.as_array_of_tables_mut().ok_or_else(|| {
        let message = format!("the users in \"{}\" are written in one line", path.display());
        Error::new(ErrorKind::InvalidConfiguration, message)
            .with_hint("write each below a line of its own, [[user]]")
    })
}

fn has_name(table: &Table, name: &str) -> bool {
    table.get("name").and_then(Item::as_str) == Some(name)
}

/// Puts the file in its place whole, readable for its owner alone.
fn write(path: &Path, document: &DocumentMut) -> Result<()> {
    parse(path, &document.to_string())?;
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(document.to_string().as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    });
    written.map_err(|error| {
        Error::new(
            ErrorKind::InvalidConfiguration,
            format!("\"{}\" cannot be written", path.display()),
        )
        .with_detail(error.to_string())
        .with_source(error)
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        ErrorKind::InvalidConfiguration,
        format!("the file of the users, \"{}\", cannot be read", path.display()),
    )
    .with_detail(error.to_string())
    .with_hint("make it with samite user add")
}

#[cfg(test)]
mod tests;
