//! What is told of a configuration that was read again, and what of it is taken up.

mod whole;

use super::changes::{Change, in_force, new_order};
use crate::config::{Config, Effective, Flags, Kind, Reload, SETTINGS, Setting, Sources};
use std::{fs, path::Path, sync::Arc};

/// A file in this folder, and two keys in the environment.
fn sources(folder: &Path) -> Sources {
    let home = folder.display().to_string();
    let env = move |name: &str| match name {
        "CODEX_OPENAI_PROXY_HOME" | "CODEX_HOME" => Some(home.clone()),
        "LAB_KEY" => Some("key-of-lab".to_owned()),
        "OTHER_KEY" => Some("key-of-other".to_owned()),
        _ => None,
    };
    Sources {
        env: Arc::new(env),
        names: Vec::new(),
        flags: Flags::default(),
    }
}

/// What is read from a file with this text.
fn read(folder: &Path, text: &str) -> crate::config::Loaded {
    fs::write(folder.join("config.toml"), text).unwrap();
    sources(folder)
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
        // Nobody has set it.
        assert!(!told.contains("retries"), "{told}");
        for secret in ["key-of", "1111", "2222"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}

#[test]
fn another_order_of_providers_is_a_change_and_one_more_or_less_is_none_of_the_order() {
    let folder = tempfile::tempdir().unwrap();
    let providers = |names: &[&str]| {
        let sections = names.iter().map(|name| LAB.replace("lab", name));
        let text = sections.collect::<Vec<_>>().concat();
        read(folder.path(), &text).config.upstreams
    };
    for (old, new, expected) in [
        (&["a", "b", "c"][..], &["a", "b", "c"][..], None),
        (&["a", "b", "c"], &["c", "a", "b"], Some("c, a, b")),
        (&["a", "c"], &["a", "b", "c"], None),
        (&["a", "b", "c"], &["b"], None),
        (&["a", "b"], &["b", "x", "a"], Some("b, x, a")),
    ] {
        let order = new_order(&providers(old), &providers(new));
        assert_eq!(order.as_deref(), expected, "{old:?} {new:?}");
    }
}

/// Another value for a setting than its default, as lines of the file.
fn another(setting: &Setting, folder: &Path) -> String {
    let folder = format!("{:?}", folder.display().to_string());
    let number = |least: u64| {
        if setting.default == least.to_string() {
            least + 1
        } else {
            least
        }
    };
    let value = match (setting.key, setting.kind) {
        ("server.addr", _) => "\"127.0.0.1:1\"".to_owned(),
        ("server.cors_origins", _) => "[\"https://chat.example.com\"]".to_owned(),
        ("limits.address_header", _) => "\"CF-Connecting-IP\"".to_owned(),
        ("limits.rate_max", _) => {
            return "limits.rate_max = 5\nlimits.rate_window = \"1m\"\n".into();
        }
        ("limits.rate_window", _) => {
            return "limits.rate_max = 5\nlimits.rate_window = \"2m\"\n".into();
        }
        ("auth.keys", _) => return format!("auth.keys.me = \"sha256:{}\"\n", "1".repeat(64)),
        ("models.aliases", _) => return "models.aliases.a = \"b\"\n".into(),
        ("profile", _) => return "profile = \"p\"\n[profiles.p.logs]\ndays = 1\n".into(),
        ("logs.filter", _) => "\"debug\"".to_owned(),
        ("logs.max_mib", _) => "1".to_owned(),
        (_, Kind::Folder) => folder,
        (_, Kind::Switch) => (setting.default == "false").to_string(),
        (_, Kind::Number(least, _) | Kind::Seconds(least, _)) => number(least).to_string(),
        (_, Kind::Size(..)) => "\"1mb\"".to_owned(),
        (_, Kind::Word(words)) => {
            let last = words.last().unwrap();
            format!("\"{last}\"")
        }
        _ => "\"another\"".to_owned(),
    };
    format!("{} = {value}\n", setting.key)
}

#[test]
fn what_is_taken_up_while_running_is_what_the_table_of_settings_says() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("logs.html"), "").unwrap();
    let running = read(folder.path(), "").config;
    let shown = |config: &Config| format!("{config:?}");
    for setting in SETTINGS.iter().filter(|setting| setting.in_file) {
        // There is but one value.
        if setting.key == "codex.sandbox_mode" {
            continue;
        }
        let text = another(setting, folder.path());
        let new = read(folder.path(), &text).config;
        assert_ne!(shown(&new), shown(&running), "{text}");
        let expected = match setting.reload {
            Reload::Live => shown(&new),
            Reload::Restart => shown(&running),
        };
        assert_eq!(shown(&in_force(&running, new)), expected, "{text}");
    }
}

#[test]
fn folders_and_the_place_of_the_log_stay_while_the_process_runs() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let running = read(folder.path(), "").config;
    let moved = read(other.path(), "").config;
    let stays = in_force(&running, moved);
    assert_eq!(
        (&stays.home, &stays.codex_home),
        (&running.home, &running.codex_home)
    );
    let in_memory = read(folder.path(), "[logs]\nmax_mib = 0\ndays = 1\n").config;
    let stays = in_force(&running, in_memory.clone());
    assert_eq!(stays.logs.max_bytes, running.logs.max_bytes);
    assert_eq!(stays.logs.max_age, in_memory.logs.max_age);
    let stays = in_force(&in_memory, running);
    assert_eq!(stays.logs.max_bytes, 0);
}
