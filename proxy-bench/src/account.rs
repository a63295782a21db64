//! What a request holds of the conversation before it.
//!
//! An order of no deltas is answered with an account: the text tells which orders stand in the
//! request, in their sequence, and how much of each one's reply stands behind it. So a client sees
//! what a proxy kept of a conversation, and what it lost, changed or said twice.

use crate::pattern::Mark;
use memchr::memmem;
use std::{fmt, str};

/// One order of a conversation and what followed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Of [`crate::pattern::Order::stream`].
    pub stream: u64,
    /// How many deltas of its reply stand behind it, from the first one on and without a gap.
    pub deltas: u32,
}

/// What stands in a request, the order that asks for it left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    /// In the request's sequence.
    pub entries: Vec<Entry>,
}

impl Account {
    /// Reads a request's body, whatever the protocol.
    pub fn of(body: &[u8]) -> Self {
        let mut starts = memmem::find_iter(body, b"<<stream=").peekable();
        let mut entries = Vec::new();
        while let Some(start) = starts.next() {
            // The last one is the order for this account.
            let Some(&end) = starts.peek() else { break };
            let part = &body[start + b"<<stream=".len()..end];
            let digits = part.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let stream = str::from_utf8(&part[..digits])
                .ok()
                .and_then(|digits| digits.parse().ok());
            if let Some(stream) = stream {
                entries.push(Entry {
                    stream,
                    deltas: deltas_of(stream, &part[digits..]),
                });
            }
        }
        Self { entries }
    }

    /// Reads the text of a reply; `None` where it is no account.
    pub fn parse(text: &str) -> Option<Self> {
        let list = text.strip_prefix('[')?.strip_suffix(']')?;
        let entry = |text: &str| {
            let (stream, deltas) = text.split_once('=')?;
            Some(Entry {
                stream: stream.parse().ok()?,
                deltas: deltas.parse().ok()?,
            })
        };
        let entries = list.split(' ').filter(|part| !part.is_empty()).map(entry);
        Some(Self {
            entries: entries.collect::<Option<_>>()?,
        })
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (index, entry) in self.entries.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{}={}", entry.stream, entry.deltas)?;
        }
        f.write_str("]")
    }
}

/// How many marks of `stream` follow each other in `part`, from the first one on.
fn deltas_of(stream: u64, part: &[u8]) -> u32 {
    let first = format!("{stream}.0.");
    let start = memmem::find_iter(part, first.as_bytes())
        // The end of a longer number is no beginning of a mark.
        .find(|&start| !part[..start].last().is_some_and(u8::is_ascii_digit));
    let mut deltas = 0;
    let texts = start.map(|start| part[start..].split(|byte| *byte == b';'));
    for text in texts.into_iter().flatten() {
        let mark = str::from_utf8(text).ok().and_then(Mark::parse);
        if mark.is_none_or(|mark| mark.stream != stream || mark.index != deltas) {
            break;
        }
        deltas += 1;
    }
    deltas
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Order;
    use serde_json::json;

    fn reply(stream: u64, deltas: u32) -> String {
        (0..deltas)
            .map(|index| Mark::now(stream, index).text())
            .collect()
    }

    #[test]
    fn an_account_tells_the_orders_before_the_last_and_their_replies() {
        let order = |stream| json!({"role": "user", "content": Order::paced(stream).prompt()});
        let said = |text: String| json!({"role": "assistant", "content": text});
        let body = json!({"messages": [
            order(117), said(reply(117, 3)),
            order(17), said(reply(17, 64)),
            order(7), order(9), said("[117=3]".to_owned()),
            order(8), said(reply(8, 2).replace("8.1.", "9.1.")),
            order(10),
        ]});
        let account = Account::of(body.to_string().as_bytes());
        let expected = [(117, 3), (17, 64), (7, 0), (9, 0), (8, 1)]
            .map(|(stream, deltas)| Entry { stream, deltas });
        assert_eq!(account.entries, expected);
        assert_eq!(Account::parse(&account.to_string()), Some(account));
    }

    #[test]
    fn only_an_account_is_read_as_one() {
        assert_eq!(Account::parse("[]"), Some(Account::default()));
        assert_eq!(Account::parse("[1=2 3]"), None);
        assert_eq!(Account::parse("1=2"), None);
        assert_eq!(Account::parse("17.0.99;"), None);
    }
}
