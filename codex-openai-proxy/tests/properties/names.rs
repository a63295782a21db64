//! Properties of model names, over random catalogs.

use codex_openai_proxy::{
    translate::chat::model_list,
    turn::{Aliases, Catalog, Effort, Model, ModelName, model_name::reverse},
};
use proptest::{collection::vec, prelude::*, sample::Index};
use std::collections::HashSet;

fn catalog() -> impl Strategy<Value = Catalog> {
    let effort = any::<Index>().prop_map(|at| *at.get(&Effort::ALL));
    let slug = "(gpt|o|codex|llama)-?[0-9a-z]{1,3}(-(mini|max|high|wol))?";
    let model = (slug, vec(effort, 0..4)).prop_map(|(slug, efforts)| Model {
        slug,
        efforts,
        provider: "p".to_owned(),
    });
    // A catalog has each model once.
    vec(model, 0..5).prop_map(|mut models| {
        let mut seen = HashSet::new();
        models.retain(|model| seen.insert(model.slug.clone()));
        Catalog { models }
    })
}

proptest! {
    #[test]
    fn every_listed_name_can_be_asked_for(catalog in catalog()) {
        let list = model_list(&catalog, &Aliases::default(), 1);
        let mut seen = HashSet::new();
        for model in &list.data {
            prop_assert!(seen.insert(&model.id), "{} is listed twice", model.id);
            let name = ModelName::resolve(&model.id, &Aliases::default(), &catalog);
            prop_assert!(catalog.get(&name.slug).is_some(), "{name:?}");
        }
        for model in &catalog.models {
            prop_assert!(list.get(&model.slug).is_some());
            prop_assert!(list.get(&reverse(&model.slug)).is_some());
        }
    }

    #[test]
    fn a_name_means_the_same_backwards(
        name in "gpt-[1-9](\\.[0-9])?(-codex|-mini)?(-max|-low|-high|-xhigh|-none)?",
    ) {
        let resolve = |name: &str| {
            ModelName::resolve(name, &Aliases::default(), &Catalog::default())
        };
        let (forward, backward) = (resolve(&name), resolve(&reverse(&name)));
        prop_assert_eq!(forward.slug, backward.slug);
        prop_assert_eq!(forward.effort, backward.effort);
        prop_assert!(!forward.reversed && backward.reversed);
    }

    #[test]
    fn reversing_twice_changes_nothing(name: String) {
        prop_assert_eq!(reverse(&reverse(&name)), name);
    }
}
