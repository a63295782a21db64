//! The commands about configuration, keys and the command line itself.

mod asked;

use crate::harness::{
    Homes,
    process::{command, log},
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    process::{Command, Output, Stdio},
};

/// What a command has written and how it ended.
fn done(arguments: &[&str], homes: &Homes) -> Output {
    command(arguments, homes).output().unwrap()
}

/// What a command that goes well writes to standard output.
fn said(command: &mut Command) -> String {
    let output = command.stderr(Stdio::piped()).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {complaint}");
    assert_eq!(complaint, "", "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The same for a command without a folder or variable of its own.
fn says(arguments: &[&str]) -> String {
    said(&mut command(arguments, &Homes::new()))
}

fn with_file(text: &str) -> Homes {
    let homes = Homes::new();
    fs::create_dir_all(homes.state()).unwrap();
    fs::write(homes.state().join("config.toml"), text).unwrap();
    homes
}

#[test]
fn the_example_is_a_configuration_as_it_is() {
    let example = says(&["config", "example"]);
    assert!(example.contains("#addr = \"127.0.0.1:11435\""), "{example}");
    let checked = said(&mut command(&["config", "check"], &with_file(&example)));
    assert!(checked.contains("no mistakes"), "{checked}");
    assert!(checked.contains("config.toml: 0 settings"), "{checked}");
}

#[test]
fn a_check_tells_every_mistake_with_its_place_and_fails() {
    let homes = with_file(
        "[server]\nadr = \"127.0.0.1:1\"\nkeep_alive_seconds = 1000\n\n[logs]\nbodies = \"some\"\n",
    );
    let mut check = command(&["config", "check"], &homes);
    check.env("LOG_LEVEL", "loud");
    let output = check.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = log(&homes);
    for part in [
        "config.toml:2",
        "server.addr",
        "config.toml:3",
        "config.toml:6",
        "LOG_LEVEL",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    // The same keeps the service from starting.
    let output = done(&["serve"], &homes);
    assert_eq!(output.status.code(), Some(2));
    assert!(log(&homes).contains("config.toml:2"));
}

#[test]
fn a_check_tells_what_was_read() {
    let homes = with_file("[server]\ndrain_seconds = 5\n[logs]\ndays = 1\n");
    let mut check = command(&["config", "check", "--log-level", "warn"], &homes);
    check.env("LOG_FORMAT", "json");
    let checked = said(&mut check);
    for part in [
        "config.toml: 2 settings",
        "LOG_FORMAT: logs.format",
        "--log-level: logs.level",
        "CODEX_OPENAI_PROXY_ADDR: server.addr",
    ] {
        assert!(checked.contains(part), "{part}: {checked}");
    }
}

#[test]
fn a_check_warns_of_a_key_that_can_be_guessed() {
    let homes = Homes::new();
    let mut check = command(&["config", "check"], &homes);
    check.env("API_KEYS", "a-key-of-mine-that-is-long,s3cret");
    let checked = said(&mut check);
    let warning = "warning: API_KEYS: the key \"API_KEYS-2\" has fewer than 16 characters";
    assert!(checked.contains(warning), "{checked}");
    assert_eq!(checked.matches("warning").count(), 1, "{checked}");
    assert!(!checked.contains("s3cret"), "{checked}");
}

const SECRETS: [&str; 4] = [
    "key-of-lab",
    "key-of-clients",
    "value-of-header",
    "000111000111",
];

/// A configuration with secrets wherever there can be some, and a profile.
fn full(arguments: &[&str]) -> (Homes, Command) {
    let homes = with_file(&format!(
        "[server]\ndrain_seconds = 5\n\n[auth.keys]\ncursor = \"sha256:{}00000000000000000000\"\n\n\
         [profiles.lab.logs]\ndays = 1\n\n\
         [[upstreams]]\nname = \"lab\"\nbase_url = \"http://127.0.0.1:1/v1\"\n\
         api_key_env = \"LAB_KEY\"\nheaders = {{ X-Token = \"value-of-header\" }}\n",
        "00011100".repeat(5) + "0001"
    ));
    let mut show = command(arguments, &homes);
    show.env("LAB_KEY", "key-of-lab")
        .env("PROXY_API_KEY", "key-of-clients")
        .env("CODEX_OPENAI_PROXY_PROFILE", "lab");
    (homes, show)
}

#[test]
fn what_is_in_force_is_shown_with_its_origin_and_no_secret() {
    let (_homes, mut show) = full(&["config", "show", "--addr", "127.0.0.1:9"]);
    let shown = said(&mut show);
    let line = |key: &str| {
        let line = shown.lines().find(|line| line.starts_with(key));
        line.unwrap_or_else(|| panic!("{key}: {shown}"))
    };
    assert_eq!(
        line("server.addr"),
        "server.addr = \"127.0.0.1:9\"  # --addr"
    );
    assert!(line("server.drain_seconds").starts_with("server.drain_seconds = 5  # /"));
    assert!(line("server.drain_seconds").ends_with("config.toml:2"));
    let days = line("logs.days");
    assert!(
        days.contains("= 1 ") && days.contains("profile lab"),
        "{days}"
    );
    assert_eq!(line("logs.max_mib"), "logs.max_mib = 256  # default");
    line("upstreams.lab.base_url");
    line("auth.keys");
    line("# codex.user_agent is not set");
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}

#[test]
fn what_is_in_force_can_be_read_by_programs() {
    let (_homes, mut show) = full(&["config", "show", "--json"]);
    let text = said(&mut show);
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let shown: Value = serde_json::from_str(&text).unwrap();
    let settings = shown["settings"].as_array().unwrap();
    let setting = |key: &str| {
        settings
            .iter()
            .find(|setting| setting["key"] == key)
            .unwrap()
    };
    assert_eq!(setting("server.drain_seconds")["value"], 5);
    assert_eq!(setting("server.drain_seconds")["reload"], "live");
    assert_eq!(setting("server.addr")["reload"], "restart");
    assert_eq!(setting("logs.max_mib")["origin"], "default");
    assert!(setting("codex.user_agent")["value"].is_null());
    let files = shown["files"].as_array().unwrap();
    assert!(files[0].as_str().unwrap().ends_with("config.toml"));
}

#[test]
fn fresh_keys_differ_and_their_line_is_that_of_their_hash() {
    let keys: BTreeSet<String> = (0..3).map(|_| says(&["key", "new"])).collect();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| key.trim_end().len() > 40));

    let said = says(&["key", "new", "cursor"]);
    let [key, "", "[auth.keys]", line] = said.lines().collect::<Vec<_>>()[..] else {
        panic!("{said}");
    };
    assert!(line.starts_with("cursor = \"sha256:"), "{line}");
    for ending in ["", "\n", "\r\n"] {
        let hashed = hash(&["key", "hash", "cursor"], &format!("{key}{ending}"));
        assert_eq!(hashed.0, format!("{line}\n"));
    }
    let checked = said_with_key(line);
    assert!(checked.contains("no mistakes"), "{checked}");
}

/// Checks a configuration with this key.
fn said_with_key(line: &str) -> String {
    let homes = with_file(&format!("[auth.keys]\n{line}\n"));
    said(&mut command(&["config", "check"], &homes))
}

/// What a command says and complains about that reads this.
fn hash(arguments: &[&str], input: &str) -> (String, String) {
    let mut child = command(arguments, &Homes::new())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may have ended without reading.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let [said, complaint] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(output.status.success(), complaint.is_empty(), "{complaint}");
    (said, complaint)
}

#[test]
fn what_is_no_key_or_no_name_is_refused_without_being_repeated() {
    let long = "x".repeat(100_000);
    for key in ["", "\n", "two words", "schlüssel", &long] {
        let (said, complaint) = hash(&["key", "hash"], key);
        assert_eq!(said, "");
        assert!(complaint.contains("no key"), "{complaint}");
        assert!(!complaint.contains("schl") && complaint.len() < 200);
    }
    let (said, complaint) = hash(&["key", "new", "two words"], "");
    assert_eq!(said, "");
    assert!(complaint.contains("no name"), "{complaint}");
}

#[test]
fn shells_and_the_manual_know_every_command_and_flag() {
    let words = [
        "serve",
        "demo",
        "login",
        "logout",
        "status",
        "models",
        "conversations",
        "config",
        "example",
        "check",
        "show",
        "key",
        "hash",
        "health",
        "completions",
        "man",
    ];
    let flags = [
        "addr",
        "config",
        "profile",
        "log-level",
        "log-format",
        "device-auth",
        "json",
    ];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = says(&["completions", shell]);
        for word in words.iter().chain(&flags) {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let page = says(&["man"]);
    assert!(page.contains(".TH codex-openai-proxy 1"), "{page}");
    let page = page.replace("\\-", "-");
    for command in words {
        assert!(page.contains(command), "{command}: {page}");
    }
    for flag in flags {
        assert!(page.contains(&format!("--{flag}")), "--{flag}: {page}");
    }
    for section in [
        "NAME",
        "SYNOPSIS",
        "OPTIONS",
        "COMMANDS",
        "FILES",
        "\"EXIT STATUS\"",
    ] {
        assert!(
            page.contains(&format!(".SH {section}")),
            "{section}: {page}"
        );
    }
}

#[test]
fn commands_that_need_no_configuration_mind_no_mistakes_in_it() {
    let homes = with_file("nonsense");
    for arguments in [
        &["config", "example"][..],
        &["key", "new"],
        &["completions", "bash"],
        &["man"],
    ] {
        let text = said(&mut command(arguments, &homes));
        assert!(!text.is_empty());
    }
}
