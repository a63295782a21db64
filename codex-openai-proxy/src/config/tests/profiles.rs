//! Profiles: laid over the rest of the file, under the environment.

use super::Setup;
use crate::config::{KeptBodies, Origin};

const FILE: &str = r#"
    [server]
    drain_seconds = 1
    keep_alive_seconds = 2
    first_event_seconds = 3
    [models.aliases]
    a = "one"
    b = "two"
    [codex]
    workdir = "/"
    [[upstreams]]
    name = "file"
    base_url = "http://127.0.0.1:1"

    [profiles.work.server]
    keep_alive_seconds = 20
    first_event_seconds = 30
    [profiles.work.models.aliases]
    b = "other"
    c = "three"
    [profiles.work.codex]
    workdir = ""
    [[profiles.work.upstreams]]
    name = "work"
    base_url = "http://127.0.0.1:2"

    [profiles.home.logs]
    bodies = "off"
"#;

#[test]
fn a_profile_is_laid_over_the_file_and_under_the_environment() {
    let name = "CODEX_OPENAI_PROXY_SERVER_FIRST_EVENT_SECONDS";
    let config = Setup::file(FILE).var(name, "40").profile("work").config();
    assert_eq!(config.limits.drain.as_secs(), 1);
    assert_eq!(config.limits.keep_alive.as_secs(), 20);
    assert_eq!(config.limits.first_event.as_secs(), 40);
    let aliases: Vec<(&str, &str)> = config.aliases.iter().collect();
    assert_eq!(aliases, [("a", "one"), ("b", "other"), ("c", "three")]);
    assert_eq!(config.codex.workdir, None);
    let names: Vec<&str> = config.upstreams.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["work"]);

    let config = Setup::file(FILE).config();
    assert_eq!(config.limits.keep_alive.as_secs(), 2);
    assert_eq!(config.upstreams[0].name, "file");
    assert_eq!(config.logs.bodies, KeptBodies::Redacted);
}

#[test]
fn the_flag_the_variable_and_the_file_select_a_profile() {
    let bodies = |setup: Setup| setup.config().logs.bodies;
    assert_eq!(bodies(Setup::file(FILE).profile("home")), KeptBodies::Off);
    let by_variable = Setup::file(FILE).var("CODEX_OPENAI_PROXY_PROFILE", "home");
    assert_eq!(bodies(by_variable), KeptBodies::Off);
    let by_file = format!("profile = \"home\"\n{FILE}");
    assert_eq!(bodies(Setup::file(&by_file)), KeptBodies::Off);
    // The flag wins.
    assert_eq!(
        bodies(Setup::file(&by_file).profile("work")),
        KeptBodies::Redacted
    );
}

#[test]
fn what_a_profile_sets_says_so() {
    let loaded = Setup::file(FILE).profile("work").loaded();
    let of = |key: &str| {
        let found = loaded.effective.iter().find(|it| it.key == key);
        found.unwrap_or_else(|| panic!("{key}"))
    };
    let keep_alive = of("server.keep_alive_seconds");
    assert!(
        matches!(&keep_alive.origin, Origin::Profile { name, line: 16, .. } if name == "work"),
        "{keep_alive:?}"
    );
    assert!(
        keep_alive
            .origin
            .to_string()
            .ends_with("config.toml:16 (profile work)")
    );
    assert!(matches!(
        of("server.drain_seconds").origin,
        Origin::File { line: 3, .. }
    ));
    assert_eq!(of("profile").value, "\"work\"");
    assert!(
        of("upstreams.work.base_url")
            .origin
            .to_string()
            .contains("profile work")
    );
}

#[test]
fn mistakes_of_profiles_are_told_with_their_keys_also_of_those_that_are_not_in_force() {
    for (toml, told) in [
        (
            "[profiles.work.server]\nadress = 1",
            "config.toml:2:1: profiles.work.server.adress: is no setting: did you mean `server.addr`?",
        ),
        (
            "[profiles.work.profiles.a]",
            "config.toml:1:16: profiles.work.profiles: cannot stand in a profile",
        ),
        (
            "[profiles.work]\nprofile = \"a\"",
            "config.toml:2:1: profiles.work.profile: cannot stand in a profile",
        ),
        (
            "[profiles]\nwork = 1",
            "config.toml:2:8: profiles.work: is a number: a table is wanted",
        ),
        (
            "[[profiles.work.upstreams]]\nmodel = 1",
            "config.toml:2:1: profiles.work.upstreams[0].model: is no setting: did you mean `models`?",
        ),
    ] {
        let mistake = Setup::file(toml).mistake();
        assert!(mistake.starts_with(told), "{mistake}");
    }
    let setup = Setup::file("[profiles.a.reply]\nreasoning = \"loud\"").profile("a");
    let told = setup.mistake();
    assert!(
        told.starts_with("config.toml:2:13: profiles.a.reply.reasoning: "),
        "{told}"
    );
}

#[test]
fn a_profile_that_is_not_there_is_a_mistake_that_names_those_that_are() {
    let told = Setup::file(FILE).profile("wrok").mistake();
    assert_eq!(
        told,
        "--profile: there is no profile \"wrok\": config.toml has work, home"
    );
    let told = Setup::new().profile("work").mistake();
    assert_eq!(
        told,
        "--profile: there is no profile \"work\": config.toml has none"
    );
    let told = Setup::file("profile = \"work\"").mistake();
    assert_eq!(
        told,
        "config.toml:1:11: profile: there is no profile \"work\": config.toml has none"
    );
    let told = Setup::file("profile = 5").mistake();
    assert_eq!(
        told,
        "config.toml:1:11: profile: is a number: a string is wanted"
    );
}

#[test]
fn a_key_in_clear_is_refused_in_every_profile() {
    let file = "[auth.keys]\na = \"open1\"\n[profiles.one.auth.keys]\na = { env = \"A\" }\n\
                [profiles.two.auth.keys]\nb = \"open2\"";
    let setup = Setup::file(file).var("A", "s3cret").profile("one");
    let names = setup.names_of_mistakes();
    assert_eq!(names, ["auth.keys.a", "profiles.two.auth.keys.b"]);
}

#[test]
fn values_of_profiles_that_are_not_in_force_are_checked_for_who_asks() {
    let file = "[logs]\ndays = 0\n[profiles.one.logs]\nbodies = \"all\"\n\
                [profiles.two.server]\naddr = \"0.0.0.0:80\"\ndrain_seconds = -1";
    let names = |setup: &Setup| {
        let mistakes = setup.sources().check().unwrap_err().mistakes;
        mistakes.into_iter().map(|it| it.name).collect::<Vec<_>>()
    };
    let profiles = [
        "profiles.one.logs.bodies",
        "profiles.two.server.addr",
        "profiles.two.server.drain_seconds",
    ];
    let all = [&["logs.days"][..], &profiles].concat();
    assert_eq!(names(&Setup::file(file)), all);
    assert_eq!(names(&Setup::file(file).profile("one")), all);
    // Nobody is kept from starting by another profile, be it that of another machine.
    let file = file.replace("days = 0", "days = 1");
    let setup = Setup::file(&file);
    assert_eq!(setup.config().logs.max_age.as_secs(), 86_400);
    assert_eq!(names(&setup), profiles);
    assert!(Setup::file(FILE).sources().check().is_ok());
}
