//! Names of models: the first line is asked for; the others are what is known, `alias=target` or a model
//! with the efforts that it takes.

use codex_openai_proxy::{
    translate::chat::{Dialect, model_list},
    turn::{
        Aliases, Catalog, ConversationId, Effort, Model, ModelName,
        model_name::{read_backwards, reverse},
    },
};

/// Reads a name.
///
/// # Panics
///
/// It means something else than the documentation says, or a name that is listed means nothing.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let sent = lines.next().unwrap_or_default();
    let mut aliases = Vec::new();
    let mut catalog = Catalog::default();
    for line in lines {
        let mut words = line.split_ascii_whitespace();
        let Some(slug) = words.next() else { continue };
        if let Some((alias, target)) = slug.split_once('=') {
            aliases.push((alias.to_owned(), target.to_owned()));
        } else if catalog.get(slug).is_none() {
            catalog.models.push(Model {
                slug: slug.to_owned(),
                efforts: words.filter_map(Effort::parse).collect(),
                provider: "p".to_owned(),
            });
        }
    }
    let aliases: Aliases = aliases.into_iter().collect();

    let name = ModelName::resolve(sent, &aliases, &catalog);
    assert_eq!(name.sent, sent);
    match aliases.get(sent) {
        Some(target) => {
            let direct = ModelName::resolve(target, &Aliases::default(), &catalog);
            assert_eq!((name.slug, name.effort), (direct.slug, direct.effort));
            assert!(!name.reversed, "an alias is not reversed");
        }
        None if catalog.get(sent).is_some() => {
            assert_eq!(
                (name.slug.as_str(), name.effort, name.reversed),
                (sent, None, false)
            );
        }
        None => {
            let known = catalog.get(&reverse(sent)).is_some();
            assert!(
                !known || (name.reversed && name.effort.is_none()),
                "{name:?}"
            );
            // Of the characters, only those of an effort are gone.
            let effort = name.effort.map_or(0, |effort| effort.as_str().len() + 1);
            assert_eq!(name.slug.chars().count() + effort, sent.chars().count());
        }
    }

    // Whatever is listed can be asked for.
    for listed in model_list(&catalog, &Aliases::default(), 1).data {
        let name = ModelName::resolve(&listed.id, &Aliases::default(), &catalog);
        assert!(catalog.get(&name.slug).is_some(), "{name:?} is listed");
    }

    if let Some(forwards) = read_backwards(sent) {
        assert_eq!(forwards.chars().count(), sent.chars().count());
        assert_eq!(read_backwards(&forwards), None, "{forwards} is read twice");
    }
    if let Some(id) = ConversationId::new(sent) {
        assert_eq!(id.as_str(), sent);
        assert!(sent.bytes().all(|byte| byte.is_ascii_graphic()));
    }
    assert!(Dialect::of(sent, &text).honours("temperature"));
}
