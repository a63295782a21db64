//! Variables: ours, those of other proxies of this kind, and those that nobody knows.

use super::Setup;
use crate::config::{CorsOrigins, Limits, ReasoningSetting};
use std::time::Duration;

#[test]
fn the_names_of_other_proxies_mean_the_same() {
    let config = Setup::vars(&[
        ("PORT", "8080"),
        ("HOST", "0.0.0.0"),
        ("PROXY_API_KEY", "a"),
        ("API_KEYS", "b,c"),
        ("CORS_ORIGINS", "https://a.example, http://b.example:8080"),
        ("MAX_REQUEST_SIZE", "10mb"),
        ("CODEX_TIMEOUT", "120"),
        ("SERVER_TIMEOUT", "999"),
        ("CODEX_LOCAL_ONLY", "1"),
        ("RATE_LIMIT_WINDOW", "15m"),
        ("RATE_LIMIT_MAX", "100"),
        ("RATE_LIMIT_PER_MINUTE", "0"),
        ("CODEX_MAX_PARALLEL_REQUESTS", "2"),
        ("CODEX_QUEUE_TIMEOUT_SECONDS", "30"),
        ("CODEX_REASONING_EFFORT", "High"),
        ("CODEX_WORKDIR", "/"),
        ("CODEX_SANDBOX_MODE", "read-only"),
        ("CODEX_HIDE_REASONING", "1"),
        ("LOG_LEVEL", "WARN"),
    ])
    .config();
    assert_eq!(config.addr.to_string(), "0.0.0.0:8080");
    assert_eq!(config.api_keys.len(), 3);
    assert_eq!(
        config.cors,
        CorsOrigins::These(vec![
            "https://a.example".to_owned(),
            "http://b.example:8080".to_owned()
        ])
    );
    assert_eq!(config.limits.max_body_bytes, 10 * 1024 * 1024);
    assert_eq!(config.limits.request, Some(Duration::from_mins(2)));
    assert!(config.local_only);
    let rate = config.admission.rate.unwrap();
    assert_eq!(
        (rate.requests.get(), rate.window),
        (100, Duration::from_mins(15))
    );
    assert_eq!(config.admission.max_parallel.map(usize::from), Some(2));
    assert_eq!(config.admission.queue_timeout, Duration::from_secs(30));
    assert_eq!(config.codex.reasoning_effort.as_deref(), Some("high"));
    assert_eq!(config.codex.workdir.as_deref(), Some("/".as_ref()));
    assert_eq!(config.reasoning, ReasoningSetting::Off);
    assert_eq!(config.log_filter.as_deref(), Some("warn"));
}

#[test]
fn times_of_variables_have_units_or_say_them_in_their_name() {
    for (name, value, seconds) in [
        ("CODEX_TIMEOUT", "90", 90),
        ("CODEX_TIMEOUT", "10m", 600),
        ("SERVER_TIMEOUT", "300000ms", 300),
        ("PROXY_TIMEOUT_MS", "300000", 300),
        ("PROXY_TIMEOUT_MS", "1500", 2),
        ("PROXY_TIMEOUT_MS", "5m", 300),
    ] {
        let config = Setup::new().var(name, value).config();
        assert_eq!(
            config.limits.request,
            Some(Duration::from_secs(seconds)),
            "{name}={value}"
        );
    }
    assert_eq!(
        Setup::new()
            .var("CODEX_TIMEOUT", "0")
            .config()
            .limits
            .request,
        None
    );
    let config =
        Setup::vars(&[("RATE_LIMIT_WINDOW_MS", "60000"), ("RATE_LIMIT_MAX", "5")]).config();
    assert_eq!(
        config.admission.rate.unwrap().window,
        Duration::from_mins(1)
    );
    // Seconds or milliseconds? Nobody can tell.
    for name in ["SERVER_TIMEOUT", "CODEX_TIMEOUT"] {
        let told = Setup::new().var(name, "60000").mistake();
        assert_eq!(told, format!("{name}: write the unit: 60000ms or 60000s"));
    }
    let window = Setup::vars(&[("RATE_LIMIT_WINDOW", "900000"), ("RATE_LIMIT_MAX", "5")]);
    assert_eq!(
        window.mistake(),
        "RATE_LIMIT_WINDOW: write the unit: 900000ms or 900000s"
    );
}

