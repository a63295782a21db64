//! Mistakes: all at once, each with its place and the name that was meant.

use super::Setup;

#[test]
fn all_mistakes_are_told_at_once_with_their_names() {
    let setup = Setup::file(
        r#"
        [server]
        max_body = 0
        drain_seconds = -1
        keep_alive_seconds = 200
        cors_origins = ["*", "https://a"]
        [limits]
        rate_window = "0s"
        rate_max = 1
        address_header = "two words"
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
        [logs]
        bodies = "some"
        days = 0
        max_mib = -1
        level = "loud"
        page_folder = "/nowhere"
        [codex]
        default_instructions = " "
        user_agent = "ü"
        reasoning_effort = "huge"
        workdir = "/nowhere"
        "#,
    )
    .var("CODEX_OPENAI_PROXY_ADDR", "localhost")
    .var("PROXY_API_KEY", "s3cret s3cret")
    .var("LOG_FORMAT", "xml")
    .var("RUST_LOG", "info,==")
    .var("CODEX_SANDBOX_MODE", "workspace-write")
    .var("CODEX_TIMEOUT", "soon")
    .var("CODEX_LOCAL_ONLY", "perhaps");
    assert_eq!(
        setup.names_of_mistakes(),
        [
            "CODEX_LOCAL_ONLY",
            "CODEX_OPENAI_PROXY_ADDR",
            "CODEX_SANDBOX_MODE",
            "CODEX_TIMEOUT",
            "LOG_FORMAT",
            "PROXY_API_KEY",
            "RUST_LOG",
            "codex.default_instructions",
            "codex.reasoning_effort",
            "codex.user_agent",
            "codex.workdir",
            "conversations.idle_seconds",
            "conversations.max_live",
            "conversations.parked_seconds",
            "conversations.wait_seconds",
            "limits.address_header",
            "limits.rate_window",
            "logs.bodies",
            "logs.days",
            "logs.level",
            "logs.max_mib",
            "logs.page_folder",
            "models.aliases.empty",
            "reply.cursor_context_overflow",
            "reply.reasoning",
            "server.cors_origins",
            "server.drain_seconds",
            "server.keep_alive_seconds",
            "server.max_body",
        ]
    );
    let error = setup.load().unwrap_err();
    let lines: Vec<usize> = error
        .mistakes
        .iter()
        .filter_map(|mistake| Some(mistake.at.as_ref()?.line))
        .collect();
    assert_eq!(lines.len(), 22);
    assert!(lines.is_sorted(), "{lines:?}");
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[test]
fn a_mistake_says_where_it_stands_and_what_is_wanted() {
    for (toml, told) in [
        (
            "\n[server]\n  drain_seconds = \"x\"",
            "config.toml:3:19: server.drain_seconds: is a string: a whole number of seconds is wanted",
        ),
        (
            "[server]\naddr = 5",
            "config.toml:2:8: server.addr: is a number: a string is wanted",
        ),
        (
            "[server]\naddr = \"here\"",
            "config.toml:2:8: server.addr: \"here\" is no address: write IP:PORT, such as 127.0.0.1:11435",
        ),
        (
            "[reply]\nreasoning = \"loud\"",
            "config.toml:2:13: reply.reasoning: \"loud\" is none of auto, think, content, off",
        ),
        (
            "[conversations]\nwait_seconds = 601",
            "config.toml:2:16: conversations.wait_seconds: 601 is not between 0 and 600",
        ),
        (
            "[server]\nmax_body = \"5gb\"",
            "config.toml:2:12: server.max_body: 5gb is not between 1 and 4gb",
        ),
        (
            "[logs]\ndays = 99999999999999999999",
            "config.toml:2:8: logs.days: is a number that is too large: a whole number is wanted",
        ),
        (
            "[codex]\nsandbox_mode = \"danger-full-access\"",
            "config.toml:2:16: codex.sandbox_mode: \"danger-full-access\" is not read-only, which is all \
             there is: models run nothing on this machine",
        ),
        (
            "server = 1",
            "config.toml:1:10: server: is a number: a table, [server], is wanted",
        ),
        (
            "[models]\naliases = \"a\"",
            "config.toml:2:11: models.aliases: is a string: a table is wanted",
        ),
        (
            "[models.aliases]\na = 1",
            "config.toml:2:5: models.aliases.a: is a number: the name of a model is wanted",
        ),
        (
            "[upstreams]\nname = \"a\"",
            "config.toml:1:1: upstreams: is a table: a list of tables, each under [[upstreams]], is wanted",
        ),
        (
            "upstreams = [1]",
            "config.toml:1:14: upstreams[0]: is a number: a table is wanted",
        ),
        (
            "[limits]\nrate_per_minute = 1\nrate_max = 1\nrate_window = \"1m\"",
            "config.toml:2:19: limits.rate_per_minute: and limits.rate_max with limits.rate_window are two \
             ways to say one thing: set either",
        ),
        (
            "[limits]\nrate_max = 1",
            "config.toml:2:12: limits.rate_max: means nothing without limits.rate_window",
        ),
        (
            "[limits]\nrate_window = 60",
            "config.toml:2:15: limits.rate_window: means nothing without limits.rate_max",
        ),
        (
            "\"auth.local_only\" = true",
            "config.toml:1:1: \"auth.local_only\": is no setting: write `[auth]` and `local_only`, without \
             quotes",
        ),
        (
            "\"models.aliases\" = {}",
            "config.toml:1:1: \"models.aliases\": is no setting: write `[models.aliases]`, without quotes",
        ),
        (
            "[limits]\n\"max.parallel\" = 1",
            "config.toml:2:1: limits.\"max.parallel\": is no setting",
        ),
        (
            "[profiles.work]\n\"limits.max_parallel\" = \"nonsense\"",
            "config.toml:2:1: profiles.work.\"limits.max_parallel\": is no setting: write \
             `[profiles.work.limits]` and `max_parallel`, without quotes",
        ),
        (
            "[server]\naddr = \"0.0.0.0:80\"",
            "config.toml:2:8: server.addr: 0.0.0.0:80 can be reached from other machines, so it needs a \
             key: set PROXY_API_KEY, or put one into [auth.keys] (`codex-openai-proxy key new NAME` makes \
             one)",
        ),
    ] {
        assert_eq!(Setup::file(toml).mistake(), told, "{toml}");
    }
}

#[test]
fn an_unknown_key_is_told_with_the_one_that_was_meant() {
    for (toml, told) in [
        ("[server]\nadress = 1", "did you mean `server.addr`?"),
        (
            "[server]\nmax_body_bytes = 1",
            "did you mean `server.max_body`?",
        ),
        (
            "[server]\ndrain_secs = 1",
            "did you mean `server.drain_seconds`?",
        ),
        (
            "[server]\nrate_per_minute = 1",
            "did you mean `limits.rate_per_minute`?",
        ),
        (
            "[logs]\nlocal_only = true",
            "did you mean `auth.local_only`?",
        ),
        ("rate_max = 1", "did you mean `limits.rate_max`?"),
        ("[sever]", "did you mean `server`?"),
        ("[[upstream]]", "did you mean `upstreams`?"),
        ("[profile.work]", "profile: is a table: a string is wanted"),
        (
            "[conversation]\nmax_live = 1",
            "did you mean `conversations`?",
        ),
        ("[auth]\nxyz = 1", "[auth] has local_only, keys"),
        ("xyz = 1", "`codex-openai-proxy config example` shows all"),
        (
            "[[upstreams]]\nname = \"a\"\nbase_url = \"http://a\"\nmodel = []",
            "did you mean `models`?",
        ),
        (
            "[[upstreams]]\nname = \"a\"\nbase_url = \"http://a\"\nxyz = 1",
            "is no setting of a provider",
        ),
        ("home = \"/\"", "home: is no setting"),
    ] {
        let mistake = Setup::file(toml).mistake();
        assert!(
            mistake.ends_with(told) || mistake.contains(told),
            "{mistake}"
        );
        assert!(mistake.starts_with("config.toml:"), "{mistake}");
    }
    let told = Setup::file("[server]\n\n  adress = 1").mistake();
    assert!(
        told.starts_with("config.toml:3:3: server.adress: "),
        "{told}"
    );
}

#[test]
fn what_is_no_toml_is_told_with_its_place_and_the_rest_is_read_on() {
    let setup = Setup::file(
        "[server]\naddr = here\n\n[reply]\nreasoning = \"loud\"\nreasoning = \"off\"\n[logs\ndays = 0\n",
    );
    let error = setup.load().unwrap_err();
    let lines: Vec<usize> = error
        .mistakes
        .iter()
        .filter_map(|mistake| Some(mistake.at.as_ref()?.line))
        .collect();
    // What a fault leaves of its line is not judged.
    let told = error.to_string();
    assert!(!told.contains("server.addr"), "{told}");
    for line in [2, 5, 6, 7, 8] {
        assert!(lines.contains(&line), "{line}: {error}");
    }
}

#[test]
fn a_file_that_cannot_be_read_does_not_tell_what_it_says_of_providers() {
    let provider = "[[upstreams]]\nname = \"a\"\nbase_url = \"http://a\"\n";
    for lines in [
        "api_key_env = sk-s3cret",
        "headers = \"Bearer s3cret\"",
        "[upstreams.headers]\nx-key = s3cret",
        "[upstreams.headers]\nx-key = [\"s3cret\"]",
        "[upstreams.headers]\n\"Bearer s3cret\" = \"x\"",
        "[upstreams.headers]\n\"Bearer s3cret\" = 1",
        "[upstreams.query]\ncode = \"s3cret",
        "[upstreams.query]\ncode = { a = \"s3cret\" }",
        "api_key_env = [\"s3cret\"]",
        "[[upstreams]] s3cret",
        "name = \"s3cret\"",
        "[auth.keys]\ncursor = s3cret",
        "[auth]\nkeys = [\"s3cret\"]",
        "[auth]\nkeys = \"s3cret\"",
        "[auth.keys]\ncursor = \"s3cret\"",
        "[auth.keys]\ncursor = { env = \"sk-s3cret\" }",
        "[auth.keys]\ncursor = { key = \"s3cret\" }",
        "[auth.keys]\n\"s3cret key\" = \"x\"",
        "[profiles.a.auth.keys]\ncursor = \"s3cret\"",
        "[profiles.a.auth.keys]\n\"s3cret key\" = \"x\"",
    ] {
        let setup = Setup::file(&format!("{provider}{lines}\n"));
        let error = setup.load().unwrap_err();
        let told = error.to_string();
        assert!(!told.contains("s3cret"), "{told}");
        for mistake in &error.mistakes {
            assert!(mistake.at.is_some(), "{mistake}");
        }
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}

#[test]
fn each_item_of_a_list_is_judged_and_told_with_its_place() {
    let provider = "[[upstreams]]\nname = \"a\"\nbase_url = \"http://a\"\n";
    for (toml, told) in [
        (
            "[server]\ncors_origins = [\n  \"https://a\",\n  5,\n  \"b\",\n]".to_owned(),
            [
                "config.toml:4:3: server.cors_origins[1]: is a number: a string is wanted",
                "config.toml:5:3: server.cors_origins[2]: \"b\" is no origin",
            ],
        ),
        (
            format!("{provider}models = [\"\", true]"),
            [
                "config.toml:4:11: upstreams[0].models[0]: a model's name must not be empty",
                "config.toml:4:15: upstreams[0].models[1]: is a boolean: a string is wanted",
            ],
        ),
        (
            format!("{provider}reasoning_efforts = [\"loud\", \"low\", \"quiet\"]"),
            [
                "config.toml:4:22: upstreams[0].reasoning_efforts[0]: \"loud\" is none of",
                "config.toml:4:37: upstreams[0].reasoning_efforts[2]: \"quiet\" is none of",
            ],
        ),
    ] {
        let setup = Setup::file(&toml);
        let folder = format!("{}/", setup.dir.path().display());
        let mistakes = setup.mistakes();
        assert_eq!(mistakes.len(), told.len(), "{mistakes:?}");
        for (mistake, told) in mistakes.iter().zip(told) {
            let mistake = mistake.to_string().replace(&folder, "");
            assert!(mistake.starts_with(told), "{mistake}");
        }
    }
}

#[test]
fn a_file_that_is_no_utf_8_is_told_with_the_place_of_the_first_bad_byte() {
    let setup = Setup::new();
    let text = b"[server]\naddr = \"127.0.0.1:1\" # gr\xfcn \xff";
    std::fs::write(setup.dir.path().join("config.toml"), text).unwrap();
    assert_eq!(
        setup.mistake(),
        "config.toml:2:26: has a byte here that is no UTF-8"
    );
}

#[test]
fn that_a_key_is_missing_is_told_beside_other_mistakes() {
    let open = "[server]\naddr = \"0.0.0.0:80\"\n";
    for (rest, names) in [
        ("[logs]\ndays = 0", &["logs.days", "server.addr"][..]),
        // It may be what is wrong, or stand where it is.
        ("[auth.keys]\na = 5", &["auth.keys.a"]),
        (
            "[auth.keys]\na = 5\n[logs]\ndays = 0",
            &["auth.keys.a", "logs.days"],
        ),
        ("[auth.keys\na = 5", &[""]),
    ] {
        let told = Setup::file(&format!("{open}{rest}")).names_of_mistakes();
        assert!(
            names.iter().all(|name| told.iter().any(|it| it == name)),
            "{told:?}"
        );
        let is_told = told.iter().any(|name| name == "server.addr");
        assert_eq!(is_told, names.contains(&"server.addr"), "{rest}");
    }
}

#[test]
fn an_address_that_others_reach_needs_a_key() {
    for (addr, needs_key) in [
        ("127.0.0.1:0", false),
        ("127.1.2.3:80", false),
        ("[::1]:80", false),
        ("[::ffff:127.0.0.1]:80", false),
        ("0.0.0.0:80", true),
        ("[::]:80", true),
        ("192.168.1.2:80", true),
        ("[fe80::1]:80", true),
    ] {
        let mut setup = Setup::new();
        setup.flags.addr = Some(addr.to_owned());
        assert_eq!(setup.load().is_err(), needs_key, "{addr}");
        if needs_key {
            let told = setup.mistake();
            assert!(told.starts_with("--addr: "), "{told}");
            assert!(
                told.contains("PROXY_API_KEY") && told.contains("[auth.keys]"),
                "{told}"
            );
        }
        let setup = setup.var("PROXY_API_KEY", "s3cret");
        assert_eq!(
            setup.config().addr.to_string(),
            addr.parse::<std::net::SocketAddr>().unwrap().to_string()
        );
    }
}

#[test]
fn numbers_are_read_as_toml_writes_them() {
    for (written, days) in [("1_0", 10), ("+3", 3), ("0x1F", 31), ("0b11", 3)] {
        let config = Setup::file(&format!("logs.days = {written}")).config();
        assert_eq!(config.logs.max_age.as_secs(), days * 86_400, "{written}");
    }
    for written in ["1.0", "1979-05-27", "true", "[1]", "{ a = 1 }", "-1"] {
        let told = Setup::file(&format!("[logs]\ndays = {written}")).mistake();
        assert!(told.starts_with("config.toml:2:8: logs.days: "), "{told}");
    }
}

#[test]
fn a_file_that_is_nested_without_end_is_a_mistake_like_others() {
    for deep in [
        "[".repeat(100_000),
        "{ a = ".repeat(100_000),
        "a.".repeat(100_000),
    ] {
        let mistakes = Setup::file(&format!("server.addr = {deep}")).mistakes();
        assert!(!mistakes.is_empty());
        let mistakes = Setup::file(&format!("{deep}a = 1")).mistakes();
        assert!(!mistakes.is_empty());
    }
}
