//! `health`: a server that is asked how it is.

use crate::harness::{
    Homes,
    process::{Program, command, log},
    run,
};
use std::{fs, net::TcpListener, process::Output};

fn health(arguments: &[&str], address: &str, homes: &Homes) -> Output {
    let arguments = [&["health"], arguments].concat();
    let mut command = command(&arguments, homes);
    command.env("CODEX_OPENAI_PROXY_ADDR", address);
    command.output().unwrap()
}

#[test]
fn a_server_that_can_answer_is_well_and_one_that_cannot_lives() {
    run(async {
        let homes = Homes::new();
        fs::create_dir_all(homes.state()).unwrap();
        let mut program = Program::start(command(&["serve"], &homes));
        let client = program.client(&homes).await;
        let address = client.address().to_string();
        let url = format!("http://{address}");
        assert!(health(&["--live"], &address, &homes).status.success());
        assert!(
            health(&["--live", "--url", &url], "", &homes)
                .status
                .success()
        );
        // Neither an engine that has a login nor a provider.
        let output = health(&[], &address, &homes);
        assert_eq!(output.status.code(), Some(1));
        let told = log(&homes);
        assert!(
            told.contains("503") && told.contains("/health/ready"),
            "{told}"
        );

        let asked = Homes::new();
        let file = homes.state().join("config.toml");
        let provider = "[[upstreams]]\nname = \"near\"\nbase_url = \"http://127.0.0.1:1/v1\"\n";
        fs::write(file, provider).unwrap();
        for attempt in 0.. {
            if health(&["--url", &url], "", &asked).status.success() {
                break;
            }
            assert!(attempt < 100, "{}", log(&asked));
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        // Whoever listens everywhere is asked here.
        let everywhere = format!("0.0.0.0:{}", client.address().port());
        let mut command = command(&["health"], &asked);
        command
            .env("CODEX_OPENAI_PROXY_ADDR", everywhere)
            .env("PROXY_API_KEY", "a-key-that-is-not-asked-for");
        assert!(
            command.output().unwrap().status.success(),
            "{}",
            log(&asked)
        );
        assert_eq!(log(&asked), "");
        // A file that is being edited says nothing against a server that runs.
        fs::create_dir_all(asked.state()).unwrap();
        fs::write(asked.state().join("config.toml"), "[server").unwrap();
        assert!(health(&[], &address, &asked).status.success());
    });
}

#[test]
fn a_server_that_is_not_there_or_cannot_be_known_is_not_well() {
    let homes = Homes::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    for (address, expected) in [(address.as_str(), &*address), ("127.0.0.1:0", "--url")] {
        let output = health(&[], address, &homes);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        assert!(log(&homes).contains(expected), "{}", log(&homes));
    }
    assert_eq!(health(&[], "nonsense", &homes).status.code(), Some(2));
}
