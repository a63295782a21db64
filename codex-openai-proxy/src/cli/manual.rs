//! `completions` and `man`: what shells and readers of the manual are to know of the command line.

use super::{Cli, CliError, print};
use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::{
    Man,
    roff::{Inline, Roff, bold, italic, roman},
};
use std::io::Write as _;

/// What the name of the program is in each of them.
const NAME: &str = env!("CARGO_PKG_NAME");

/// What the manual says of the configuration.
const CONFIGURATION: &str = "Settings come from config.toml, over it the environment, and over that the \
    flags. `config example` prints a file with every setting, the variables for it and its default; \
    `config show` tells what is in force.";

/// The files that the manual names, each with what it is.
const FILES: [(&str, &str); 2] = [
    (
        "config.toml",
        "The configuration: in the folder that CODEX_OPENAI_PROXY_HOME names, else in the state folder of \
         the platform, such as ~/.local/state/codex-openai-proxy. It is read again when it changes, and \
         on SIGHUP.",
    ),
    (
        "auth.json",
        "The Codex login, in the folder that CODEX_HOME names, else in ~/.codex.",
    ),
];

/// The exit statuses, each with what it means.
const STATUSES: [(&str, &str); 3] = [
    (
        "0",
        "It is done, or the service has ended as it was told to.",
    ),
    ("1", "It failed; standard error says why."),
    ("2", "The command line or the configuration is wrong."),
];

pub(super) fn completions(shell: Shell) -> Result<(), CliError> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), NAME, &mut text);
    print(&String::from_utf8_lossy(&text))?;
    Ok(())
}

pub(super) fn man() -> Result<(), CliError> {
    let mut text = Vec::new();
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let man = Man::new(command.clone()).manual("User Commands");
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    let mut rest = Roff::new();
    rest.control("SH", ["COMMANDS"]);
    for command in command.get_subcommands() {
        describe(command, &mut rest);
    }
    rest.control("SH", ["CONFIGURATION"]);
    rest.text(words(CONFIGURATION));
    for (heading, entries) in [("FILES", &FILES[..]), ("EXIT STATUS", &STATUSES[..])] {
        rest.control("SH", [heading]);
        for (name, meaning) in entries {
            rest.control("TP", []);
            rest.text([bold(*name)]);
            rest.text([roman(*meaning)]);
        }
    }
    rest.to_writer(&mut text)?;
    text.flush()?;
    print(&String::from_utf8_lossy(&text))?;
    Ok(())
}

/// A command with all that belongs to it, and its own commands after it.
fn describe(command: &Command, roff: &mut Roff) {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage).to_owned();
    roff.control("SS", [usage.as_str()]);
    let about = command.get_long_about().or_else(|| command.get_about());
    for paragraph in about
        .map(ToString::to_string)
        .iter()
        .flat_map(|about| about.split("\n\n"))
    {
        roff.text(words(paragraph));
        roff.control("PP", []);
    }
    let own = |argument: &&Arg| !argument.is_global_set() && argument.get_id() != "help";
    for argument in command.get_arguments().filter(own) {
        roff.control("TP", []);
        roff.text(vec![bold(argument.to_string())]);
        if let Some(help) = argument.get_long_help().or_else(|| argument.get_help()) {
            roff.text(words(&help.to_string()));
        }
    }
    for command in command.get_subcommands() {
        describe(command, roff);
    }
}

/// Text, in which what stands in backticks is shown as what is typed.
fn words(text: &str) -> Vec<Inline> {
    let text = text.replace('\n', " ");
    text.split('`')
        .enumerate()
        .map(|(at, part)| match at % 2 {
            0 => roman(part),
            _ => italic(part),
        })
        .collect()
}
