//! What docs/security.md says that a test shows: each of these tests has to be there.

use std::{fs, path::Path};

/// The tests that a page names, in backticks: `it logs::access::…` for those of `tests/it`, and
/// `http::tests::…` for those beside the sources.
pub fn named(page: &str) -> Vec<&str> {
    let mut named: Vec<&str> = page.split('`').skip(1).step_by(2).collect();
    named.retain(|words| words.contains("::"));
    named
}

/// Whether the package in `folder` has a test of that name.
pub fn exists(folder: &Path, name: &str) -> bool {
    let (root, path) = match name.split_once(' ') {
        Some((binary, path)) => (folder.join("tests").join(binary), path),
        None => (folder.join("src"), name),
    };
    let segments: Vec<&str> = path.split("::").collect();
    let Some((test, modules)) = segments.split_last() else {
        return false;
    };
    // The last modules may be written out in the file of those before.
    (1..=modules.len()).rev().any(|length| {
        let (files, inner) = modules.split_at(length);
        let file = root.join(files.join("/")).with_extension("rs");
        let Ok(source) = fs::read_to_string(file) else {
            return false;
        };
        let has_module = |module: &&str| source.contains(&format!("mod {module} {{"));
        inner.iter().all(has_module) && has_test(&source, inner.len(), test)
    })
}

/// Whether a file has, at this depth of modules, a function of that name with an attribute that makes it
/// a test. Properties stand one deeper, in the macro that makes them.
fn has_test(text: &str, depth: usize, name: &str) -> bool {
    let heads = [format!("fn {name}("), format!("async fn {name}(")];
    let macros = usize::from(text.contains("proptest! {"));
    let lines: Vec<&str> = text.lines().collect();
    (depth..=depth + macros).any(|depth| {
        let indent = "    ".repeat(depth);
        let here: Vec<Option<&str>> = lines
            .iter()
            .map(|line| line.strip_prefix(&indent))
            .collect();
        here.iter().enumerate().any(|(at, line)| {
            let is_head = |line: &str| heads.iter().any(|head| line.starts_with(head));
            let before = here[..at].iter().rev().map_while(|line| *line);
            line.is_some_and(is_head)
                && before
                    .take_while(|line| line.starts_with("#["))
                    .any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
        })
    })
}
