//! What is wrong with a configuration: everything at once, each mistake with its name and place.

use std::{fmt, path::PathBuf};

/// One or more mistakes in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The mistakes: those of the file as they stand there, then the others. Never empty.
    pub mistakes: Vec<Mistake>,
}

impl ConfigError {
    /// Puts the mistakes, of which there is one at least, into their order.
    pub(super) fn new(mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort_by_key(|mistake| {
            let at = mistake.at.as_ref();
            at.map_or((usize::MAX, 0), |at| (at.line, at.column))
        });
        Self { mistakes }
    }
}

/// One mistake, or something odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The key of the file, the variable, the flag, or the file at fault. Empty where a file is no TOML.
    pub name: String,
    /// What is wrong with it. Tells no secret.
    pub message: String,
    /// Where in a file it is.
    pub at: Option<Place>,
}

impl Mistake {
    /// What is no TOML. It has no other name than its place.
    pub(super) fn of_syntax(message: impl fmt::Display, place: Place) -> Self {
        Self::new("", message).at(place)
    }

    /// Whether this is no TOML.
    pub(super) fn is_of_syntax(&self) -> bool {
        self.name.is_empty()
    }

    /// A mistake that stands in no file.
    pub(super) fn new(name: impl Into<String>, message: impl fmt::Display) -> Self {
        Self {
            name: name.into(),
            message: message.to_string(),
            at: None,
        }
    }

    /// The same, at that place.
    pub(super) fn at(mut self, place: impl Into<Option<Place>>) -> Self {
        self.at = place.into();
        self
    }
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used:")?;
        for mistake in &self.mistakes {
            write!(f, "\n  {mistake}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.at {
            write!(f, "{place}: ")?;
        }
        if !self.is_of_syntax() {
            write!(f, "{}: ", self.name)?;
        }
        f.write_str(&self.message)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

impl std::error::Error for ConfigError {}
