//! The built program, serving, and its two ends.

use super::{
    Client, Homes,
    process::{Program, command, log},
};
use std::process::Command;

/// How a program ends.
#[derive(Debug, Clone, Copy)]
pub enum End {
    /// SIGTERM, and time to tidy up.
    Asked,
    /// `kill -9`.
    Killed,
}

/// Both.
pub const ENDS: [End; 2] = [End::Asked, End::Killed];

/// A program that serves, and a client of it.
pub struct Running {
    /// The program.
    pub program: Program,
    /// The client.
    pub client: Client,
}

impl Running {
    /// Starts the program.
    pub async fn start(homes: &Homes) -> Self {
        Self::start_as(command(&["serve"], homes), homes).await
    }

    /// Starts the program by a command that serves.
    pub async fn start_as(command: Command, homes: &Homes) -> Self {
        let mut program = Program::start(command);
        let client = program.client(homes).await;
        Self { program, client }
    }

    /// Ends the program.
    pub async fn end(self, end: End, homes: &Homes) {
        match end {
            End::Asked => {
                self.program.terminate();
                let status = self.program.ended().await;
                assert_eq!(status.code(), Some(0), "{}", log(homes));
            }
            // Dropping a program kills it.
            End::Killed => drop(self.program),
        }
    }

    /// Ends the program and starts it again.
    pub async fn again(self, end: End, homes: &Homes) -> Self {
        self.end(end, homes).await;
        Self::start(homes).await
    }
}
