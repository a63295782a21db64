//! Reads Rust sources just well enough to know which paths they name.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The crate's root, at the head of paths into our own modules.
pub const ROOT: &str = "crate";

/// One file.
pub struct Source {
    /// Its path from the folder that was read, with `/` between names.
    pub name: String,
    /// Its whole text.
    pub text: String,
    /// Its code: no comments, no contents of strings, no test modules.
    pub code: String,
}

impl Source {
    /// Reads every `.rs` file below `folder`. Build output is not ours.
    pub fn read_all(folder: &Path) -> Vec<Self> {
        let mut files = Vec::new();
        find(folder, &mut files);
        files.sort();
        let read = |file: PathBuf| {
            let name = file.strip_prefix(folder).unwrap();
            let name = name.to_str().unwrap().replace('\\', "/");
            Self::new(name, fs::read_to_string(&file).unwrap())
        };
        files.into_iter().map(read).collect()
    }

    fn new(name: String, text: String) -> Self {
        let code = without_test_modules(&without_words(&text));
        Self { name, text, code }
    }

    /// Whether the whole file is a test.
    pub fn is_test(&self) -> bool {
        self.name.ends_with("tests.rs") || self.name.contains("tests/")
    }

    /// The module at the top of `lib.rs` to which it belongs; `main` and `lib` for those two.
    pub fn layer(&self) -> &str {
        let first = self.name.split('/').next().unwrap_or_default();
        first.trim_end_matches(".rs")
    }

    /// Lines without test modules.
    pub fn lines(&self) -> usize {
        self.code.lines().count()
    }

    /// Every path of two or more names, `use` groups spelt out, paths into this crate from [`ROOT`].
    pub fn paths(&self) -> Vec<Vec<String>> {
        let tokens = tokens(&self.code);
        let mut paths = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            at = read_path(&tokens, at, &[], &mut paths);
        }
        paths.retain(|path| path.len() > 1);
        let module = self.module();
        paths
            .into_iter()
            .map(|path| from_root(path, &module))
            .collect()
    }

    fn module(&self) -> Vec<String> {
        let path = self.name.trim_end_matches(".rs");
        path.split('/').map(str::to_owned).collect()
    }
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                find(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// `text` without comments and without what stands in strings and characters. Lines stay lines.
fn without_words(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let skipped = match rest {
            ['/', '/', ..] => rest.iter().take_while(|c| **c != '\n').count(),
            ['/', '*', ..] => block_comment(rest),
            ['"', ..] => string(rest),
            ['r', ..] if !follows_a_name(&code) => raw_string(rest),
            ['\'', ..] => character(rest),
            _ => 0,
        };
        if skipped == 0 {
            code.push(chars[at]);
            at += 1;
        } else {
            code.extend(rest[..skipped].iter().filter(|c| **c == '\n'));
            // Keeps the names before and after apart.
            code.push(' ');
            at += skipped;
        }
    }
    code
}

fn follows_a_name(code: &str) -> bool {
    // `br"…"` is a raw string too.
    let before = code.strip_suffix('b').unwrap_or(code);
    before.ends_with(is_of_a_name)
}

fn is_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The length of `r"…"` or `r#"…"#`; 0 for a name that begins with an r.
fn raw_string(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let mut end = vec!['"'];
    end.resize(1 + hashes, '#');
    let begin = 2 + hashes;
    let body = rest[begin..].windows(end.len());
    let length = body.take_while(|window| **window != end[..]).count();
    begin + length + end.len()
}

/// The length of `'x'` or `'\n'`; 0 for a lifetime.
fn character(rest: &[char]) -> usize {
    match rest {
        [_, '\\', ..] => {
            let body = rest[3..].iter();
            body.take_while(|c| **c != '\'').count() + 4
        }
        [_, _, '\'', ..] => 3,
        _ => 0,
    }
}

