//! The blocks of a conversation: its items, grouped as every client sends them back, each group
//! with a digest that survives what clients do to it on the way.

use super::call::{plain_arguments, wire_call_id};
use crate::turn::{ImageDetail, Item, Part, Role};
use std::{fmt, ops::Range};

/// Keeps our digests apart from those of other programs and of other versions of this one.
const CONTEXT: &str = "codex-openai-proxy conversation digest v1";

/// Length of a [`Digest`], in bytes. Equal digests have to mean equal content, in the face of
/// clients that choose theirs.
pub(super) const DIGEST_BYTES: usize = 16;

/// A digest of a part of a conversation.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub(super) [u8; DIGEST_BYTES]);

/// Items that belong together however a client splits or orders them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Equal for equal content.
    pub digest: Digest,
    /// Who it is from.
    pub kind: BlockKind,
    /// Where it stands among the items that [`blocks`] was given.
    pub items: Range<usize>,
}

/// Who a [`Block`] is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlockKind {
    /// One message of the user or the developer.
    Input,
    /// All that the model said and called between two inputs.
    Reply,
    /// All results of calls between two other blocks.
    Results,
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Digest {
    /// The digest of a conversation in which nothing was said.
    pub(super) fn of_nothing() -> Self {
        Digester::new(b"nothing").finish()
    }

    /// The digest of a conversation that has this one, and then a block.
    pub(super) fn then(self, block: Self) -> Self {
        let mut digester = Digester::new(b"chain");
        digester.fixed(&self.0);
        digester.fixed(&block.0);
        digester.finish()
    }
}

/// Whether a history is among `blocks`, and not only what is new.
#[must_use]
pub fn has_reply(blocks: &[Block]) -> bool {
    blocks.iter().any(|block| block.kind == BlockKind::Reply)
}

/// Groups `items`: a run of what the model said and called is one block, so is a run of results;
/// each other message is one of its own.
#[must_use]
pub fn blocks(items: &[Item]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut start = 0;
    while let Some(first) = items.get(start) {
        let kind = kind_of(first);
        let length = match kind {
            BlockKind::Input => 1,
            BlockKind::Reply | BlockKind::Results => items[start..]
                .iter()
                .take_while(|item| kind_of(item) == kind)
                .count(),
        };
        let range = start..start + length;
        let items = &items[range.clone()];
        let digest = match kind {
            BlockKind::Input => input_digest(items),
            BlockKind::Reply => reply_digest(items),
            BlockKind::Results => results_digest(items),
        };
        start = range.end;
        blocks.push(Block {
            digest,
            kind,
            items: range,
        });
    }
    blocks
}

fn kind_of(item: &Item) -> BlockKind {
    match item {
        Item::Message {
            role: Role::User | Role::Developer,
            ..
        } => BlockKind::Input,
        Item::Message {
            role: Role::Assistant,
            ..
        }
        | Item::Reasoning(_)
        | Item::ToolCall(_) => BlockKind::Reply,
        Item::ToolResult { .. } => BlockKind::Results,
    }
}

/// Who speaks, and every part as it is.
fn input_digest(items: &[Item]) -> Digest {
    let mut digester = Digester::new(b"input");
    for item in items {
        if let Item::Message { role, content } = item {
            digester.fixed(match role {
                Role::User => b"user",
                Role::Assistant => b"asst",
                Role::Developer => b"devr",
            });
            digester.parts(content);
        }
    }
    digester.finish()
}

/// The text without its whitespace, since clients trim it, wrap it, split it and join it; then
/// each call's id and arguments. Not the call's name, which the id stands for and which may have
/// been mapped; not where the text stands among the calls, which Chat Completions cannot say.
fn reply_digest(items: &[Item]) -> Digest {
    let mut text = Digester::new(b"text");
    let mut calls = Digester::new(b"calls");
    for item in items {
        match item {
            Item::Message { content, .. } => {
                for part in content {
                    match part {
                        Part::Text(said) => said.split_whitespace().for_each(|w| text.append(w)),
                        Part::Image { .. } => calls.parts(std::slice::from_ref(part)),
                    }
                }
            }
            Item::ToolCall(call) => {
                calls.field(&wire_call_id(&call.id));
                calls.field(&plain_arguments(&call.arguments));
            }
            // Clients keep it or do not, and what is kept of a reply here has none.
            Item::Reasoning(_) | Item::ToolResult { .. } => {}
        }
    }
    let mut digester = Digester::new(b"reply");
    digester.fixed(&text.finish().0);
    digester.fixed(&calls.finish().0);
    digester.finish()
}

/// Every result as it is, in an order that does not depend on the client's.
fn results_digest(items: &[Item]) -> Digest {
    let mut results: Vec<_> = items
        .iter()
        .filter_map(|item| match item {
            Item::ToolResult {
                call_id, output, ..
            } => Some((wire_call_id(call_id), output)),
            _ => None,
        })
        .collect();
    results.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut digester = Digester::new(b"results");
    for (call_id, output) in results {
        digester.field(&call_id);
        digester.parts(output);
    }
    digester.finish()
}

/// Makes a digest of fields in such a way that no two lists of fields run into the same bytes.
struct Digester(blake3::Hasher);

impl Digester {
    fn new(domain: &[u8]) -> Self {
        let mut digester = Self(blake3::Hasher::new_derive_key(CONTEXT));
        digester.length(domain.len());
        digester.fixed(domain);
        digester
    }

    /// Adds text of any length.
    fn field(&mut self, text: &str) {
        self.length(text.len());
        self.append(text);
    }

    fn parts(&mut self, parts: &[Part]) {
        self.length(parts.len());
        for part in parts {
            match part {
                Part::Text(text) => {
                    self.fixed(b"t");
                    self.field(text);
                }
                Part::Image { url, detail, .. } => {
                    self.fixed(match detail {
                        // Not told apart upstream, so that what comes back from there does not
                        // tell them apart either.
                        None | Some(ImageDetail::Auto | ImageDetail::Low) => b"a",
                        Some(ImageDetail::High) => b"h",
                        Some(ImageDetail::Original) => b"o",
                    });
                    self.field(url);
                }
            }
        }
    }

    fn length(&mut self, length: usize) {
        self.fixed(&(length as u64).to_le_bytes());
    }

    /// Adds bytes whose length is known from where they stand.
    fn fixed(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Adds more of the only field of a digest.
    fn append(&mut self, text: &str) {
        self.0.update(text.as_bytes());
    }

    fn finish(self) -> Digest {
        let mut bytes = [0; DIGEST_BYTES];
        self.0.finalize_xof().fill(&mut bytes);
        Digest(bytes)
    }
}
