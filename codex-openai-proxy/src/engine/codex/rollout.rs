//! A lasting conversation on disk: one file in core's own rollout format, to which core's recorder
//! appends while a thread runs.
//!
//! Each thread has a file of its own, which begins with what the conversation holds by then. Only when
//! a reply has ended well does it take the place of the file before. So what core notes about turns
//! that were broken off is left behind, and so is every word of a history that its author has
//! changed, but not before the change was answered. A thread that began without a file, because its
//! client named the conversation only later, has one written after each reply.

use super::record::Remains;
use crate::files::private_file;
use chrono::{SecondsFormat, Utc};
use codex_core::config::Config;
use codex_protocol::{
    ThreadId,
    models::BaseInstructions,
    protocol::{RolloutItem, RolloutLine, SessionMeta, SessionMetaLine, SessionSource},
};
use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::task::spawn_blocking;
use uuid::Uuid;

/// The end of the names of these files.
const SUFFIX: &str = ".jsonl";

/// A path for the next file of a thread in the folder of all.
pub fn new_path(folder: &Path, thread: ThreadId) -> PathBuf {
    folder.join(format!("{thread}.{}{SUFFIX}", Uuid::new_v4().simple()))
}

/// Removes a file that is of no more use. One that cannot be removed is swept away at the next start.
pub async fn discard(path: &Path) {
    if let Err(error) = tokio::fs::remove_file(path).await
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "rollout_not_removed");
    }
}

/// Removes the files of `folder` that are not among `known`: what is left of processes that were
/// killed.
///
/// # Errors
///
/// When the folder cannot be read, or a file cannot be removed.
pub fn sweep(folder: &Path, known: &HashSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let ours = path.to_str().is_some_and(|path| path.ends_with(SUFFIX));
        if ours && !known.contains(&path) {
            tracing::info!(file = %path.display(), "removed: it belongs to no conversation");
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// What is told about a thread besides its items.
#[derive(Debug, Clone)]
pub struct Head {
    /// The thread.
    pub thread: ThreadId,
    /// Its instructions.
    pub instructions: String,
    /// The folder that it is told to work in.
    pub cwd: PathBuf,
    /// The model provider's name.
    pub provider: String,
}

impl Head {
    /// The head of a thread of that configuration.
    pub fn new(thread: ThreadId, instructions: String, config: &Config) -> Self {
        Self {
            thread,
            instructions,
            cwd: config.cwd.to_path_buf(),
            provider: config.model_provider_id.clone(),
        }
    }
}

/// Writes the file of a conversation, private to the user.
///
/// # Errors
///
/// When the file cannot be written.
pub async fn write(path: PathBuf, head: Head, items: Arc<Vec<RolloutItem>>) -> io::Result<()> {
    spawn_blocking(move || write_now(&path, head, &items)).await?
}

fn write_now(path: &Path, head: Head, items: &[RolloutItem]) -> io::Result<()> {
    let file = private_file().write(true).create_new(true).open(path)?;
    let mut file = BufWriter::new(file);
    let mut line = RolloutLine {
        timestamp: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
        ordinal: None,
        item: meta(head),
    };
    if let RolloutItem::SessionMeta(meta) = &mut line.item {
        meta.meta.timestamp.clone_from(&line.timestamp);
    }
    serde_json::to_writer(&mut file, &line)?;
    file.write_all(b"\n")?;
    for item in items {
        line.item = item.clone();
        serde_json::to_writer(&mut file, &line)?;
        file.write_all(b"\n")?;
    }
    file.flush()
}

fn meta(head: Head) -> RolloutItem {
    RolloutItem::SessionMeta(SessionMetaLine {
        meta: SessionMeta {
            session_id: head.thread.into(),
            id: head.thread,
            cwd: head.cwd,
            originator: env!("CARGO_PKG_NAME").to_owned(),
            cli_version: env!("CARGO_PKG_VERSION").to_owned(),
            source: SessionSource::Exec,
            model_provider: Some(head.provider),
            base_instructions: Some(BaseInstructions {
                text: head.instructions,
            }),
            ..SessionMeta::default()
        },
        git: None,
    })
}

/// Reads the first `count` items of a conversation back: those that belong to replies which ended
/// well.
///
/// # Errors
///
/// When the file cannot be read, or is not one that a thread wrote, or lacks some of the items.
pub async fn read(path: PathBuf, count: usize) -> io::Result<Remains> {
    spawn_blocking(move || read_now(&path, count)).await?
}

fn read_now(path: &Path, count: usize) -> io::Result<Remains> {
    let mut instructions = None;
    let mut items = Vec::with_capacity(count);
    for line in BufReader::new(File::open(path)?).lines() {
        if instructions.is_some() && items.len() == count {
            break;
        }
        // A process that was killed can leave half a line, and a newer core lines of other kinds.
        let Ok(line) = serde_json::from_str::<RolloutLine>(&line?) else {
            continue;
        };
        match line.item {
            RolloutItem::SessionMeta(line) => {
                let base = line.meta.base_instructions;
                instructions.get_or_insert_with(|| base.map_or_else(String::new, |base| base.text));
            }
            RolloutItem::ResponseItem(item) => items.push(item),
            _ => {}
        }
    }
    let missing = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    let instructions = instructions.ok_or_else(|| missing("the file is of no thread"))?;
    if items.len() < count {
        return Err(missing("the file lacks items"));
    }
    Ok(Remains {
        instructions,
        items,
        ..Remains::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use codex_protocol::models::{ContentItem, ResponseItem};
    use std::fs::OpenOptions;

    fn said(text: &str) -> ResponseItem {
        ResponseItem::Message {
            id: None,
            role: "user".to_owned(),
            content: vec![ContentItem::InputText { text: text.into() }],
            phase: None,
            internal_chat_message_metadata_passthrough: None,
        }
    }

    fn head(thread: ThreadId) -> Head {
        Head {
            thread,
            instructions: "Be brief.".to_owned(),
            cwd: "/".into(),
            provider: "fake".to_owned(),
        }
    }

    #[tokio::test]
    async fn what_is_written_is_read_back_up_to_what_counts() {
        let folder = tempfile::tempdir().unwrap();
        let thread = ThreadId::new();
        let path = new_path(folder.path(), thread);
        let items: Vec<ResponseItem> = ["a", "b", "c"].map(said).into();
        let lines = items.iter().cloned().map(RolloutItem::ResponseItem);
        let lines = Arc::new(lines.collect::<Vec<_>>());
        write(path.clone(), head(thread), Arc::clone(&lines))
            .await
            .unwrap();
        // Half a line of a process that was killed.
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"timestamp\":").unwrap();
        let remains = read(path.clone(), 2).await.unwrap();
        assert_eq!(remains.instructions, "Be brief.");
        assert_eq!(remains.items, items[..2]);
        assert!(read(path.clone(), 4).await.is_err());
        assert!(read(folder.path().join("none"), 0).await.is_err());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn what_belongs_to_nobody_is_swept_away() {
        let folder = tempfile::tempdir().unwrap();
        let thread = ThreadId::new();
        let (kept, left) = (
            new_path(folder.path(), thread),
            new_path(folder.path(), thread),
        );
        let other = folder.path().join("notes.txt");
        for path in [&kept, &left, &other] {
            fs::write(path, "").unwrap();
        }
        sweep(folder.path(), &HashSet::from([kept.clone()])).unwrap();
        assert!(kept.exists() && other.exists() && !left.exists());
    }
}
