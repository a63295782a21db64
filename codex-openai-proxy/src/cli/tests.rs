//! What the command line reads.

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
    ] {
        assert_eq!(parse(arguments).unwrap().command, command, "{arguments:?}");
    }
    for arguments in [
        ["--addr", "[::1]:1", "--config", "x.toml", "serve"],
        ["serve", "--addr", "[::1]:1", "--config", "x.toml"],
    ] {
        let cli = parse(&arguments).unwrap();
        assert_eq!(cli.global.addr.as_deref(), Some("[::1]:1"));
        assert_eq!(cli.global.config, Some(PathBuf::from("x.toml")));
    }
}

#[test]
fn strangers_are_refused() {
    for arguments in [
        &["server"][..],
        &["serve", "--device-auth"],
        &["--port=1"],
        &["conversations", "delete"],
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
