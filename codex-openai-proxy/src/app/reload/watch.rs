//! When the configuration is to be read again.

use std::{
    fs::Metadata,
    future, io,
    path::PathBuf,
    time::{Duration, SystemTime},
};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long a file has to be at rest: an editor writes it in several steps.
const REST: Duration = Duration::from_millis(200);

/// How long that is waited for.
const RESTLESS: u32 = 20;

/// How often the files are looked at. What happens in their folder is not listened to: that is where our
/// databases are too, and each of their writes would be heard; and not all that may happen to a file can be
/// heard there, since a link on the way to it may lead elsewhere.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why to read it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// It is time to look at its files.
    Files,
    /// Somebody has sent SIGHUP.
    Signal,
}

/// Watches for a time to look at the files, and for signals.
pub(super) struct Watch {
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
    /// Looks for the first time at once: the files may have changed between the time when they were read and
    /// now.
    pub(super) fn begin(hangups: Hangups) -> Self {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { looks, hangups }
    }

    /// The next cause. Can be dropped without missing one.
    pub(super) async fn next(&mut self) -> Cause {
        tokio::select! {
            () = self.hangups.next() => Cause::Signal,
            _ = self.looks.tick() => Cause::Files,
        }
    }
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

    /// That of these files when they are at rest, where it was this one just now.
    pub(super) async fn at_rest(self, files: &[PathBuf]) -> Self {
        let mut stamp = self;
        for _ in 0..RESTLESS {
            sleep(REST).await;
            let now = Self::of(files).await;
            if now == stamp {
                break;
            }
            stamp = now;
        }
        stamp
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
