//! Figures about this process, under the names that all exporters have for them. Those of memory, time
//! and files are there on Linux only.

use prometheus_client::{
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::{Registry, Unit},
};
use std::{fs, path::Path};
use tokio::runtime::Handle;

/// The unit in which Linux tells times to processes, on every architecture that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// What the kernel knows of a process.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Kernel {
    cpu_seconds: Option<f64>,
    resident_bytes: Option<u64>,
    virtual_bytes: Option<u64>,
    threads: Option<u64>,
    open_fds: Option<u64>,
    max_fds: Option<u64>,
}

/// The figures of this process, which began to serve at `started`, in seconds since 1970.
pub(super) fn registry(started: u64) -> Registry {
    let mut registry = Registry::with_prefix("process");
    registry.register_with_unit(
        "start_time",
        "When the process began to serve, since the Unix epoch",
        Unit::Seconds,
        ConstGauge::new(started),
    );
    Kernel::read(Path::new("/proc/self")).register(&mut registry);
    registry
}

/// The figures of the runtime that this is called in.
pub(super) fn runtime() -> Registry {
    let mut registry = Registry::with_prefix("tokio");
    if let Ok(runtime) = Handle::try_current() {
        let tasks = runtime.metrics().num_alive_tasks() as u64;
        let help = "Tasks that have not ended";
        registry.register("alive_tasks", help, ConstGauge::new(tasks));
    }
    registry
}

impl Kernel {
    /// Reads what the kernel tells at `proc`. What cannot be read is left out.
    fn read(proc: &Path) -> Self {
        let text = |name| fs::read_to_string(proc.join(name)).unwrap_or_default();
        let status = text("status");
        // `Name:   value kB`
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let number = line.strip_prefix(':')?.split_ascii_whitespace().next()?;
            number.parse::<u64>().ok()
        };
        let bytes = |name| field(name).map(|kilobytes| kilobytes * 1024);
        let limits = text("limits");
        let max_fds = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max open files"))
            .and_then(|line| line.split_ascii_whitespace().next()?.parse().ok());
        Self {
            cpu_seconds: cpu_seconds(&text("stat")),
            resident_bytes: bytes("VmRSS"),
            virtual_bytes: bytes("VmSize"),
            threads: field("Threads"),
            // The folder that is read is open as well.
            open_fds: fs::read_dir(proc.join("fd"))
                .ok()
                .map(|open| open.count().saturating_sub(1) as u64),
            max_fds,
        }
    }

    fn register(self, registry: &mut Registry) {
        if let Some(seconds) = self.cpu_seconds {
            let seconds = ConstCounter::new(seconds);
            let help = "Processor time that was used";
            registry.register_with_unit("cpu", help, Unit::Seconds, seconds);
        }
        let mut gauge = |name, help: &str, unit: Option<Unit>, value: Option<u64>| {
            let Some(value) = value.map(ConstGauge::new) else {
                return;
            };
            match unit {
                Some(unit) => registry.register_with_unit(name, help, unit, value),
                None => registry.register(name, help, value),
            }
        };
        let bytes = Some(Unit::Bytes);
        let resident = self.resident_bytes;
        gauge("resident_memory", "Memory in use", bytes.clone(), resident);
        let reserved = self.virtual_bytes;
        gauge("virtual_memory", "Memory set aside", bytes, reserved);
        gauge("threads", "Threads of the process", None, self.threads);
        gauge("open_fds", "Open files and sockets", None, self.open_fds);
        let help = "How many files and sockets may be open";
        gauge("max_fds", help, None, self.max_fds);
    }
}

/// The processor time in `/proc/PID/stat`, see proc(5): fields 14 and 15. The second, a name in
/// parentheses, may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut times = behind_name.split_ascii_whitespace().skip(11);
    let user: f64 = times.next()?.parse().ok()?;
    let system: f64 = times.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn what_the_kernel_tells_is_read() {
        let proc = TempDir::new().unwrap();
        let write = |name: &str, text: &str| fs::write(proc.path().join(name), text).unwrap();
        write(
            "stat",
            "7 (a) b (c) S 1 7 7 0 -1 4194560 90 0 1 0 250 150 0 0 20 0 9 0 55 4096 12 18446744073709551615\n",
        );
        write(
            "status",
            "Name:\tVmRSS\nVmSize:\t    2048 kB\nVmRSS:\t     512 kB\nThreads:\t9\n",
        );
        write(
            "limits",
            "Limit                     Soft Limit           Hard Limit           Units\n\
             Max open files            1024                 4096                 files\n",
        );
        fs::create_dir(proc.path().join("fd")).unwrap();
        for fd in 0..5 {
            write(&format!("fd/{fd}"), "");
        }
        let expected = Kernel {
            cpu_seconds: Some(4.0),
            resident_bytes: Some(512 * 1024),
            virtual_bytes: Some(2048 * 1024),
            threads: Some(9),
            open_fds: Some(4),
            max_fds: Some(1024),
        };
        assert_eq!(Kernel::read(proc.path()), expected);
    }

    #[test]
    fn what_is_not_there_is_left_out() {
        let nowhere = TempDir::new().unwrap();
        assert_eq!(Kernel::read(nowhere.path()), Kernel::default());
        assert_eq!(cpu_seconds("7 (x) S 1"), None);
    }
}
