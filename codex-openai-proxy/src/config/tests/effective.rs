//! What is in force, and where it was set.

use super::Setup;
use crate::config::{Effective, Loaded, Reload, SETTINGS};

fn find<'l>(loaded: &'l Loaded, key: &str) -> &'l Effective {
    let found = loaded.effective.iter().find(|it| it.key == key);
    found.unwrap_or_else(|| panic!("{key} is not in {:#?}", loaded.effective))
}

#[test]
fn every_setting_is_shown_with_its_value_and_origin() {
    let mut setup = Setup::file(
        "[server]\nmax_body = 1048576\n[limits]\nrate_max = 5\nrate_window = 900\n[models.aliases]\n\"a b\" = \"c\"\n",
    )
    .var("CODEX_TIMEOUT", "10m")
    .var("CORS_ORIGINS", "https://a.example,https://b.example")
    .var("CODEX_LOCAL_ONLY", "yes")
    .var("PORT", "80");
    setup.flags.log_level = Some("warn".to_owned());
    let loaded = setup.loaded();
    let file = setup.dir.path().join("config.toml").display().to_string();
    for (key, value, origin) in [
        ("server.addr", "\"127.0.0.1:80\"", "PORT"),
        ("server.max_body", "\"1mb\"", &*format!("{file}:2")),
        ("server.request_seconds", "600", "CODEX_TIMEOUT"),
        ("server.drain_seconds", "30", "default"),
        (
            "server.cors_origins",
            "[\"https://a.example\", \"https://b.example\"]",
            "CORS_ORIGINS",
        ),
        ("auth.local_only", "true", "CODEX_LOCAL_ONLY"),
        ("limits.rate_window", "\"15m\"", &*format!("{file}:5")),
        ("models.aliases.\"a b\"", "\"c\"", &*format!("{file}:7")),
        ("logs.level", "\"warn\"", "--log-level"),
        ("codex.workdir", "", "default"),
        ("config", &*format!("\"{file}\""), "default"),
        (
            "home",
            &*format!("\"{}\"", setup.dir.path().display()),
            "CODEX_OPENAI_PROXY_HOME",
        ),
    ] {
        let found = find(&loaded, key);
        assert_eq!(
            (&*found.value, &*found.origin.to_string()),
            (value, origin),
            "{key}"
        );
    }
    assert_eq!(find(&loaded, "server.addr").reload, Reload::Restart);
    assert_eq!(find(&loaded, "limits.rate_max").reload, Reload::Live);
    for setting in SETTINGS {
        let is_table = matches!(setting.key, "auth.keys" | "models.aliases");
        assert!(is_table || !find(&loaded, setting.key).key.is_empty());
    }
}

#[test]
fn what_is_in_force_is_the_same_toml_that_would_set_it() {
    let loaded = Setup::vars(&[
        ("CODEX_TIMEOUT", "10m"),
        ("MAX_REQUEST_SIZE", "1000"),
        ("CORS_ORIGINS", "https://a.example"),
        (
            "CODEX_OPENAI_PROXY_CODEX_DEFAULT_INSTRUCTIONS",
            "a \"b\\c\"\n\u{1}d",
        ),
        ("RATE_LIMIT_WINDOW", "90s"),
        ("RATE_LIMIT_MAX", "7"),
    ])
    .loaded();
    let mut toml = String::new();
    for it in &loaded.effective {
        if it.key.contains('.') && !it.value.is_empty() {
            toml.extend([&it.key, " = ", &it.value, "\n"]);
        }
    }
    let again = Setup::file(&toml).config();
    assert_eq!(again.limits, loaded.config.limits);
    assert_eq!(again.codex, loaded.config.codex);
    assert_eq!(again.admission, loaded.config.admission);
    assert_eq!(again.cors, loaded.config.cors);
}

