//! The program, whatever it was built with: its one line, its exit codes, its signals.

use crate::harness::{
    Homes,
    process::{Program, command, log},
    run,
};

#[cfg(unix)]
#[test]
fn serves_until_it_is_told_to_stop() {
    run(async {
        for arguments in [&[][..], &["serve"]] {
            let homes = Homes::new();
            let mut program = Program::start(command(arguments, &homes));
            let client = program.client(&homes).await;
            assert_ne!(client.address().port(), 0);
            assert_eq!(client.get("/health").await.status, 200);
            program.terminate();
            assert_eq!(program.line().await, None, "one line and no more");
            assert_eq!(program.ended().await.code(), Some(0), "{}", log(&homes));
        }
    });
}

#[test]
fn a_flag_beats_the_environment() {
    run(async {
        let homes = Homes::new();
        let mut command = command(&["serve", "--addr", "127.0.0.1:0"], &homes);
        command.env("CODEX_OPENAI_PROXY_ADDR", "203.0.113.1:1");
        let mut program = Program::start(command);
        let client = program.client(&homes).await;
        assert_eq!(client.get("/health").await.status, 200);
    });
}

#[test]
fn mistakes_in_the_configuration_are_told_together() {
    run(async {
        let homes = Homes::new();
        let mut command = command(&["serve", "--addr", "nonsense"], &homes);
        command.env("LOG_FORMAT", "purple");
        let program = Program::start(command);
        assert_eq!(program.ended().await.code(), Some(2));
        let told = log(&homes);
        assert!(
            told.contains("--addr") && told.contains("LOG_FORMAT"),
            "{told}"
        );
    });
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    run(async {
        let homes = Homes::new();
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let program = Program::start(command(&["--addr", &address], &homes));
        assert_eq!(program.ended().await.code(), Some(1));
        assert!(log(&homes).contains(&address), "{}", log(&homes));
    });
}
