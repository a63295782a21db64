//! docs/configuration.md and the command line against the table of settings.

use super::Cli;
use crate::config::{PROVIDER_SETTINGS, Reload, SETTINGS, Setting};
use clap::CommandFactory;
use std::{collections::BTreeSet, fmt::Write, fs, path::Path};

/// What the document has between these marks.
fn documented(mark: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let text = fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once(&format!("<!-- {mark} -->\n")).unwrap();
    let (table, _) = rest.split_once(&format!("<!-- end of {mark} -->")).unwrap();
    table.trim().to_owned()
}

/// `codes` with commas between them.
fn codes(codes: impl Iterator<Item = impl AsRef<str>>) -> String {
    let codes: Vec<String> = codes.map(|code| format!("`{}`", code.as_ref())).collect();
    codes.join(", ")
}

fn default(setting: &Setting) -> String {
    match setting.default {
        "\"\"" | "{}" => String::new(),
        default => format!("`{default}`"),
    }
}

/// Text as a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "\\<")
}

#[test]
fn every_setting_is_in_the_document_as_it_is() {
    let mut table = "| setting | variables | flag | default | what it is | taken up |\n\
                     | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for setting in SETTINGS {
        let variables = setting
            .variables()
            .chain(setting.related.iter().map(|name| (*name).into()));
        let taken_up = match setting.reload {
            Reload::Live => "yes",
            Reload::Restart => "at restart",
        };
        writeln!(
            table,
            "| {} | {} | {} | {} | {} | {taken_up} |",
            if setting.in_file {
                format!("`{}`", setting.key)
            } else {
                String::new()
            },
            codes(variables),
            codes(setting.flag.iter()),
            default(setting),
            cell(setting.about),
        )
        .unwrap();
    }
    let table = table.trim();
    assert_eq!(
        documented("settings"),
        table,
        "the table should be\n{table}\n"
    );
}

#[test]
fn every_setting_of_a_provider_is_in_the_document_as_it_is() {
    let mut table = "| setting | default | what it is |\n| --- | --- | --- |\n".to_owned();
    for setting in PROVIDER_SETTINGS {
        let Setting { key, about, .. } = setting;
        let default = default(setting);
        writeln!(table, "| `{key}` | {default} | {} |", cell(about)).unwrap();
    }
    let table = table.trim();
    let documented = documented("settings of providers");
    assert_eq!(documented, table, "the table should be\n{table}\n");
}

#[test]
fn the_flags_of_settings_are_those_of_the_command_line() {
    let command = Cli::command();
    let arguments = command
        .get_arguments()
        .filter(|argument| argument.is_global_set());
    let flags: BTreeSet<String> = arguments
        .filter_map(|argument| Some(format!("--{}", argument.get_long()?)))
        .collect();
    let settings = SETTINGS.iter().filter_map(|setting| setting.flag);
    let expected: BTreeSet<String> = settings.map(str::to_owned).collect();
    assert_eq!(flags, expected);
}

#[test]
fn the_document_names_every_command() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let text = fs::read_to_string(path).unwrap();
    for command in Cli::command().get_subcommands() {
        let line = format!("\n{} ", command.get_name());
        assert!(text.contains(&line), "{line}");
    }
}
