//! The annotated example of `config.toml`.

use super::settings::{Kind, PROVIDER_SETTINGS, SETTINGS, Setting};

/// The longest line of a description.
const WIDTH: usize = 100;

const HEAD: &str = "\
# Settings of codex-openai-proxy. Each one below stands with its default: take the # away to change it.
#
# Variables of the environment win over this file, and flags over both. Every setting has a variable,
# CODEX_OPENAI_PROXY_ and its section and name in capitals, such as CODEX_OPENAI_PROXY_SERVER_MAX_BODY;
# but not the tables with names of your own, and nothing of [[upstreams]]. Other variables that set the
# same, or a part of it, stand in brackets.
#
# Edits are taken up while the program runs, all but those that say `restart`.
";

const PROVIDERS: &str = "\
# Providers besides Codex: any server that speaks Chat Completions or Responses. One of these for each.
# UPSTREAM_BASE_URL and its kin make one more, which takes the models that are nobody else's.

#[[upstreams]]
";

const PROFILES: &str = "\
# Profiles hold any of the above. The one that `--profile NAME` or `profile` selects is laid over the rest.

#[profiles.work.logs]
#bodies = \"off\"
";

/// A `config.toml` with every setting, commented out, with its default and what it means. It can be
/// loaded as it is, and with every setting switched on.
#[must_use]
pub fn example() -> String {
    let mut text = HEAD.to_owned();
    let mut section = "";
    for setting in SETTINGS.iter().filter(|setting| setting.in_file) {
        let is_table = setting.kind == Kind::Table;
        let next = if is_table {
            setting.key
        } else {
            setting.section()
        };
        if next != section {
            section = next;
            text.push('\n');
            if is_table {
                describe(&mut text, setting, &variables_of(setting));
            }
            text.extend(["[", section, "]\n"]);
        }
        if !is_table {
            text.push('\n');
            describe(&mut text, setting, &variables_of(setting));
        }
        assign(&mut text, setting);
    }
    text.push('\n');
    text.push_str(PROVIDERS);
    let (tables, values): (Vec<&Setting>, Vec<&Setting>) = PROVIDER_SETTINGS
        .iter()
        .partition(|setting| setting.kind == Kind::Table);
    for setting in values {
        describe(&mut text, setting, &[]);
        assign(&mut text, setting);
    }
    for setting in tables {
        describe(&mut text, setting, &[]);
        text.extend(["#[upstreams.", setting.key, "]\n"]);
        assign(&mut text, setting);
    }
    text.push('\n');
    text.push_str(PROFILES);
    text
}

/// The variables that set it, besides the one that has its key for a name.
fn variables_of(setting: &Setting) -> Vec<&'static str> {
    let names = setting.aliases.iter().chain(setting.related);
    names.copied().collect()
}

/// What it is, as a comment, with the names of those variables.
fn describe(text: &mut String, setting: &Setting, variables: &[&str]) {
    let mut about = setting.about.to_owned();
    if setting.reload == super::Reload::Restart {
        about.push_str("; restart");
    }
    if !variables.is_empty() {
        about.extend([" [", &variables.join(", "), "]"]);
    }
    let mut line = String::from("#");
    for word in about.split(' ') {
        if line.len() + word.len() >= WIDTH {
            text.push_str(&line);
            text.push('\n');
            "#".clone_into(&mut line);
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

/// The setting, as a comment that has only to lose its first sign.
fn assign(text: &mut String, setting: &Setting) {
    let value = setting.example.unwrap_or(setting.default);
    let line = if setting.kind == Kind::Table {
        format!("#{value}\n")
    } else {
        format!("#{} = {value}\n", setting.name())
    };
    text.push_str(&line);
}
