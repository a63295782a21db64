//! What goes wrong on this machine: disks and databases. Requests are served where they can be, and the
//! log says what is lost.
#![cfg(unix)]

mod disk;
mod store;

use crate::harness::{
    Homes,
    process::{Program, command, log},
};
use std::time::Duration;

/// Waits until the log of the program says `words`.
async fn told(homes: &Homes, words: &str) {
    let seen = async {
        while !log(homes).contains(words) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(10), seen).await;
    assert!(seen.is_ok(), "no {words:?} in {}", log(homes));
}

/// Starts the program, which has to refuse; gives what it says about that.
async fn refused(homes: &Homes) -> String {
    let mut program = Program::start(command(&["serve"], homes));
    assert_eq!(program.line().await, None, "{}", log(homes));
    let status = program.ended().await;
    assert!(!status.success());
    let said = log(homes);
    assert!(!said.contains("panicked"), "{said}");
    said
}