#[test]
fn secrets_are_masked_and_told_apart() {
    let file = |key: &str| {
        format!(
            "[auth.keys]\nlaptop = \"sha256:{}\"\nphone = {{ env = \"PHONE\" }}\n\
             [[upstreams]]\nname = \"a\"\nbase_url = \"http://127.0.0.1:1\"\napi_key_env = \"A_KEY\"\n\
             headers = {{ X-Key = \"{key}\" }}\nquery = {{ code = \"{key}\" }}\n",
            "ab".repeat(32)
        )
    };
    let setup = |text: &str, key: &str| {
        Setup::file(text)
            .var("PHONE", key)
            .var("A_KEY", key)
            .var("PROXY_API_KEY", &format!("{key}1,{key}2"))
            .var("UPSTREAM_BASE_URL", "http://127.0.0.1:2")
            .var("UPSTREAM_API_KEY", key)
            .loaded()
    };
    let loaded = setup(&file("s3cret"), "s3cret");
    for (key, value) in [
        ("auth.keys.laptop", "\"…\""),
        ("auth.keys.phone", "{ env = \"PHONE\" }"),
        ("auth.keys.PROXY_API_KEY", "\"…\""),
        ("auth.keys.PROXY_API_KEY-2", "\"…\""),
        ("upstreams.a.api_key_env", "\"A_KEY\""),
        ("upstreams.a.headers.X-Key", "\"…\""),
        ("upstreams.a.query.code", "\"…\""),
        ("upstreams.upstream.base_url", "\"http://127.0.0.1:2\""),
        ("upstreams.upstream.api_key_env", "\"UPSTREAM_API_KEY\""),
    ] {
        assert_eq!(find(&loaded, key).value, value, "{key}");
    }
    for (key, value) in [
        ("upstreams.a.timeout_seconds", "600"),
        ("upstreams.a.models", "[]"),
        ("upstreams.upstream.wire_api", "\"chat\""),
        ("upstreams.upstream.idle_timeout_seconds", "300"),
    ] {
        let found = find(&loaded, key);
        let shown = (&*found.value, found.origin.to_string());
        assert_eq!(shown, (value, "default".to_owned()), "{key}");
    }
    let shown = format!("{loaded:?}{:#?}", loaded.effective);
    let digest = blake3::hash(b"s3cret").to_hex();
    assert!(!shown.contains(digest.as_str()), "{shown}");
    assert!(
        !shown.contains("s3cret") && !shown.contains("abab"),
        "{shown}"
    );

    let other = setup(&file("0ther"), "0ther");
    for key in [
        "auth.keys.phone",
        "auth.keys.PROXY_API_KEY",
        "upstreams.a.api_key_env",
        "upstreams.a.headers.X-Key",
        "upstreams.a.query.code",
        "upstreams.upstream.api_key_env",
    ] {
        assert!(!find(&loaded, key).is_same(find(&other, key)), "{key}");
    }
    let moved = setup(&format!("\n{}", file("s3cret")), "s3cret");
    for (one, other) in loaded.effective.iter().zip(&moved.effective) {
        assert!(
            one.key == "config" || one.key.ends_with("home") || one.is_same(other),
            "{one:?}"
        );
    }
}

#[test]
fn providers_far_away_are_told_where_only_local_ones_may_be_asked() {
    let loaded = Setup::file(
        "[auth]\nlocal_only = true\n\
         [[upstreams]]\nname = \"near\"\nbase_url = \"http://localhost:1\"\n\
         [[upstreams]]\nname = \"far\"\nbase_url = \"https://api.example.com\"\n",
    )
    .var("UPSTREAM_BASE_URL", "https://example.com")
    .loaded();
    let names: Vec<&str> = loaded
        .warnings
        .iter()
        .map(|told| told.name.as_str())
        .collect();
    assert_eq!(names, ["upstreams[1].base_url", "UPSTREAM_BASE_URL"]);
}

#[test]
fn of_two_settings_that_say_one_thing_the_beaten_one_says_so() {
    let mut setup = Setup::file("[limits]\nrate_max = 10\nrate_window = \"15m\"")
        .with(&[("RUST_LOG", "debug"), ("RATE_LIMIT_PER_MINUTE", "5")]);
    let origin = |setup: &Setup, key: &str| {
        let origin = find(&setup.loaded(), key).origin.to_string();
        origin.replace(&format!("{}/", setup.dir.path().display()), "")
    };
    for (key, told) in [
        ("logs.filter", "RUST_LOG"),
        ("logs.level", "default"),
        ("limits.rate_per_minute", "RATE_LIMIT_PER_MINUTE"),
        (
            "limits.rate_max",
            "config.toml:2, but RATE_LIMIT_PER_MINUTE wins",
        ),
        (
            "limits.rate_window",
            "config.toml:3, but RATE_LIMIT_PER_MINUTE wins",
        ),
    ] {
        assert_eq!(origin(&setup, key), told, "{key}");
    }
    setup = setup.var("LOG_LEVEL", "info");
    assert_eq!(origin(&setup, "logs.level"), "LOG_LEVEL, but RUST_LOG wins");
    setup.flags.log_level = Some("error".to_owned());
    assert_eq!(origin(&setup, "logs.level"), "--log-level");
    assert_eq!(
        origin(&setup, "logs.filter"),
        "RUST_LOG, but --log-level wins"
    );
}
