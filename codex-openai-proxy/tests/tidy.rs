//! Holds the sources to the rules of ARCHITECTURE.md, as far as they can be read from them.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helpers too"
)]

#[path = "tidy/promises.rs"]
mod promises;
#[path = "tidy/source.rs"]
mod source;

use source::Source;
use std::{fs, path::Path};

/// The modules in the order of `lib.rs`, each with those that it may see.
const LAYERS: [(&str, &[&str]); 13] = [
    ("files", &[]),
    ("metrics", &[]),
    ("sqlite", &["files"]),
    ("turn", &[]),
    ("wire", &["turn"]),
    ("config", &["turn"]),
    ("traffic", &["files", "sqlite", "turn", "config"]),
    ("translate", &["turn", "wire"]),
    ("conversation", &["sqlite", "turn"]),
    (
        "engine",
        &[
            "files",
            "turn",
            "wire",
            "config",
            "traffic",
            "translate",
            "conversation",
        ],
    ),
    (
        "http",
        &[
            "files",
            "metrics",
            "turn",
            "wire",
            "config",
            "traffic",
            "translate",
            "conversation",
            "engine",
        ],
    ),
    (
        "app",
        &[
            "files",
            "metrics",
            "turn",
            "config",
            "traffic",
            "conversation",
            "engine",
            "http",
        ],
    ),
    (
        "cli",
        &["turn", "config", "traffic", "conversation", "engine", "app"],
    ),
];

/// The longest that a file may be without its tests, in lines.
const LONGEST: usize = 500;

/// Words that stand for work left undone. Written in two parts, so that this file has none.
const UNDONE: [&str; 4] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("HA", "CK"),
];

/// The product's sources.
fn sources() -> Vec<Source> {
    let sources = Source::read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(
        sources.len() > 50,
        "only {} files were found",
        sources.len()
    );
    sources
}

/// Everything in the workspace.
fn workspace() -> Vec<Source> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = package.parent().expect("the package is in a workspace");
    ["codex-openai-proxy", "codex-code-mode", "stand-ins"]
        .iter()
        .flat_map(|folder| Source::read_all(&workspace.join(folder)))
        .collect()
}

/// Paths in the product's own code that `is_wrong` finds fault with must not be there.
#[track_caller]
fn no_path(rule: &str, is_wrong: impl Fn(&Source, &[&str]) -> bool) {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        for path in source.paths() {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            if is_wrong(source, &path) {
                faults.push(format!("{}: {}", source.name, path.join("::")));
            }
        }
    }
    assert!(faults.is_empty(), "{rule}\n{}", faults.join("\n"));
}

#[test]
fn lib_declares_the_layers_in_order() {
    let sources = sources();
    let lib = sources.iter().find(|source| source.name == "lib.rs");
    let code = &lib.expect("a lib.rs").code;
    let declared: Vec<&str> = code
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    assert_eq!(declared, LAYERS.map(|(name, _)| name));
}

#[test]
fn layers_see_only_what_lies_below_them() {
    no_path("a module looks up or aside", |source, path| {
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == source.layer()) else {
            return false;
        };
        let [source::ROOT, seen, ..] = path else {
            return false;
        };
        *seen != source.layer()
            && LAYERS.iter().any(|(name, _)| name == seen)
            && !allowed.contains(seen)
    });
}

#[test]
fn engines_are_named_only_where_they_are_chosen() {
    no_path(
        "an engine is `dyn Engine` to all but its maker",
        |source, path| {
            matches!(
                path,
                [source::ROOT, "engine", "codex" | "demo" | "unavailable", ..]
            ) && !["engine", "app", "cli"].contains(&source.layer())
        },
    );
}

#[test]
fn codex_crates_stay_under_the_codex_engine() {
    no_path("`codex_*` outside engine/codex", |source, path| {
        path[0].starts_with("codex_")
            && source.name != "engine/codex.rs"
            && !source.name.starts_with("engine/codex/")
    });
}

#[test]
fn http_types_stay_at_the_edges() {
    const CRATES: [&str; 7] = [
        "http",
        "http_body",
        "http_body_util",
        "hyper",
        "hyper_util",
        "tower",
        "tower_http",
    ];
    const EDGES: [&str; 5] = [
        "http.rs",
        "http/",
        "engine/upstream",
        "engine/demo.rs",
        "engine/demo/",
    ];
    no_path("an HTTP crate away from the edges", |source, path| {
        CRATES.contains(&path[0]) && !EDGES.iter().any(|edge| source.name.starts_with(edge))
    });
}

#[test]
fn translators_are_pure() {
    const CRATES: [&str; 10] = [
        "chrono",
        "futures_util",
        "rand",
        "reqwest",
        "tokio",
        "tokio_stream",
        "tokio_util",
        "tracing",
        "url",
        "uuid",
    ];
    const STD: [&str; 7] = ["env", "fs", "io", "net", "process", "thread", "time"];
    no_path("a translator reaches for the world", |source, path| {
        source.layer() == "translate"
            && (CRATES.contains(&path[0])
                || matches!(path, ["std", module, ..] if STD.contains(module)))
    });
}

#[test]
fn the_environment_is_read_in_the_config_alone() {
    no_path("`std::env` outside config and main", |source, path| {
        path.starts_with(&["std", "env"]) && !["config", "main"].contains(&source.layer())
    });
}

#[test]
fn files_stay_readable() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|source| !source.is_test() && source.lines() > LONGEST)
        .map(|source| format!("{}: {} lines", source.name, source.lines()))
        .collect();
    assert!(
        long.is_empty(),
        "longer than {LONGEST} lines\n{}",
        long.join("\n")
    );
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<String> = workspace()
        .into_iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.name)
        .collect();
    assert!(
        silent.is_empty(),
        "no `//!` at the top\n{}",
        silent.join("\n")
    );
}

#[test]
fn nothing_is_left_undone() {
    let undone: Vec<String> = workspace()
        .into_iter()
        .filter(|source| UNDONE.iter().any(|word| source.text.contains(word)))
        .map(|source| source.name)
        .collect();
    assert!(undone.is_empty(), "work left undone\n{}", undone.join("\n"));
}

#[test]
fn what_is_promised_is_shown_by_tests_that_exist() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = package.join("../docs/security.md");
    let page = fs::read_to_string(page).expect("a page on security");
    let named = promises::named(&page);
    assert!(named.len() > 50, "only {} tests are named", named.len());
    let missing: Vec<&str> = named
        .into_iter()
        .filter(|name| !promises::exists(package, name))
        .collect();
    assert!(missing.is_empty(), "no such test\n{}", missing.join("\n"));
}

#[test]
fn a_test_is_found_by_its_whole_name_alone() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let exists = |name: &str| promises::exists(package, name);
    assert!(exists(
        "files::tests::folders_that_are_made_are_private_and_others_stay"
    ));
    assert!(exists(
        "it access::a_key_is_asked_for_before_the_body_is_read"
    ));
    for name in [
        "files::folders_that_are_made_are_private_and_others_stay",
        "it access::a_key_is_asked_for",
        "it access::hello",
        "access::a_key_is_asked_for_before_the_body_is_read",
        "files::tests::private_dir",
    ] {
        assert!(!exists(name), "{name}");
    }
}
