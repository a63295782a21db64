//! What the command line reads.

mod documentation;

use super::*;

fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(["codex-openai-proxy"].iter().chain(arguments))
}

#[test]
fn the_commands_are_read_and_flags_stand_anywhere() {
    for (arguments, command) in [
        (&[][..], None),
        (&["serve"], Some(Command::Serve)),
        (&["demo"], Some(Command::Demo)),
        (&["login"], Some(Command::Login { device_auth: false })),
        (
            &["login", "--device-auth"],
            Some(Command::Login { device_auth: true }),
        ),
        (&["logout"], Some(Command::Logout)),
        (&["status"], Some(Command::Status)),
        (&["models"], Some(Command::Models)),
        (
            &["conversations"],
            Some(Command::Conversations { action: None }),
        ),
        (
            &["conversations", "list"],
            Some(Command::Conversations {
                action: Some(conversations::Action::List),
            }),
        ),
        (
            &["config", "show", "--json"],
            Some(Command::Config {
                action: settings::Action::Show { json: true },
            }),
        ),
        (
            &["key", "new"],
            Some(Command::Key {
                action: keys::Action::New { name: None },
            }),
        ),
        (
            &["completions", "fish"],
            Some(Command::Completions { shell: Shell::Fish }),
        ),
    ] {
        assert_eq!(parse(arguments).unwrap().command, command, "{arguments:?}");
    }
    for arguments in [
        ["--addr", "[::1]:1", "--config", "x.toml", "serve"],
        ["serve", "--addr", "[::1]:1", "--config", "x.toml"],
        ["--addr", "[::1]:1", "--config", "x.toml", "man"],
    ] {
        let flags = Flags::from(parse(&arguments).unwrap().global);
        assert_eq!(flags.addr.as_deref(), Some("[::1]:1"));
        assert_eq!(flags.config, Some(PathBuf::from("x.toml")));
    }
    let flags = [
        "--profile",
        "p",
        "--log-level",
        "warn",
        "--log-format",
        "json",
    ];
    let flags = Flags::from(parse(&flags).unwrap().global);
    assert_eq!(flags.profile.as_deref(), Some("p"));
    assert_eq!(flags.log_level.as_deref(), Some("warn"));
    assert_eq!(flags.log_format.as_deref(), Some("json"));
}

#[test]
fn strangers_are_refused() {
    for arguments in [
        &["server"][..],
        &["serve", "--device-auth"],
        &["--port=1"],
        &["conversations", "delete"],
        &["config"],
        &["config", "check", "--json"],
        &["key", "hash", "a", "b"],
        &["health", "--url", "nonsense"],
        &["completions"],
        &["completions", "cmd"],
        &["conversations", "delete", "--all", "a"],
    ] {
        assert!(parse(arguments).is_err(), "{arguments:?}");
    }
}

#[test]
fn a_wrong_configuration_is_told_apart_by_its_exit_code() {
    let config = CliError::Config(ConfigError {
        mistakes: Vec::new(),
    });
    let io = CliError::Io(io::Error::other("broken pipe"));
    let code = |error: &CliError| format!("{:?}", error.exit_code());
    assert_eq!(code(&config), format!("{:?}", ExitCode::from(2)));
    assert_eq!(code(&io), format!("{:?}", ExitCode::FAILURE));
}
