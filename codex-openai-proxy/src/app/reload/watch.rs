//! When the configuration is to be read again.

use notify_debouncer_mini::{
    DebounceEventResult, Debouncer, new_debouncer,
    notify::{RecommendedWatcher, RecursiveMode},
};
use std::{
    collections::BTreeSet,
    fs::Metadata,
    future, io, mem,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tokio::{
    sync::mpsc,
    time::{Interval, MissedTickBehavior, interval},
};

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long a file has to be at rest: an editor writes it in several steps.
const REST: Duration = Duration::from_millis(200);

/// How often the files are looked at where nothing was heard of them. Not all that may happen to a file can
/// be heard in its folder: a link on the way to it may lead elsewhere, or the folder be another of the same
/// name.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// Why to read it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Something may have happened to its files.
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
    looks: Interval,
    hangups: Hangups,
}

/// Every SIGHUP from the moment this is made, which then does not end the process.
#[derive(Debug)]
pub struct Hangups(#[cfg(unix)] Signal);

impl Hangups {
    /// Begins to catch them.
    ///
    /// # Errors
    ///
    /// When the system does not let us.
    #[cfg(unix)]
    pub fn listen() -> io::Result<Self> {
        Ok(Self(signal(SignalKind::hangup())?))
    }

    /// There are none here.
    ///
    /// # Errors
    ///
    /// None.
    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "it can fail elsewhere")]
    pub fn listen() -> io::Result<Self> {
        Ok(Self())
    }

    /// The next one. Can be dropped without missing one.
    async fn next(&mut self) {
        #[cfg(unix)]
        if self.0.recv().await.is_some() {
            return;
        }
        future::pending::<()>().await;
    }
}

impl Watch {
    /// Watches no folder yet.
    pub(super) fn begin(hangups: Hangups) -> Self {
        let (sender, events) = mpsc::channel(1);
        let on_events = move |_: DebounceEventResult| {
            // Where an event is waiting already, another one tells nothing more.
            let _ = sender.try_send(());
        };
        let debouncer = new_debouncer(REST, on_events);
        let debouncer = debouncer.inspect_err(|error| tracing::warn!(%error, "config_not_watched"));
        // The first time at once: they may have changed between the time when they were read and now.
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            debouncer: debouncer.ok(),
            folders: BTreeSet::new(),
            events,
            looks,
            hangups,
        }
    }

    /// Watches the folders of these files as they are now, and no others. Folders, because files are
    /// replaced more often than written to.
    pub(super) fn follow(&mut self, files: &[PathBuf]) {
        let Some(debouncer) = &mut self.debouncer else {
            return;
        };
        for folder in mem::take(&mut self.folders) {
            // It may not be there any more, and is not watched then either.
            let _ = debouncer.watcher().unwatch(&folder);
        }
        let folders: BTreeSet<PathBuf> = files.iter().flat_map(|file| folders_of(file)).collect();
        for folder in folders {
            let watcher = debouncer.watcher();
            match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.folders.insert(folder);
                }
                // Once it is there, so is the file, and that is seen.
                Err(_) if !folder.exists() => {}
                Err(error) => {
                    let folder = folder.display();
                    tracing::warn!(%error, %folder, "config_not_watched");
                }
            }
        }
    }

    /// The next cause. Can be dropped without missing one.
    pub(super) async fn next(&mut self) -> Cause {
        let event = async {
            if self.events.recv().await.is_none() {
                // There is no debouncer that could tell.
                future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = self.hangups.next() => Cause::Signal,
            () = event => Cause::Files,
            _ = self.looks.tick() => Cause::Files,
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
