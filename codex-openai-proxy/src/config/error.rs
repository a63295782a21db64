//! What is wrong with a configuration: everything at once, each mistake with its name.

use std::fmt;

/// One or more mistakes in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The mistakes, in the order in which they were found. Never empty.
    pub mistakes: Vec<Mistake>,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The key of the file, the variable, the flag, or the file at fault.
    pub name: String,
    /// What is wrong with it.
    pub message: String,
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
        // The TOML parser's messages show the line at fault, over several lines.
        let message = self.message.trim_end().replace('\n', "\n    ");
        write!(f, "{}: {message}", self.name)
    }
}

impl std::error::Error for ConfigError {}
