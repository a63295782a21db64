//! A lasting conversation on disk: one file in core's own rollout format, to which core's recorder
//! appends while a thread runs.
//!
//! The file is written anew whenever a thread starts, from the conversation's record. That takes out
//! what core noted about turns that were broken off, and every word of a history that its author
//! has changed. A thread that began without a file, because its client named the conversation only
//! later, has its file written after each reply.

use super::record::Record;
use chrono::{SecondsFormat, Utc};
use codex_core::config::Config;
use codex_protocol::{
    ThreadId,
    models::BaseInstructions,
    protocol::{RolloutItem, RolloutLine, SessionMeta, SessionMetaLine, SessionSource},
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::task::spawn_blocking;

/// Where the file of a thread lies in the folder of all.
pub fn path_in(folder: &Path, thread: ThreadId) -> PathBuf {
    folder.join(format!("{thread}.jsonl"))
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

/// Writes the file of a conversation, private to the user, in the place of one that is there.
///
/// # Errors
///
/// When the file cannot be written; an older one is then still whole.
pub async fn write(path: PathBuf, head: Head, items: Arc<Vec<RolloutItem>>) -> io::Result<()> {
    spawn_blocking(move || write_now(&path, head, &items)).await?
}

fn write_now(path: &Path, head: Head, items: &[RolloutItem]) -> io::Result<()> {
    let fresh = path.with_extension("jsonl.new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = BufWriter::new(options.open(&fresh)?);
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
    file.flush()?;
    fs::rename(fresh, path)
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
pub async fn read(path: PathBuf, count: usize) -> io::Result<Record> {
    spawn_blocking(move || read_now(&path, count)).await?
}

fn read_now(path: &Path, count: usize) -> io::Result<Record> {
    let mut thread = None;
    let mut instructions = String::new();
    let mut items = Vec::with_capacity(count);
    for line in BufReader::new(File::open(path)?).lines() {
        if thread.is_some() && items.len() == count {
            break;
        }
        // A process that was killed can leave half a line, and a newer core lines of other kinds.
        let Ok(line) = serde_json::from_str::<RolloutLine>(&line?) else {
            continue;
        };
        match line.item {
            RolloutItem::SessionMeta(line) if thread.is_none() => {
                thread = Some(line.meta.id);
                instructions = line.meta.base_instructions.unwrap_or_default().text;
            }
            RolloutItem::ResponseItem(item) => items.push(item),
            _ => {}
        }
    }
    let missing = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    let thread = thread.ok_or_else(|| missing("the file names no thread"))?;
    if items.len() < count {
        return Err(missing("the file lacks items"));
    }
    Ok(Record::restore(thread, instructions, items))
}

#[cfg(test)]
mod tests {
    use super::*;
    use codex_protocol::models::{ContentItem, ResponseItem};

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
        let path = path_in(folder.path(), thread);
        let items: Vec<ResponseItem> = ["a", "b", "c"].map(said).into();
        let lines = items.iter().cloned().map(RolloutItem::ResponseItem);
        let lines = Arc::new(lines.collect::<Vec<_>>());
        write(path.clone(), head(thread), Arc::clone(&lines))
            .await
            .unwrap();
        // Half a line of a process that was killed.
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"timestamp\":").unwrap();
        let record = read(path.clone(), 2).await.unwrap();
        assert_eq!(record.thread, thread);
        assert_eq!(record.instructions, "Be brief.");
        assert_eq!(record.items(), &items[..2]);
        assert!(read(path.clone(), 4).await.is_err());
        assert!(read(folder.path().join("none"), 0).await.is_err());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
