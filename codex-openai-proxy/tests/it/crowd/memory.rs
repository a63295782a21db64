//! What the program still holds when many chats have come and gone.

use super::{KEPT, PATIENCE, begin_all, echo, go_on_with_all};
use crate::harness::{
    codex::Setup,
    process::{Program, command},
    run_within,
};
use std::{fs, time::Duration};

/// Chats that come and go.
const CHATS: usize = 1_000;

/// What a process may hold when its chats are put away, beside what it held after the first ones, in
/// KiB. A chat at hand holds some hundred.
const LEFT_BEHIND: u64 = 32 * 1024;

#[test]
fn a_thousand_chats_come_and_go_and_leave_little_behind() {
    run_within(PATIENCE, async {
        let upstream = echo().await;
        let (_, homes) = Setup::new(&upstream).write();
        let settings = format!("[conversations]\nidle_seconds = 1\nmax_live = {KEPT}\n");
        fs::create_dir_all(homes.state()).unwrap();
        fs::write(homes.state().join("config.toml"), settings).unwrap();
        let mut program = Program::start(command(&["serve"], &homes));
        let client = program.client(&homes).await.without_keeping_replies();
        let memory = async || {
            // Until the last of them was put away.
            tokio::time::sleep(Duration::from_secs(3)).await;
            program.memory()
        };

        let first = begin_all(&client, 0..100).await;
        go_on_with_all(&client, &upstream, first).await;
        let start = memory().await;
        let chats = begin_all(&client, 100..100 + CHATS).await;
        let begun = memory().await;
        go_on_with_all(&client, &upstream, chats).await;
        let end = memory().await;
        assert!(
            begun.max(end) < start + LEFT_BEHIND,
            "{start} KiB after the first chats, {begun} KiB after all, {end} KiB when all went on"
        );
    });
}
