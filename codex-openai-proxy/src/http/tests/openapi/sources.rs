//! What the sources know: fields that requests may have, codes that errors may have.

use super::*;
use std::{fs, path::Path};

/// A file of this crate, or all files of a folder, one behind the other, without their tests.
fn source(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path);
    if !path.is_dir() {
        let source = fs::read_to_string(path).unwrap();
        let tests = source.find("#[cfg(test)]").unwrap_or(source.len());
        return source[..tests].to_owned();
    }
    let mut all = String::new();
    for entry in fs::read_dir(&path).unwrap() {
        let name = entry.unwrap().path();
        if !name.ends_with("tests.rs") && !name.ends_with("tests") {
            all += &source(name.to_str().unwrap());
        }
    }
    all
}

/// The strings in a text.
fn strings(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2)
}

/// The names in the arms of each `match` over a field's path.
fn arms(source: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for beginning in ["match field.path.as_str() {\n", "match name.as_str() {\n"] {
        for arms in source.split(beginning).skip(1) {
            let depth = arms.len() - arms.trim_start().len();
            let of_match = arms.lines().take_while(|line| {
                let indentation = line.len() - line.trim_start().len();
                indentation >= depth || line.is_empty()
            });
            let arms = of_match
                .filter(|line| line.len() - line.trim_start().len() == depth)
                .filter_map(|line| line.trim_start().strip_prefix('"').map(|_| line));
            for arm in arms {
                let pattern = arm.split("=>").next().unwrap();
                names.extend(strings(pattern).map(str::to_owned));
            }
        }
    }
    names
}

#[test]
fn every_field_that_is_read_is_described() {
    let document = document();
    let both = ["ChatRequest", "ResponsesRequest"];
    for (file, schemas, at_least) in [
        ("wire/common.rs", &both[..], 10),
        ("wire/sampling.rs", &both, 9),
        ("wire/chat/request.rs", &both[..1], 11),
        ("wire/responses/request.rs", &both[1..], 13),
    ] {
        let names = arms(&source(file));
        assert!(names.len() >= at_least, "{file}: only {names:?}");
        for schema in schemas {
            let described = &document["components"]["schemas"][schema]["properties"];
            for name in &names {
                assert!(
                    described.get(name).is_some(),
                    "{schema} lacks {name} of {file}"
                );
            }
        }
    }
}

#[test]
fn every_code_of_an_error_is_described() {
    let mut codes = BTreeSet::new();
    // Codes stand behind one of these. What the engine has besides is the upstream's.
    let marks = [
        ".code(\"",
        "code: Some(\"",
        "with_code(\"",
        "INVALID_KEY: &str = \"",
        "AUTHENTICATION_UPSTREAM: &str = \"",
    ];
    for files in ["http", "wire", "translate/chat", "translate/responses"] {
        let source = source(files);
        for mark in marks {
            let behind = source.split(mark).skip(1);
            codes.extend(behind.map(|rest| rest.split('"').next().unwrap().to_owned()));
        }
    }
    assert!(codes.len() > 30, "only {codes:?}");
    let missing: Vec<_> = codes
        .iter()
        .filter(|code| !DOCUMENT.contains(&format!("`{code}`")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
