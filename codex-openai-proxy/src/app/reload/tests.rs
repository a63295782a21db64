//! What is told of a configuration that was read again, and what of it is taken up.

use super::changes::{Change, in_force};
use crate::config::{Effective, Flags, Sources};
use std::{fs, path::Path, sync::Arc};

/// What is read from a file with this text.
fn read(folder: &Path, text: &str) -> crate::config::Loaded {
    fs::write(folder.join("config.toml"), text).unwrap();
    let home = folder.display().to_string();
    let env = move |name: &str| match name {
        "CODEX_OPENAI_PROXY_HOME" | "CODEX_HOME" => Some(home.clone()),
        "LAB_KEY" => Some("key-of-lab".to_owned()),
        "OTHER_KEY" => Some("key-of-other".to_owned()),
        _ => None,
    };
    let sources = Sources {
        env: Arc::new(env),
        names: Vec::new(),
        flags: Flags::default(),
    };
    sources
        .load()
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn effective(folder: &Path, text: &str) -> Vec<Effective> {
    read(folder, text).effective
}

/// What is told when `old` becomes `new`, in a process that began with `first`.
fn told(first: &str, old: &str, new: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let [first, old, new] = [first, old, new].map(|text| effective(folder.path(), text));
    let changes = Change::between(&old, &new, &first);
    changes.iter().map(Change::to_string).collect()
}

const LAB: &str = "[[upstreams]]\nname = \"lab\"\nbase_url = \"http://127.0.0.1:1/v1\"\n";

#[test]
fn each_change_is_told_once_with_both_values() {
    for (old, new, expected) in [
        ("", "", &[][..]),
        // The default in other words.
        ("", "[server]\ndrain_seconds = 30\n", &[]),
        (
            "[server]\ndrain_seconds = 30\n[logs]\nbodies = \"off\"\n",
            "[server]\ndrain_seconds = 5\n",
            &[
                "server.drain_seconds: 30 → 5",
                "logs.bodies: \"off\" → \"redacted\"",
            ],
        ),
    ] {
        assert_eq!(told(old, old, new), expected, "{old} {new}");
    }
}

#[test]
fn what_waits_for_a_restart_says_so_until_it_is_as_it_was() {
    let other = "[server]\naddr = \"127.0.0.1:1\"\n";
    let message = "server.addr: \"127.0.0.1:11435\" → \"127.0.0.1:1\" (after a restart)";
    assert_eq!(told("", "", other), [message]);
    let back = "server.addr: \"127.0.0.1:1\" → \"127.0.0.1:11435\"";
    assert_eq!(told("", other, ""), [back]);
}

#[test]
fn providers_and_keys_come_go_and_change_without_a_secret_being_told() {
    let lab = |variable: &str| format!("{LAB}api_key_env = \"{variable}\"\n");
    let key = |digit: &str| format!("[auth.keys]\nme = \"sha256:{}\"\n", digit.repeat(64));
    for (old, new) in [
        (String::new(), lab("LAB_KEY")),
        (lab("LAB_KEY"), String::new()),
        (lab("LAB_KEY"), lab("OTHER_KEY")),
        (String::new(), key("1")),
        (key("1"), key("2")),
        (key("2"), String::new()),
    ] {
        let told = told(&old, &old, &new);
        assert!(!told.is_empty(), "{old} {new}");
        let told = told.join("\n");
        for secret in ["key-of", "1111", "2222"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}

#[test]
fn what_needs_a_restart_stays_and_everything_else_is_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let running = read(folder.path(), "").config;
    let new = read(
        folder.path(),
        "[server]\naddr = \"127.0.0.1:1\"\ndrain_seconds = 5\n\
         [logs]\nmax_mib = 0\ndays = 1\n\
         [codex]\nclient_version = \"9.9.9\"\nuser_agent = \"me\"\ndefault_instructions = \"x\"\n",
    );
    let in_force = in_force(&running, new.config.clone());
    assert_eq!(in_force.addr, running.addr);
    assert_eq!(in_force.logs.max_bytes, running.logs.max_bytes);
    assert_eq!(in_force.codex.client_version, None);
    assert_eq!(in_force.codex.user_agent, None);
    assert_eq!(in_force.limits, new.config.limits);
    assert_eq!(in_force.logs.max_age, new.config.logs.max_age);
    assert_eq!(in_force.codex.default_instructions, "x");
}
