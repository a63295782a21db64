//! The list of models.

use crate::{
    turn::{Aliases, Catalog, ModelName, model_name::reverse},
    wire::models::{ModelList, ModelObject},
};
use std::collections::HashSet;

/// Who owns an alias whose model the catalog lacks.
const UNKNOWN_OWNER: &str = "codex-openai-proxy";

/// Every name that a client may ask for, each once: the catalog's models, the same reversed, both
/// with each effort that the model lists, and the aliases. `created` is in seconds since 1970.
#[must_use]
pub fn model_list(catalog: &Catalog, aliases: &Aliases, created: u64) -> ModelList {
    let mut seen = HashSet::new();
    let mut data = Vec::new();
    let mut list = |id: String, owner: &str| {
        if seen.insert(id.clone()) {
            data.push(ModelObject::new(id, created, owner));
        }
    };
    // Whole names go first, as they do where a name is read: `gpt-5.1-codex-max` may be a model
    // and also read like the variant of another.
    for model in &catalog.models {
        list(model.slug.clone(), &model.provider);
        list(reverse(&model.slug), &model.provider);
    }
    for model in &catalog.models {
        for effort in &model.efforts {
            let variant = format!("{}-{}", model.slug, effort.as_str());
            let mirrored = reverse(&variant);
            list(variant, &model.provider);
            list(mirrored, &model.provider);
        }
    }
    for (alias, _) in aliases.iter() {
        let slug = ModelName::resolve(alias, aliases, catalog).slug;
        let owner = catalog
            .get(&slug)
            .map_or(UNKNOWN_OWNER, |model| &model.provider);
        list(alias.to_owned(), owner);
    }
    ModelList::new(data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::{Effort, Model};

    #[test]
    fn every_form_of_a_name_is_listed_once() {
        let model = |slug: &str, efforts: &[Effort], provider: &str| Model {
            slug: slug.to_owned(),
            efforts: efforts.to_vec(),
            provider: provider.to_owned(),
        };
        let catalog = Catalog {
            models: vec![
                model("gpt-9", &[Effort::Low, Effort::Max], "openai"),
                model("gpt-9-max", &[], "other"),
            ],
        };
        let aliases: Aliases = [("deep", "gpt-9-low"), ("far", "llama"), ("gpt-9", "far")]
            .map(|(name, target)| (name.to_owned(), target.to_owned()))
            .into_iter()
            .collect();
        let list = model_list(&catalog, &aliases, 7);
        let listed: Vec<(&str, &str)> = list
            .data
            .iter()
            .map(|model| (model.id.as_str(), model.owned_by.as_str()))
            .collect();
        assert_eq!(
            listed,
            [
                ("gpt-9", "openai"),
                ("9-tpg", "openai"),
                ("gpt-9-max", "other"),
                ("xam-9-tpg", "other"),
                ("gpt-9-low", "openai"),
                ("wol-9-tpg", "openai"),
                ("deep", "openai"),
                ("far", UNKNOWN_OWNER),
            ]
        );
        assert!(list.data.iter().all(|model| model.created == 7));
    }
}
