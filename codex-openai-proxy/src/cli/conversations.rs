//! `conversations`: what is kept of conversations that last.
//!
//! Works beside a server that is running: both use the same database.

use super::{CliError, print};
use crate::{
    config::Config,
    conversation::{Row, Store},
    turn::ConversationId,
};
use clap::{Args, Subcommand};
use std::time::{Duration, SystemTime};

/// Told where there is nothing to tell of.
const NONE: &str = "no conversations\n";

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(super) enum Action {
    /// List them, the last used first (what happens without a command)
    List,
    /// Delete them, with all that was said in them
    Delete(Chosen),
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(super) struct Chosen {
    /// Their names, as `conversations list` shows them
    #[arg(value_name = "ID", required_unless_present = "all")]
    ids: Vec<String>,
    /// Every one
    #[arg(long, conflicts_with = "ids")]
    all: bool,
}

pub(super) async fn run(config: &Config, action: Action) -> Result<(), CliError> {
    let store = Store::open_existing(&config.home).await?;
    let done = match action {
        Action::List => list(store.as_ref()).await,
        Action::Delete(chosen) => delete(store.as_ref(), chosen).await,
    };
    if let Some(store) = store {
        store.close().await;
    }
    done
}

async fn list(store: Option<&Store>) -> Result<(), CliError> {
    let rows = match store {
        Some(store) => store.list().await?,
        None => Vec::new(),
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    print(&table(&rows, now.unwrap_or_default()))?;
    Ok(())
}

async fn delete(store: Option<&Store>, chosen: Chosen) -> Result<(), CliError> {
    let ids = match store {
        Some(store) if chosen.all => {
            let rows = store.list().await?;
            rows.into_iter().map(|row| row.id.to_string()).collect()
        }
        _ => chosen.ids,
    };
    if chosen.all && ids.is_empty() {
        print(NONE)?;
    }
    let mut unknown = Vec::new();
    for id in ids {
        let row = match (store, ConversationId::new(&id)) {
            (Some(store), Some(id)) => store.forget(&id).await?,
            _ => None,
        };
        match row {
            Some(row) => print(&format!("deleted {}\n", row.id))?,
            None => unknown.push(id),
        }
    }
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(CliError::UnknownConversations(unknown.join(", ")))
    }
}

/// One line for each conversation, under a line of headings. `now` is counted as the rows' times
/// are.
fn table(rows: &[Row], now: Duration) -> String {
    if rows.is_empty() {
        return NONE.to_owned();
    }
    let heading = ["conversation", "model", "turns", "last used"].map(str::to_owned);
    let lines: Vec<[String; 4]> = std::iter::once(heading)
        .chain(rows.iter().map(|row| {
            [
                row.id.to_string(),
                printable(&row.model),
                row.turns.to_string(),
                age(now.as_secs().saturating_sub(row.used)),
            ]
        }))
        .collect();
    let width = |column: usize| {
        let cells = lines.iter().map(|line| line[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let (id_width, model_width, turns_width) = (width(0), width(1), width(2));
    lines
        .iter()
        .map(|[id, model, turns, used]| {
            format!("{id:<id_width$}  {model:<model_width$}  {turns:>turns_width$}  {used}\n")
        })
        .collect::<Vec<_>>()
        .concat()
}

/// A model's name is the client's choice, and must not steer the terminal.
fn printable(name: &str) -> String {
    let visible = |letter: char| if letter.is_control() { '?' } else { letter };
    name.chars().map(visible).collect()
}

fn age(seconds: u64) -> String {
    match seconds {
        0..MINUTE => "just now".to_owned(),
        MINUTE..HOUR => format!("{} min ago", seconds / MINUTE),
        HOUR..DAY => format!("{} h ago", seconds / HOUR),
        DAY.. => format!("{} d ago", seconds / DAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Transcript;

    fn row(id: &str, model: &str, turns: u64, used: u64) -> Row {
        Row {
            id: ConversationId::new(id).unwrap(),
            thread: "secret".to_owned(),
            rollout: "/secret".into(),
            model: model.to_owned(),
            turns,
            items: 0,
            transcript: Transcript::default(),
            hidden: Vec::new(),
            created: 0,
            used,
        }
    }

    #[test]
    fn the_table_is_aligned_and_tells_no_more_than_it_should() {
        let rows = [
            row("a-long-name", "gpt-5.2", 3, 10_000_000),
            row("b", "gpt-5.2-codex", 120, 10_000_000 - 59 * MINUTE),
            row("c", "\u{1b}[2J", 0, 10_000_000 - 23 * HOUR),
            row("d", "gpt-5.2", 1, 10_000_000 - 45 * DAY),
            row("e", "gpt-5.2", 1, 10_000_100),
        ];
        let expected = "\
conversation  model          turns  last used
a-long-name   gpt-5.2            3  just now
b             gpt-5.2-codex    120  59 min ago
c             ?[2J               0  23 h ago
d             gpt-5.2            1  45 d ago
e             gpt-5.2            1  just now
";
        assert_eq!(table(&rows, Duration::from_secs(10_000_000)), expected);
        assert_eq!(table(&[], Duration::ZERO), NONE);
    }
}
