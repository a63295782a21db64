//! The machine, so that results can be read elsewhere.

use serde::Serialize;
use std::{fs, thread};

/// What results depend on.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Processors that this program may use.
    pub cpus: usize,
    /// Their name.
    pub model: String,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The kernel's release.
    pub kernel: String,
    /// Whether this program was built with optimisation; if not, the results mean little.
    pub optimised: bool,
}

impl Machine {
    /// This machine. What it does not tell is left empty.
    pub fn this() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpu = read("/proc/cpuinfo");
        let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
        let kib = memory.trim_end_matches(" kB").parse::<u64>();
        Self {
            cpus: thread::available_parallelism().map_or(1, usize::from),
            model: field(&cpu, "model name").unwrap_or_default(),
            memory_mib: kib.unwrap_or_default() / 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            optimised: !cfg!(debug_assertions),
        }
    }
}

/// The value in the first line `name : value`.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_lines_are_read() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nmodel name\t: another\n";
        assert_eq!(field(text, "model name").unwrap(), "Some CPU @ 2 GHz");
        assert_eq!(field(text, "model"), None);
        assert!(Machine::this().memory_mib > 0);
    }
}
