//! The table of all settings, and what is made of it.

use super::Setup;
use crate::{
    config::{Kind, PROVIDER_SETTINGS, SETTINGS, Setting, example},
    turn::Effort,
};
use std::collections::HashSet;

/// The example with every setting switched on.
fn switched_on() -> String {
    let lines = example();
    let lines = lines.lines().map(|line| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') && !setting.is_empty() => setting.to_owned(),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_loads_as_it_is() {
    let setup = Setup::file(&example());
    let (config, default) = (setup.config(), Setup::new().config());
    assert_eq!(config.limits, default.limits);
    assert!(config.api_keys.is_empty() && config.aliases.is_empty() && config.upstreams.is_empty());
}

#[test]
fn the_example_loads_with_every_setting_switched_on_and_says_the_defaults() {
    let text = switched_on();
    let setup = Setup::file(&text);
    let (config, default) = (setup.config(), Setup::new().config());
    assert_eq!(config.addr, default.addr);
    assert_eq!(config.limits, default.limits);
    assert_eq!(config.cors, default.cors);
    assert_eq!(config.local_only, default.local_only);
    assert_eq!(config.admission, default.admission);
    assert_eq!(config.reasoning, default.reasoning);
    assert_eq!(
        config.cursor_context_overflow,
        default.cursor_context_overflow
    );
    assert_eq!(config.conversations, default.conversations);
    assert_eq!(config.logs, default.logs);
    assert_eq!(config.log_format, default.log_format);
    assert_eq!(config.log_filter, default.log_filter);
    assert_eq!(config.codex, default.codex);
    assert_eq!(config.api_keys.len(), 1);
    assert_eq!(config.upstreams.len(), 1);
    let upstream = &config.upstreams[0];
    let plain = crate::config::UpstreamSettings::new("ollama", upstream.base_url.clone());
    assert_eq!(upstream.timeout, plain.timeout);
    assert_eq!(upstream.connect_timeout, plain.connect_timeout);
    assert_eq!(upstream.idle_timeout, plain.idle_timeout);
    assert_eq!(upstream.retries, plain.retries);
    assert_eq!(upstream.wire_api, plain.wire_api);
    assert_eq!(setup.profile("work").config().logs.bodies.as_str(), "off");
    for setting in SETTINGS.iter().filter(|it| it.in_file) {
        assert!(text.contains(&format!("\n{}", setting.name())) || setting.kind == Kind::Table);
    }
    let (settings, providers) = text.split_once("\n[[upstreams]]\n").unwrap();
    assert!(settings.contains("[MAX_REQUEST_SIZE]\n"));
    assert!(!providers.contains("[UPSTREAM_"), "{providers}");
    for line in example().lines() {
        assert!(line.len() <= 120, "{line}");
    }
}

#[test]
fn the_name_of_every_setting_and_variable_is_its_own() {
    let mut keys = HashSet::new();
    let mut variables = HashSet::new();
    for setting in SETTINGS {
        assert!(keys.insert(setting.key), "{}", setting.key);
        for name in setting.variables() {
            assert!(variables.insert(name.to_string()), "{name}");
        }
        for name in setting.related {
            assert!(variables.insert((*name).to_owned()), "{name}");
        }
    }
    let mut keys = HashSet::new();
    assert!(
        PROVIDER_SETTINGS
            .iter()
            .all(|setting| keys.insert(setting.key))
    );
}

#[test]
fn every_word_of_the_table_is_taken() {
    let check = |setting: &Setting, file: &dyn Fn(&str) -> String| {
        let Kind::Word(words) = setting.kind else {
            return;
        };
        let shown: HashSet<String> = words
            .iter()
            .map(|word| format!("{:?}", Setup::file(&file(word)).config()))
            .map(|shown| without_homes(&shown))
            .collect();
        assert_eq!(shown.len(), words.len(), "{}", setting.key);
    };
    for setting in SETTINGS {
        check(setting, &|word| format!("{} = {word:?}", setting.key));
    }
    let provider =
        "[[upstreams]]\nname = \"a\"\nbase_url = \"http://a\"\napi_key_env = \"PATH_LIKE\"";
    for setting in PROVIDER_SETTINGS {
        if setting.key != "api_key_header" {
            let provider = provider.replace("api_key_env = \"PATH_LIKE\"", "");
            check(setting, &|word| {
                format!("{provider}\n{} = {word:?}", setting.key)
            });
        }
    }
    let efforts = SETTINGS
        .iter()
        .find(|it| it.key == "codex.reasoning_effort");
    let words = Effort::ALL.map(Effort::as_str);
    assert!(matches!(efforts.unwrap().kind, Kind::Word(known) if known == words));
}

/// Without what differs by the folder of the test.
fn without_homes(shown: &str) -> String {
    let from = shown.find("home:").unwrap();
    let to = shown.find("aliases:").unwrap();
    format!("{}{}", &shown[..from], &shown[to..])
}
