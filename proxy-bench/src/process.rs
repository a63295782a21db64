//! Child processes, and what the kernel says of them. Linux alone, as `/proc` is.

use anyhow::{Context, Result, bail};
use procfs::process::Process as Entry;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::File,
    net::SocketAddr,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, copy, sink},
    process::{Child, Command},
    time::{Instant, timeout},
};

/// How the line begins that tells where a child listens.
const LISTENING: &str = "listening on http://";
/// How long a child may take until that line.
const START: Duration = Duration::from_mins(1);
/// How long a child may take to end after SIGTERM.
const END: Duration = Duration::from_secs(10);

/// Where a child's log goes.
#[derive(Debug, Clone, Copy)]
pub enum Stderr<'a> {
    /// To the end of a file.
    File(&'a Path),
    /// Where our own goes.
    Inherit,
}

/// A child process, which is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pid: Pid,
    start: Duration,
}

/// What a process uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory in bytes.
    pub resident_bytes: u64,
    /// Processor time since its start, its own and the kernel's for it, in steps of 10 ms.
    pub cpu: Duration,
    /// Open descriptors.
    pub descriptors: usize,
    /// Threads of the system.
    pub threads: u64,
}

impl Process {
    /// Starts a child and waits until it tells, on a line of its standard output, where it listens.
    ///
    /// # Errors
    /// Where it cannot be started, or ends, or does not tell for a minute.
    pub async fn start(mut command: Command, stderr: Stderr<'_>) -> Result<(Self, SocketAddr)> {
        let log = match stderr {
            Stderr::Inherit => Stdio::inherit(),
            Stderr::File(path) => File::options()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("cannot write {}", path.display()))?
                .into(),
        };
        let program = command.as_std().get_program().to_owned();
        let program = program.display();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        let begin = Instant::now();
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let pid = pid.context("a child without an id")?;
        let stdout = child.stdout.take().context("a child without an output")?;
        let mut stdout = BufReader::new(stdout);
        let address = timeout(START, address(&mut stdout))
            .await
            .with_context(|| format!("{program} does not tell where it listens"))?
            .with_context(|| format!("{program} has not come up"))?;
        let start = begin.elapsed();
        // What else it prints must not fill the pipe, or find it closed.
        tokio::spawn(async move { copy(&mut stdout, &mut sink()).await });
        Ok((Self { child, pid, start }, address))
    }

    /// From the start of the child to its line.
    pub fn start_time(&self) -> Duration {
        self.start
    }

    /// Its id.
    pub fn id(&self) -> i32 {
        self.pid.as_raw_pid()
    }

    /// What it uses now.
    ///
    /// # Errors
    /// Where it runs no more.
    pub fn usage(&self) -> Result<Usage> {
        let entry = Entry::new(self.id()).context("a process that has ended")?;
        let (status, stat) = (entry.status()?, entry.stat()?);
        let ticks = stat.utime + stat.stime;
        let per_second = procfs::ticks_per_second().max(1);
        Ok(Usage {
            resident_bytes: status.vmrss.unwrap_or_default() * 1024,
            cpu: Duration::from_nanos(ticks * (1_000_000_000 / per_second)),
            descriptors: entry.fd_count()?,
            threads: status.threads,
        })
    }

    /// Asks it to end, waits until it has, and kills it after ten seconds.
    ///
    /// # Errors
    /// Where it had to be killed.
    pub async fn terminate(mut self) -> Result<ExitStatus> {
        if self.child.try_wait()?.is_none() {
            kill_process(self.pid, Signal::TERM)?;
        }
        if let Ok(status) = timeout(END, self.child.wait()).await {
            return Ok(status?);
        }
        self.child.kill().await?;
        bail!("it had to be killed {} s after SIGTERM", END.as_secs());
    }

    /// Kills it, as a crash would, and waits until it is gone.
    ///
    /// # Errors
    /// Where the system does not let us.
    pub async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// The address in the first line that tells one.
async fn address(output: &mut (impl AsyncBufReadExt + Unpin)) -> Result<SocketAddr> {
    let mut line = String::new();
    loop {
        line.clear();
        if output.read_line(&mut line).await? == 0 {
            bail!("it ended, or closed its output");
        }
        if let Some((_, told)) = line.split_once(LISTENING) {
            let end = told.find(|c: char| c == '/' || c.is_whitespace());
            let told = &told[..end.unwrap_or(told.len())];
            return told
                .parse()
                .with_context(|| format!("no address: {told:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const LINE: &str = "echo noise; echo more >&2; echo listening on http://127.0.0.1:4711; ";

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{LINE}{script}")]);
        command
    }

    #[tokio::test]
    async fn a_child_tells_its_address_and_ends_when_it_is_asked() {
        let home = tempfile::tempdir().unwrap();
        let log = home.path().join("log");
        let started = Process::start(shell("exec sleep 60"), Stderr::File(&log)).await;
        let (child, address) = started.unwrap();
        assert_eq!(address, "127.0.0.1:4711".parse().unwrap());
        assert!(child.start_time() > Duration::ZERO);
        assert!(child.usage().is_ok());
        assert!(!child.terminate().await.unwrap().success());
        assert_eq!(fs::read_to_string(&log).unwrap(), "more\n");
    }

    #[tokio::test]
    async fn a_killed_child_is_gone_at_once_and_has_no_usage() {
        let script = "trap '' TERM; while :; do :; done";
        let (child, _) = Process::start(shell(script), Stderr::Inherit)
            .await
            .unwrap();
        let id = child.id();
        child.kill().await.unwrap();
        assert!(Entry::new(id).and_then(|entry| entry.stat()).is_err());
    }

    #[tokio::test]
    async fn a_child_that_ends_without_an_address_is_an_error() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo nothing; exit 1"]);
        let error = Process::start(command, Stderr::Inherit).await.unwrap_err();
        assert!(format!("{error:#}").contains("ended"), "{error:#}");
    }

    #[tokio::test]
    async fn usage_grows_with_what_a_child_does() {
        let script = "while :; do :; done";
        let (child, _) = Process::start(shell(script), Stderr::Inherit)
            .await
            .unwrap();
        let before = child.usage().unwrap();
        assert!(before.resident_bytes > 100_000, "{before:?}");
        assert!(before.resident_bytes < 1 << 30, "{before:?}");
        assert_eq!(before.threads, 1);
        assert!(before.descriptors >= 3, "{before:?}");
        let patience = Instant::now() + Duration::from_secs(10);
        while child.usage().unwrap().cpu <= before.cpu {
            assert!(Instant::now() < patience, "no processor time is counted");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        child.kill().await.unwrap();
    }
}
