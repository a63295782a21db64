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
        // What its name says, or everybody takes it for.
        ("CODEX_TIMEOUT", "10800", 10_800),
        ("CODEX_OPENAI_PROXY_SERVER_REQUEST_SECONDS", "10800", 10_800),
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
    let told = Setup::new().var("SERVER_TIMEOUT", "60000").mistake();
    assert_eq!(told, "SERVER_TIMEOUT: write the unit: 60000ms or 60000s");
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
        ("", &[("PROXY_HOST", "127.0.0.3")], "127.0.0.3:11435"),
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
fn a_port_or_a_host_that_does_not_count_is_told() {
    let own = ("CODEX_OPENAI_PROXY_ADDR", "127.0.0.1:1");
    let address = "is not used, because CODEX_OPENAI_PROXY_ADDR says where to listen";
    let flag = "is not used, because --addr says where to listen";
    let proxy_host = "is not used, because PROXY_HOST says where to listen";
    let no_address = "is not used, because \"my-machine\" is no IP address";
    for (vars, flagged, addr, told) in [
        (
            &[("PORT", "80"), own][..],
            None,
            "127.0.0.1:1",
            &[("PORT", address)][..],
        ),
        (
            &[
                ("PORT", "80"),
                ("HOST", "0.0.0.0"),
                ("PROXY_HOST", "::"),
                own,
            ],
            Some("127.0.0.1:2"),
            "127.0.0.1:2",
            &[("PORT", flag), ("PROXY_HOST", flag), ("HOST", flag)],
        ),
        (
            &[("HOST", "127.0.0.2"), ("PROXY_HOST", "127.0.0.3")],
            None,
            "127.0.0.3:11435",
            &[("HOST", proxy_host)],
        ),
        // Shells set it to the machine's name.
        (
            &[("PORT", "80"), ("HOST", "my-machine")],
            None,
            "127.0.0.1:80",
            &[("HOST", no_address)],
        ),
        (
            &[("HOST", "my-machine")],
            None,
            "127.0.0.1:11435",
            &[("HOST", no_address)],
        ),
        (&[("HOST", "my-machine"), own], None, "127.0.0.1:1", &[]),
    ] {
        let mut setup = Setup::vars(vars);
        setup.flags.addr = flagged.map(str::to_owned);
        let loaded = setup.loaded();
        assert_eq!(loaded.config.addr.to_string(), addr, "{vars:?}");
        let warnings = loaded.warnings.iter();
        let warnings: Vec<(&str, &str)> = warnings.map(|it| (&*it.name, &*it.message)).collect();
        assert_eq!(warnings, told, "{vars:?}");
    }
    let told = Setup::vars(&[("PROXY_HOST", "my-machine"), own]).mistake();
    assert_eq!(told, "PROXY_HOST: \"my-machine\" is no IP address");
}

