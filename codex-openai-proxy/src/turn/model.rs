//! The models that an engine knows.

use super::Effort;

/// A model that can be asked for by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Its name upstream.
    pub slug: String,
    /// The efforts that it takes, least first. Empty where nobody told us.
    pub efforts: Vec<Effort>,
    /// Who serves it: the `owned_by` of `GET /v1/models`.
    pub provider: String,
}

/// Every model that an engine knows by name, in the order of preference.
///
/// Others may still exist upstream: the catalog decides how names are read and what
/// `GET /v1/models` lists, not what may be asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The models.
    pub models: Vec<Model>,
}

impl Catalog {
    /// The model of exactly that name.
    #[must_use]
    pub fn get(&self, slug: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.slug == slug)
    }
}