#[test]
fn a_port_or_a_host_replaces_that_part_of_the_address() {
    for (file, vars, addr) in [
        ("", &[("PORT", "80")][..], "127.0.0.1:80"),
        ("", &[("HOST", "127.0.0.2")], "127.0.0.2:11435"),
        ("", &[("HOST", "localhost"), ("PORT", "80")], "127.0.0.1:80"),
        ("", &[("HOST", "::1"), ("PORT", "80")], "[::1]:80"),
        (
            "",
            &[("PROXY_HOST", "127.0.0.3"), ("HOST", "my-machine")],
            "127.0.0.3:11435",
        ),
        // Shells set it to the machine's name.
        ("", &[("HOST", "my-machine")], "127.0.0.1:11435"),
        (
            "[server]\naddr = \"127.0.0.9:1\"",
            &[("PORT", "80")],
            "127.0.0.9:80",
        ),
    ] {
        let mut setup = Setup::file(file);
        for (name, value) in vars {
            setup = setup.var(name, value);
        }
        let loaded = setup.loaded();
        assert_eq!(loaded.config.addr.to_string(), addr, "{vars:?}");
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    }
    for port in ["high", "70000", "-1"] {
        let told = Setup::new().var("PORT", port).mistake();
        assert!(told.starts_with("PORT: "), "{told}");
    }
    let told = Setup::vars(&[("HOST", "0.0.0.0")]).mistake();
    assert!(
        told.starts_with("HOST: 0.0.0.0:11435 can be reached"),
        "{told}"
    );
}

#[test]
fn a_port_beside_an_address_of_ours_is_told_not_to_count() {
    let mut setup = Setup::vars(&[("PORT", "80"), ("CODEX_OPENAI_PROXY_ADDR", "127.0.0.1:1")]);
    for (flag, addr, name) in [
        (None, "127.0.0.1:1", "CODEX_OPENAI_PROXY_ADDR"),
        (Some("127.0.0.1:2"), "127.0.0.1:2", "--addr"),
    ] {
        setup.flags.addr = flag.map(str::to_owned);
        let loaded = setup.loaded();
        assert_eq!(loaded.config.addr.to_string(), addr);
        let told: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [format!(
                "PORT: is not used, because {name} says where to listen"
            )]
        );
    }
    let loaded = Setup::vars(&[("PORT", "80"), ("HOST", "my-machine")]).loaded();
    assert_eq!(loaded.config.addr.to_string(), "127.0.0.1:80");
    assert_eq!(loaded.warnings[0].name, "HOST");
}

#[test]
fn every_setting_has_a_variable_of_our_own() {
    let config = Setup::vars(&[
        ("CODEX_OPENAI_PROXY_SERVER_DRAIN_SECONDS", "1m"),
        ("CODEX_OPENAI_PROXY_SERVER_CORS_ORIGINS", "*"),
        ("CODEX_OPENAI_PROXY_CODEX_FETCH_IMAGES", "no"),
        ("CODEX_OPENAI_PROXY_LOGS_DAYS", "3"),
        // Ours wins.
        ("CODEX_OPENAI_PROXY_SERVER_REQUEST_SECONDS", "1"),
        ("CODEX_TIMEOUT", "2"),
    ])
    .config();
    assert_eq!(config.limits.drain, Duration::from_mins(1));
    assert_eq!(config.limits.request, Some(Duration::from_secs(1)));
    assert!(!config.codex.fetch_images);
    assert_eq!(config.logs.max_age, Duration::from_hours(72));
}

