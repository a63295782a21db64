//! When the configuration is to be read again.

use notify_debouncer_mini::{
    DebounceEventResult, Debouncer, new_debouncer,
    notify::{RecommendedWatcher, RecursiveMode},
};
use std::{
    collections::BTreeSet,
    fs::Metadata,
    future,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tokio::sync::mpsc;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long a file has to be at rest: an editor writes it in several steps.
const REST: Duration = Duration::from_millis(200);

/// Why to read it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Something has happened in a folder of its files.
    Files,
    /// Somebody has sent SIGHUP.
    Signal,
}

/// Watches folders and signals.
pub(super) struct Watch {
    /// `None` where the system does not let us.
    debouncer: Option<Debouncer<RecommendedWatcher>>,
    folders: BTreeSet<PathBuf>,
    events: mpsc::Receiver<()>,
    #[cfg(unix)]
    hangup: Option<Signal>,
}

impl Watch {
    /// Catches signals from now on, and watches no folder yet.
    pub(super) fn begin() -> Self {
        let (sender, events) = mpsc::channel(1);
        // The configuration may have changed between the time when it was read and now.
        let _ = sender.try_send(());
        let on_events = move |_: DebounceEventResult| {
            // Where an event is waiting already, another one tells nothing more.
            let _ = sender.try_send(());
        };
        let debouncer = new_debouncer(REST, on_events);
        let debouncer = debouncer.inspect_err(|error| tracing::warn!(%error, "config_not_watched"));
        Self {
            debouncer: debouncer.ok(),
            folders: BTreeSet::new(),
            events,
            #[cfg(unix)]
            hangup: signal(SignalKind::hangup())
                .inspect_err(|error| tracing::warn!(%error, "SIGHUP cannot be caught"))
                .ok(),
        }
    }

    /// Watches the folders of these files, and no others. Folders, because files are replaced more often
    /// than written to.
    pub(super) fn follow(&mut self, files: &[PathBuf]) {
        let Some(debouncer) = &mut self.debouncer else {
            return;
        };
        let folders: BTreeSet<PathBuf> = files.iter().flat_map(|file| folders_of(file)).collect();
        for gone in self.folders.difference(&folders) {
            // It may not be there any more, and is not watched then either.
            let _ = debouncer.watcher().unwatch(gone);
        }
        let mut watched = BTreeSet::new();
        for folder in folders {
            if self.folders.contains(&folder) {
                watched.insert(folder);
                continue;
            }
            match debouncer
                .watcher()
                .watch(&folder, RecursiveMode::NonRecursive)
            {
                Ok(()) => {
                    watched.insert(folder);
                }
                Err(error) => {
                    let folder = folder.display();
                    tracing::warn!(%error, %folder, "config_not_watched");
                }
            }
        }
        self.folders = watched;
    }

    /// The next cause. Can be dropped without missing one.
    pub(super) async fn next(&mut self) -> Cause {
        let event = async {
            if self.events.recv().await.is_none() {
                // There is no debouncer that could tell.
                future::pending::<()>().await;
            }
        };
        #[cfg(unix)]
        let hangup = async {
            let signal = match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => None,
            };
            if signal.is_none() {
                future::pending::<()>().await;
            }
        };
        #[cfg(not(unix))]
        let hangup = future::pending::<()>();
        tokio::select! {
            () = hangup => Cause::Signal,
            () = event => Cause::Files,
        }
    }
}

/// The folder that a file is in, and where it is a link also the one that it leads to.
fn folders_of(file: &Path) -> impl Iterator<Item = PathBuf> {
    let target = file.canonicalize().ok();
    [Some(file.to_owned()), target]
        .into_iter()
        .flatten()
        .filter_map(|file| match file.parent() {
            Some(folder) if folder.as_os_str().is_empty() => Some(PathBuf::from(".")),
            folder => folder.map(Path::to_owned),
        })
}

/// What tells one state of files from another without opening them, since that would be an event of
/// its own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamp(Vec<Option<FileStamp>>);

#[derive(Debug, PartialEq, Eq)]
struct FileStamp {
    length: u64,
    modified: Option<SystemTime>,
    /// Device, inode and time of change: they tell of a replacement that looks the same.
    #[cfg(unix)]
    identity: (u64, u64, i64, i64),
}

impl Stamp {
    /// That of these files now. Those that are not there count too.
    pub(super) async fn of(files: &[PathBuf]) -> Self {
        let mut stamps = Vec::with_capacity(files.len());
        for file in files {
            let metadata = tokio::fs::metadata(file).await;
            stamps.push(metadata.ok().as_ref().map(FileStamp::of));
        }
        Self(stamps)
    }
}

impl FileStamp {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            #[cfg(unix)]
            identity: (
                metadata.dev(),
                metadata.ino(),
                metadata.ctime(),
                metadata.ctime_nsec(),
            ),
        }
    }
}
