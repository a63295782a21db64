//! The built program as a child process.

use super::{Client, Homes};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};
use tokio::sync::mpsc;

/// How long the program may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running program. Killed when dropped.
pub struct Program {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
}

/// A command that has not been started: it sees no environment but the folders of `homes`, and
/// logs into a file there.
pub fn command(arguments: &[&str], homes: &Homes) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_codex-openai-proxy"));
    let log = File::create(homes.path("log")).unwrap();
    command
        .args(arguments)
        .env_clear()
        .env("HOME", homes.path(""))
        .env("CODEX_HOME", homes.codex())
        .env("CODEX_OPENAI_PROXY_HOME", homes.state())
        .env("CODEX_OPENAI_PROXY_ADDR", "127.0.0.1:0")
        .current_dir(homes.path(""))
        .stdin(Stdio::null())
        .stderr(log);
    command
}

/// What the program wrote to standard error.
pub fn log(homes: &Homes) -> String {
    fs::read_to_string(homes.path("log")).unwrap_or_default()
}

impl Program {
    /// Starts a command.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::unbounded_channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, lines }
    }

    /// The next line on standard output; `None` after the last.
    pub async fn line(&mut self) -> Option<String> {
        tokio::time::timeout(PATIENCE, self.lines.recv())
            .await
            .expect("the program is silent")
    }

    /// A client of the address that the first line tells.
    pub async fn client(&mut self, homes: &Homes) -> Client {
        let line = self
            .line()
            .await
            .unwrap_or_else(|| panic!("{}", log(homes)));
        let address = line.strip_prefix("listening on http://");
        Client::new(address.expect(&line).parse().unwrap())
    }

    /// Sends SIGTERM.
    #[cfg(unix)]
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends a signal by its name, such as `HUP`.
    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let signal = format!("-{name}");
        let kill = Command::new("kill").args([&signal, &id]).status().unwrap();
        assert!(kill.success());
    }

    /// How much memory the program holds now, in KiB.
    #[cfg(target_os = "linux")]
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let size = line.expect("VmRSS").trim().trim_end_matches(" kB");
        size.parse().unwrap()
    }

    /// Waits for the end.
    pub async fn ended(mut self) -> ExitStatus {
        let waited = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waited)
            .await
            .expect("the program does not end")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may be over already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Homes {
    /// A path beside the two homes.
    pub fn path(&self, name: impl AsRef<Path>) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}
