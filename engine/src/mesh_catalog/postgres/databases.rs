//! The databases that one statement asks, each made once.

use std::sync::Arc;

use super::Database;
use crate::error::Result;
use crate::mesh_catalog::Picture;
use crate::session::Settings;

/// The databases that one statement asks, each made once.
#[derive(Debug)]
pub(crate) struct Databases<'a> {
    picture: Picture<'a>,
    settings: &'a Settings,
    made: Vec<(Option<String>, Arc<Database>)>,
}

impl<'a> Databases<'a> {
    /// Those of one picture of the mesh.
    pub(crate) fn new(picture: Picture<'a>, settings: &'a Settings) -> Self {
        Self { picture, settings, made: Vec::new() }
    }

    /// The picture that they are made from.
    pub(crate) fn picture(&self) -> Picture<'a> {
        self.picture
    }

    /// The database with this name; without one, that of the session.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub(crate) fn get(&mut self, name: Option<&str>) -> Result<Arc<Database>> {
        if let Some((_, made)) = self.made.iter().find(|(known, _)| known.as_deref() == name) {
            return Ok(Arc::clone(made));
        }
        let made = Arc::new(Database::new(self.picture, name, self.settings)?);
        self.made.push((name.map(str::to_owned), Arc::clone(&made)));
        Ok(made)
    }
}
