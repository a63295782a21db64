//! `GET /v1/models` and `GET /v1/models/{id}`, see
//! <https://platform.openai.com/docs/api-reference/models>.

use serde::Serialize;
use std::collections::HashSet;

/// The models that may be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelList {
    /// Always `list`.
    pub object: &'static str,
    /// The models; no id twice.
    pub data: Vec<ModelObject>,
}

/// One model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelObject {
    /// The name to ask for.
    pub id: String,
    /// Always `model`.
    pub object: &'static str,
    /// When it came to be, in seconds since 1970.
    pub created: u64,
    /// Who serves it.
    pub owned_by: String,
}

impl ModelList {
    /// A list of these models.
    #[must_use]
    pub fn new(data: Vec<ModelObject>) -> Self {
        Self {
            object: "list",
            data,
        }
    }

    /// Adds those of these models whose ids it lacks.
    pub fn extend(&mut self, models: impl IntoIterator<Item = ModelObject>) {
        let mut known: HashSet<String> = self.data.iter().map(|model| model.id.clone()).collect();
        let new = models
            .into_iter()
            .filter(|model| known.insert(model.id.clone()));
        self.data.extend(new);
    }

    /// The model of that id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&ModelObject> {
        self.data.iter().find(|model| model.id == id)
    }
}

impl ModelObject {
    /// A model; `created` in seconds since 1970.
    pub fn new(id: impl Into<String>, created: u64, owned_by: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            object: "model",
            created,
            owned_by: owned_by.into(),
        }
    }
}