#[test]
fn a_variable_that_looks_like_ours_and_is_not_is_a_mistake() {
    for (name, told) in [
        (
            "CODEX_OPENAI_PROXY_ADRR",
            "did you mean CODEX_OPENAI_PROXY_ADDR?",
        ),
        (
            "CODEX_OPENAI_PROXY_PROFIL",
            "did you mean CODEX_OPENAI_PROXY_PROFILE?",
        ),
        (
            "CODEX_OPENAI_PROXY_SERVER_DRAIN",
            "did you mean CODEX_OPENAI_PROXY_SERVER_DRAIN_SECONDS?",
        ),
        ("CODEX_OPENAI_PROXY_PORT", "is no variable of this program"),
    ] {
        let mistake = Setup::new().var(name, "80").mistake();
        assert!(mistake.starts_with(&format!("{name}: ")), "{mistake}");
        assert!(mistake.contains(told), "{mistake}");
    }
    // Set to nothing is not set.
    Setup::new().var("CODEX_OPENAI_PROXY_ADRR", "").config();
}

#[test]
fn what_kubernetes_says_of_a_service_of_our_name_is_none_of_our_business() {
    let config = Setup::vars(&[
        ("CODEX_OPENAI_PROXY_SERVICE_HOST", "10.0.0.1"),
        ("CODEX_OPENAI_PROXY_SERVICE_PORT", "11435"),
        ("CODEX_OPENAI_PROXY_SERVICE_PORT_HTTP", "11435"),
        ("CODEX_OPENAI_PROXY_PORT", "tcp://10.0.0.1:11435"),
        ("CODEX_OPENAI_PROXY_PORT_11435_TCP", "tcp://10.0.0.1:11435"),
        ("CODEX_OPENAI_PROXY_PORT_11435_TCP_ADDR", "10.0.0.1"),
    ])
    .config();
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.addr.to_string(), "127.0.0.1:11435");
}

#[test]
fn variables_of_other_proxies_that_mean_nothing_here_are_told() {
    let loaded = Setup::vars(&[
        ("CODEX_MODEL", "gpt-5"),
        ("CODEX_ALLOW_DANGER_FULL_ACCESS", "1"),
    ])
    .loaded();
    let names: Vec<&str> = loaded
        .warnings
        .iter()
        .map(|told| told.name.as_str())
        .collect();
    assert_eq!(names, ["CODEX_ALLOW_DANGER_FULL_ACCESS", "CODEX_MODEL"]);
    assert!(loaded.warnings[0].message.starts_with("has no effect"));
}

#[test]
fn the_stronger_layer_says_how_much_is_logged_and_in_one_layer_the_filter() {
    let filter = |file: &str, vars: &[(&str, &str)], flag: Option<&str>| {
        let mut setup = Setup::file(file);
        for (name, value) in vars {
            setup = setup.var(name, value);
        }
        setup.flags.log_level = flag.map(str::to_owned);
        setup.config().log_filter
    };
    let both = [("RUST_LOG", "hyper=trace"), ("LOG_LEVEL", "error")];
    assert_eq!(filter("", &both, None).as_deref(), Some("hyper=trace"));
    assert_eq!(filter("", &both, Some("warn")).as_deref(), Some("warn"));
    assert_eq!(filter("", &both[1..], None).as_deref(), Some("error"));
    let file = "[logs]\nfilter = \"hyper=info\"\nlevel = \"debug\"";
    assert_eq!(filter(file, &[], None).as_deref(), Some("hyper=info"));
    assert_eq!(filter(file, &both[1..], None).as_deref(), Some("error"));
    assert_eq!(filter("", &[], None), None);
}

#[test]
fn cross_origin_replies_can_be_switched_off() {
    let cors = |vars: &[(&str, &str)]| Setup::vars(vars).config().cors;
    assert_eq!(
        cors(&[("PROXY_ENABLE_CORS", "false")]),
        CorsOrigins::These(Vec::new())
    );
    assert_eq!(cors(&[("PROXY_ENABLE_CORS", "true")]), CorsOrigins::Any);
    assert_eq!(cors(&[("CORS_ORIGINS", "*")]), CorsOrigins::Any);
    let told = Setup::new().var("CORS_ORIGINS", "https://a/path").mistake();
    assert!(
        told.starts_with("CORS_ORIGINS: \"https://a/path\" is no origin"),
        "{told}"
    );
}
