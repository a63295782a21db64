//! What the three layers give together, and which mistakes are told.

mod upstreams;

use super::*;
use std::fs;

/// Loads with these variables and flags; the folders are those of `dir`.
fn load(
    dir: &tempfile::TempDir,
    vars: &[(&str, &str)],
    flags: &Flags,
) -> Result<Config, ConfigError> {
    let folder = dir.path().display().to_string();
    Config::load(
        &|name| {
            vars.iter()
                .find(|(var, _)| *var == name)
                .map(|(_, value)| (*value).to_owned())
                .or_else(|| {
                    matches!(name, "CODEX_HOME" | "CODEX_OPENAI_PROXY_HOME").then(|| folder.clone())
                })
        },
        flags,
    )
}

fn dir_with(toml: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("config.toml"), toml).unwrap();
    dir
}

#[test]
fn nothing_set_gives_the_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let config = load(&dir, &[], &Flags::default()).unwrap();
    assert_eq!(config.addr.to_string(), "127.0.0.1:11435");
    assert_eq!(config.home, dir.path());
    assert_eq!(config.reasoning, ReasoningSetting::Auto);
    assert_eq!(config.cursor_context_overflow, ContextOverflow::Error);
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.conversations, ConversationSettings::default());
    assert_eq!(config.log_format, LogFormat::Pretty);
    assert_eq!(config.codex, CodexSettings::default());
    assert!(config.api_keys.is_empty());
    assert!(config.aliases.is_empty());
    assert!(config.upstreams.is_empty());
}

#[test]
fn every_key_of_the_file_counts() {
    let dir = dir_with(
        r#"
        [server]
        addr = "0.0.0.0:80"
        max_body_bytes = 1000
        drain_seconds = 0
        keep_alive_seconds = 10
        first_event_seconds = 5
        [models.aliases]
        "my.fast" = "gpt-5.2-low"
        [reply]
        reasoning = "off"
        cursor_context_overflow = "compact"
        [conversations]
        idle_seconds = 60
        parked_seconds = 30
        max_live = 10
        wait_seconds = 0
        [codex]
        default_instructions = "Be brief."
        client_version = "1.2.3"
        user_agent = "me/1 (x; y)"
        fetch_images = false
        allow_private_image_hosts = true
        "#,
    );
    let config = load(&dir, &[], &Flags::default()).unwrap();
    assert_eq!(config.addr.to_string(), "0.0.0.0:80");
    assert_eq!(
        config.limits,
        Limits {
            max_body_bytes: 1000,
            drain: Duration::ZERO,
            keep_alive: Duration::from_secs(10),
            first_event: Duration::from_secs(5),
            sign_of_life: Limits::default().sign_of_life,
        }
    );
    assert_eq!(config.aliases.get("my.fast"), Some("gpt-5.2-low"));
    assert_eq!(config.reasoning, ReasoningSetting::Off);
    assert_eq!(config.cursor_context_overflow, ContextOverflow::Compact);
    assert_eq!(
        config.conversations,
        ConversationSettings {
            idle: Duration::from_mins(1),
            parked: Duration::from_secs(30),
            max_live: 10,
            wait: Duration::ZERO,
        }
    );
    assert_eq!(
        config.codex,
        CodexSettings {
            default_instructions: "Be brief.".to_owned(),
            client_version: Some("1.2.3".to_owned()),
            user_agent: Some("me/1 (x; y)".to_owned()),
            fetch_images: false,
            allow_private_image_hosts: true,
            only_model: None,
        }
    );
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let dir = dir_with("[server]\naddr = \"127.0.0.1:1\"");
    let addr = |vars: &[(&str, &str)], flag: Option<&str>| {
        let flags = Flags {
            addr: flag.map(str::to_owned),
            config: None,
        };
        load(&dir, vars, &flags).unwrap().addr.port()
    };
    let var = [("CODEX_OPENAI_PROXY_ADDR", "127.0.0.1:2")];
    assert_eq!(addr(&[], None), 1);
    assert_eq!(addr(&var, None), 2);
    assert_eq!(addr(&var, Some("[::1]:3")), 3);
    assert_eq!(addr(&[("CODEX_OPENAI_PROXY_ADDR", "")], None), 1);
}

#[test]
fn the_file_of_the_flag_replaces_ours_and_has_to_exist() {
    let dir = dir_with("[reply]\nreasoning = \"off\"");
    let other = dir.path().join("other.toml");
    let flags = Flags {
        addr: None,
        config: Some(other.clone()),
    };
    let error = load(&dir, &[], &flags).unwrap_err();
    assert_eq!(error.mistakes.len(), 1);
    assert!(error.to_string().contains("other.toml"), "{error}");

    fs::write(&other, "[reply]\nreasoning = \"think\"").unwrap();
    let config = load(&dir, &[], &flags).unwrap();
    assert_eq!(config.reasoning, ReasoningSetting::Think);
}

#[test]
fn all_mistakes_are_told_at_once_with_their_names() {
    let dir = dir_with(
        r#"
        [server]
        max_body_bytes = 0
        drain_seconds = -1
        keep_alive_seconds = 200
        [models.aliases]
        empty = ""
        [reply]
        reasoning = "loud"
        cursor_context_overflow = "hide"
        [conversations]
        idle_seconds = 0
        parked_seconds = 0
        max_live = 0
        wait_seconds = 601
        [codex]
        default_instructions = " "
        user_agent = "ü"
        "#,
    );
    let vars = [
        ("CODEX_OPENAI_PROXY_ADDR", "localhost"),
        ("PROXY_API_KEY", "two words"),
        ("LOG_FORMAT", "xml"),
        ("RUST_LOG", "info,=="),
    ];
    let error = load(&dir, &vars, &Flags::default()).unwrap_err();
    let mut names: Vec<&str> = error.mistakes.iter().map(|m| m.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "CODEX_OPENAI_PROXY_ADDR",
            "LOG_FORMAT",
            "PROXY_API_KEY",
            "RUST_LOG",
            "codex.default_instructions",
            "codex.user_agent",
            "conversations.idle_seconds",
            "conversations.max_live",
            "conversations.parked_seconds",
            "conversations.wait_seconds",
            "models.aliases.\"empty\"",
            "reply.cursor_context_overflow",
            "reply.reasoning",
            "server.drain_seconds",
            "server.keep_alive_seconds",
            "server.max_body_bytes",
        ]
    );
    assert!(!error.to_string().contains("two words"), "{error}");
}

#[test]
fn an_unknown_key_or_a_wrong_type_is_shown_where_it_stands() {
    for (toml, word) in [
        ("[server]\nadress = \"x\"", "adress"),
        ("[server]\ndrain_seconds = \"x\"", "drain_seconds"),
        ("[sever]", "sever"),
    ] {
        let error = load(&dir_with(toml), &[], &Flags::default()).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
        assert!(error.to_string().contains("config.toml"), "{error}");
    }
}

#[test]
fn a_key_matches_itself_and_is_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let vars = [("PROXY_API_KEY", " s3cret\n")];
    let config = load(&dir, &vars, &Flags::default()).unwrap();
    let [key] = config.api_keys.as_slice() else {
        panic!("{} keys", config.api_keys.len());
    };
    assert!(bool::from(key.matches(b"s3cret")));
    assert!(!bool::from(key.matches(b"s3cre")));
    assert!(!bool::from(key.matches(b"s3crat")));
    assert!(!format!("{config:?}").contains("s3cret"));
}