#[test]
fn the_address_is_known_without_the_file_where_its_port_is_set_outside_of_it() {
    let addr = |vars: &[(&str, &str)], flag: Option<&str>| {
        let mut setup = Setup::file("[server]\naddr = \"127.0.0.9:9\"\nbroken").with(vars);
        setup.flags.addr = flag.map(str::to_owned);
        let addr = setup.sources().addr_without_file();
        addr.map(|addr| addr.to_string())
    };
    let known = |addr: &str| Some(addr.to_owned());
    let own = ("CODEX_OPENAI_PROXY_ADDR", "[::1]:2");
    assert_eq!(addr(&[own], Some("127.0.0.1:3")), known("127.0.0.1:3"));
    assert_eq!(addr(&[own, ("PORT", "4")], None), known("[::1]:2"));
    assert_eq!(addr(&[("PORT", "4")], None), known("127.0.0.1:4"));
    let parts = [("PORT", "4"), ("HOST", "0.0.0.0")];
    assert_eq!(addr(&parts, None), known("0.0.0.0:4"));
    for vars in [&[][..], &[("HOST", "127.0.0.2")], &[("PORT", "high")]] {
        assert_eq!(addr(vars, None), None, "{vars:?}");
    }
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
fn a_variable_that_is_nearly_one_of_other_proxies_is_told() {
    for (name, meant) in [
        ("UPSTREAM_BASEURL", "UPSTREAM_BASE_URL"),
        ("RATE_LIMIT_WINDOWS", "RATE_LIMIT_WINDOW"),
        ("PROXY_API_KEYS", "PROXY_API_KEY"),
        ("CODEX_MAX_PARALLEL_REQUEST", "CODEX_MAX_PARALLEL_REQUESTS"),
    ] {
        let loaded = Setup::new().var(name, "1").loaded();
        let told: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
        let wanted = format!("{name}: is no variable of this program: did you mean {meant}?");
        assert_eq!(told, [wanted]);
        let unset = Setup::new().var(name, " ").loaded();
        assert!(unset.warnings.is_empty(), "{name}");
    }
    for name in ["PROXY_PORT", "CODEX_APPROVAL_MODE"] {
        let loaded = Setup::new().var(name, "1").loaded();
        assert!(loaded.warnings[0].message.starts_with("has no effect: "));
    }
    // Of the Codex CLI, or of anybody.
    let loaded = Setup::vars(&[
        ("CODEX_SANDBOX", "seatbelt"),
        ("CODEX_SANDBOX_NETWORK_DISABLED", "1"),
        ("CODEX_ACCESS_TOKEN", "x"),
        ("CODEX_API_KEY", "x"),
        ("CODEX_CA_CERTIFICATE", "x"),
        ("CODEX_CI", "1"),
        ("CODEX_THREAD_ID", "1"),
        ("CODEX_HOME", "/"),
        ("PROXY_URL", "http://a"),
        ("PROXY_USER", "a"),
        ("API_KEY", "a"),
    ])
    .loaded();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
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
    assert_eq!(
        cors(&[("PROXY_ENABLE_CORS", "0"), ("CORS_ORIGINS", "*")]),
        CorsOrigins::These(Vec::new())
    );
    assert_eq!(cors(&[("CORS_ORIGINS", "*")]), CorsOrigins::Any);
    let told = Setup::new().var("CORS_ORIGINS", "https://a/path").mistake();
    assert!(
        told.starts_with("CORS_ORIGINS: \"https://a/path\" is no origin"),
        "{told}"
    );
}

#[test]
fn a_switch_that_is_neither_on_nor_off_is_a_mistake() {
    for name in ["PROXY_ENABLE_CORS", "CODEX_HIDE_REASONING"] {
        let setup = Setup::vars(&[
            (name, "maybe"),
            ("CORS_ORIGINS", "*"),
            ("CODEX_OPENAI_PROXY_REPLY_REASONING", "think"),
        ]);
        assert_eq!(
            setup.mistake(),
            format!("{name}: \"maybe\" is neither 1 nor 0, true nor false")
        );
    }
}

#[test]
fn the_stronger_layer_says_in_which_form_the_rate_is_limited() {
    let rate = |file: &str, vars: &[(&str, &str)]| {
        let rate = Setup::file(file).with(vars).config().admission.rate;
        rate.map(|rate| (rate.requests.get(), rate.window.as_secs()))
    };
    let per_minute = "[limits]\nrate_per_minute = 60";
    let in_window = "[limits]\nrate_max = 10\nrate_window = \"15m\"";
    let both = [("RATE_LIMIT_MAX", "5"), ("RATE_LIMIT_WINDOW", "1h")];
    assert_eq!(rate(per_minute, &both), Some((5, 3600)));
    assert_eq!(rate(per_minute, &[]), Some((60, 60)));
    for (value, limit) in [("7", Some((7, 60))), ("0", None)] {
        let variable = [("RATE_LIMIT_PER_MINUTE", value)];
        assert_eq!(rate(in_window, &variable), limit, "{value}");
    }
    // Either part of it.
    assert_eq!(rate(in_window, &both[..1]), Some((5, 900)));
    let twice = Setup::vars(&both)
        .var("RATE_LIMIT_PER_MINUTE", "7")
        .mistake();
    assert!(
        twice.starts_with("RATE_LIMIT_PER_MINUTE: and limits.rate_max"),
        "{twice}"
    );
}

#[test]
fn the_address_has_a_variable_by_its_key_too() {
    let own = ("CODEX_OPENAI_PROXY_SERVER_ADDR", "127.0.0.1:1");
    assert_eq!(Setup::vars(&[own]).config().addr.port(), 1);
    let both = Setup::vars(&[own, ("CODEX_OPENAI_PROXY_ADDR", "127.0.0.1:2")]);
    assert_eq!(both.config().addr.port(), 1);
}
