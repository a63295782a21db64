//! Configuration files. A comment like `#$ PORT=80` sets a variable of the environment.

use codex_openai_proxy::config::{ConfigError, Flags, Loaded, Origin, Sources};
use std::{collections::HashMap, env, fs, process, sync::Arc};

/// What is in a variable of a key, and nowhere else.
const SECRET: &str = "s3cr3t-v4lu3";

/// The variables of keys that hold it.
const SECRETS: [&str; 2] = ["PROXY_API_KEY", "API_KEYS"];

/// Reads a configuration.
///
/// # Panics
///
/// A mistake does not say where it is, or what is in force cannot be shown.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let set = text
        .lines()
        .filter_map(|line| line.strip_prefix("#$ ")?.split_once('='));
    let mut variables: HashMap<String, String> = set
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if !text.contains(SECRET) {
        let keys = variables
            .iter_mut()
            .filter(|(name, _)| SECRETS.contains(&name.as_str()));
        keys.for_each(|(_, value)| SECRET.clone_into(value));
    }
    let path = env::temp_dir().join(format!("codex-openai-proxy-fuzz-{}.toml", process::id()));
    let written = fs::write(&path, data);
    assert!(written.is_ok(), "{written:?}");
    let sources = Sources {
        names: variables.keys().cloned().collect(),
        env: Arc::new(move |name| variables.get(name).cloned()),
        flags: Flags {
            config: Some(path.clone()),
            ..Flags::default()
        },
    };
    let (loaded, again) = (sources.load(), sources.load());
    let removed = fs::remove_file(&path);
    assert!(removed.is_ok(), "{removed:?}");

    // A line behind the last line feed is one as well.
    let lines = data.split(|byte| *byte == b'\n').count();
    let shown = match (&loaded, &again) {
        (Err(error), Err(again)) => {
            assert_eq!(error, again);
            mistaken(error, lines)
        }
        (Ok(loaded), Ok(again)) => {
            let mut pairs = loaded.effective.iter().zip(&again.effective);
            assert!(pairs.all(|(one, other)| one.is_same(other)));
            in_force(loaded, lines)
        }
        _ => panic!("read twice, and something else the second time"),
    };
    assert!(text.contains(SECRET) || !shown.contains(SECRET), "{shown}");
}

/// All that is said of mistakes.
fn mistaken(error: &ConfigError, lines: usize) -> String {
    assert!(!error.mistakes.is_empty(), "no mistake, and not right");
    for mistake in &error.mistakes {
        assert!(!mistake.message.is_empty());
        assert!(
            mistake.at.is_some() || !mistake.name.is_empty(),
            "{mistake:?} is nowhere"
        );
        if let Some(place) = &mistake.at {
            assert!(
                (1..=lines).contains(&place.line),
                "{mistake:?} of {lines} lines"
            );
            assert!(place.column > 0);
        }
    }
    format!("{error}{error:?}")
}

/// All that is said of what is in force.
fn in_force(loaded: &Loaded, lines: usize) -> String {
    for setting in &loaded.effective {
        let shown = format!("value = {}", setting.value);
        let is_toml = setting.value.is_empty() || shown.parse::<toml::Table>().is_ok();
        assert!(is_toml, "{setting:?}");
        if let Origin::File { line, .. } | Origin::Profile { line, .. } = &setting.origin {
            assert!((1..=lines).contains(line), "{setting:?} of {lines} lines");
        }
    }
    format!("{loaded:?}")
}