/// Cuts out `#[cfg(test)] mod … { … }`.
fn without_test_modules(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let Some((before, after)) = code.split_once(MARK) else {
        return code.to_owned();
    };
    let item = after.trim_start();
    let body = item.strip_prefix("mod ").and_then(|item| {
        let (name, body) = item.split_once(['{', ';'])?;
        item[name.len()..].starts_with('{').then_some(body)
    });
    let Some(body) = body else {
        return format!("{before}{}", without_test_modules(after));
    };
    let mut depth = 1_usize;
    let end = body.find(|c| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    let rest = end.map_or("", |end| &body[end + 1..]);
    format!("{before}{}", without_test_modules(rest))
}

/// Names, `::`, and single marks.
fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if is_of_a_name(first) {
            rest.find(|c| !is_of_a_name(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (token, more) = rest.split_at(length);
        tokens.push(token);
        rest = more.trim_start();
    }
    tokens
}

/// Reads a path that begins at `at`, with `prefix` before it, or steps over one token. Gives the
/// place to read on.
fn read_path(
    tokens: &[&str],
    mut at: usize,
    prefix: &[String],
    paths: &mut Vec<Vec<String>>,
) -> usize {
    let is_name = |token: &str| token.starts_with(is_of_a_name);
    let mut path = prefix.to_vec();
    if !is_name(tokens[at]) {
        return at + 1;
    }
    loop {
        path.push(tokens[at].to_owned());
        at += 1;
        match tokens.get(at..at + 2) {
            Some(["::", name]) if is_name(name) => at += 1,
            Some(["::", "{"]) => {
                at += 2;
                while at < tokens.len() && tokens[at] != "}" {
                    at = read_path(tokens, at, &path, paths);
                }
                return at + 1;
            }
            _ => break,
        }
    }
    paths.push(path);
    // A new name in a `use` group; elsewhere `as` comes before a type.
    let renamed = !prefix.is_empty() && tokens.get(at) == Some(&"as");
    if renamed { at + 2 } else { at }
}

/// Resolves `self` and `super` at the head of `path`, and our crate's name.
fn from_root(mut path: Vec<String>, module: &[String]) -> Vec<String> {
    let mut base = module.to_vec();
    match path[0].as_str() {
        "codex_openai_proxy" => {
            ROOT.clone_into(&mut path[0]);
            return path;
        }
        "self" | "super" => {}
        _ => return path,
    }
    let heads = path
        .iter()
        .take_while(|name| *name == "self" || *name == "super")
        .count();
    for head in path.drain(..heads) {
        if head == "super" {
            base.pop();
        }
    }
    std::iter::once(ROOT.to_owned())
        .chain(base)
        .chain(path)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Source;

    fn paths(name: &str, text: &str) -> Vec<String> {
        let source = Source::new(name.to_owned(), text.to_owned());
        source.paths().iter().map(|path| path.join("::")).collect()
    }

    #[test]
    fn paths_are_found_wherever_they_are_named() {
        let text = r"
            use std::{env, fs::{self, File}, io::Read as _};
            pub use tokio::time;
            fn f<'a>(x: &'a hyper::Request) -> ::http::Uri { a::<b::C>(crate::turn::Item) }
        ";
        assert_eq!(
            paths("wire.rs", text),
            [
                "std::env",
                "std::fs::self",
                "std::fs::File",
                "std::io::Read",
                "tokio::time",
                "hyper::Request",
                "http::Uri",
                "b::C",
                "crate::turn::Item",
            ]
        );
    }

    #[test]
    fn words_are_no_code() {
        let text = r##"
            //! a::b
            /* c::d /* e::f */ g::h */
            const S: &str = "i::j \" k::l"; // m::n
            const R: &[u8] = br#"o::p " q::r"#;
            const C: [char; 3] = ['"', '\'', '\u{3a}'];
            use s::t;
        "##;
        assert_eq!(paths("wire.rs", text), ["s::t"]);
    }

    #[test]
    fn test_modules_do_not_count() {
        let text =
            "use a::b;\n#[cfg(test)]\nmod tests {\n use c::d;\n fn f() { g() }\n}\nuse e::f;\n";
        assert_eq!(paths("wire.rs", text), ["a::b", "e::f"]);
        let elsewhere = "#[cfg(test)]\nmod tests;\nuse a::b;\n";
        assert_eq!(paths("wire.rs", elsewhere), ["a::b"]);
        let source = Source::new("wire.rs".to_owned(), text.to_owned());
        assert_eq!(source.lines(), 3);
    }

    #[test]
    fn relative_paths_are_resolved() {
        let text = "use super::{x::Y, super::turn::Z}; use self::w::V; use super::super::a::B;";
        assert_eq!(
            paths("http/access.rs", text),
            [
                "crate::http::x::Y",
                "crate::turn::Z",
                "crate::http::access::w::V",
                "crate::a::B",
            ]
        );
    }
}
