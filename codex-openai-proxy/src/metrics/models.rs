//! What is measured of each model. Their number is bounded: each name costs memory here and in every
//! Prometheus that asks.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use super::{SHARES, WAITS};

/// The most models that are told apart.
pub const MOST_MODELS: usize = 100;

/// Stands for those that nobody knows, and for those that are too many.
const OTHER: &str = "other";

/// The longest name that is told, in bytes.
const LONGEST: usize = 128;

/// All models.
#[derive(Debug)]
pub(super) struct Models {
    known: RwLock<HashMap<Arc<str>, Arc<ModelFigures>>>,
    tokens: Family<TokenLabels, Counter>,
    first_token: Family<ModelLabels, Histogram, fn() -> Histogram>,
    cached: Family<ModelLabels, Histogram, fn() -> Histogram>,
}

/// What is measured of one model. Looked up once for a request.
#[derive(Debug)]
pub(super) struct ModelFigures {
    pub(super) name: Arc<str>,
    pub(super) first_token: Histogram,
    pub(super) cached: Histogram,
    pub(super) input: Counter,
    pub(super) cached_input: Counter,
    pub(super) output: Counter,
    pub(super) reasoning: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    model: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    kind: &'static str,
    model: Arc<str>,
}

impl Models {
    pub(super) fn registered_in(registry: &mut Registry) -> Self {
        let tokens = Family::default();
        registry.register(
            "tokens",
            "Tokens of replies; cached ones are a part of the input, reasoning of the output",
            tokens.clone(),
        );
        let first_token =
            Family::new_with_constructor((|| Histogram::new(WAITS)) as fn() -> Histogram);
        registry.register_with_unit(
            "first_token",
            "From the arrival of a request to the first of its reply that the client gets to see",
            Unit::Seconds,
            first_token.clone(),
        );
        let cached = Family::new_with_constructor((|| Histogram::new(SHARES)) as fn() -> Histogram);
        registry.register_with_unit(
            "cached_input",
            "The share of a reply's input that came from the prompt cache",
            Unit::Other("ratio".to_owned()),
            cached.clone(),
        );
        Self {
            known: RwLock::default(),
            tokens,
            first_token,
            cached,
        }
    }

    /// Those of this model, or of all others.
    pub(super) fn figures(&self, name: Option<&str>) -> Arc<ModelFigures> {
        let name = name
            .filter(|name| (1..=LONGEST).contains(&name.len()))
            .unwrap_or(OTHER);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(figures) = known.get(name) {
            return Arc::clone(figures);
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        // One place is for the others.
        let named = known.len() - usize::from(known.contains_key(OTHER));
        let has_place = named < MOST_MODELS - 1 || known.contains_key(name);
        let name = if has_place { name } else { OTHER };
        if let Some(figures) = known.get(name) {
            return Arc::clone(figures);
        }
        let figures = Arc::new(self.of(name.into()));
        known.insert(Arc::clone(&figures.name), Arc::clone(&figures));
        figures
    }

    fn of(&self, name: Arc<str>) -> ModelFigures {
        let labels = ModelLabels {
            model: Arc::clone(&name),
        };
        let tokens = |kind| {
            let model = Arc::clone(&name);
            self.tokens
                .get_or_create_owned(&TokenLabels { kind, model })
        };
        ModelFigures {
            first_token: self.first_token.get_or_create_owned(&labels),
            cached: self.cached.get_or_create_owned(&labels),
            input: tokens("input"),
            cached_input: tokens("cached"),
            output: tokens("output"),
            reasoning: tokens("reasoning"),
            name,
        }
    }
}
