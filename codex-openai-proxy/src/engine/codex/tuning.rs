//! What of the configuration a running engine can take up: what holds for turns and threads to come.

use super::images::Images;
use crate::{config::CodexSettings, turn::Effort};

/// Settings of turns.
#[derive(Debug)]
pub struct Tuning {
    /// Makes images ready.
    pub images: Images,
    /// The instructions of a client that gives none; the backend refuses a request without.
    pub default_instructions: String,
    /// How hard to think where neither the request nor its model's name says so.
    pub effort: Option<Effort>,
}

impl Tuning {
    /// What these settings say.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn new(settings: &CodexSettings) -> Result<Self, reqwest::Error> {
        let effort = settings.reasoning_effort.as_deref();
        Ok(Self {
            images: Images::new(settings)?,
            default_instructions: settings.default_instructions.clone(),
            effort: effort.and_then(Effort::parse),
        })
    }
}
