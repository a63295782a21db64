//! What a translator noticed in a provider's reply, for the log.

/// Something that whoever runs the proxy should know of a reply that went well nevertheless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// A word for it, such as `arguments_not_json`.
    pub what: &'static str,
    /// More of it. Holds nothing that was said, but names.
    pub detail: String,
}

/// The notes on one reply: each once, and not without end.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<Note>);

impl Notes {
    /// Notes kept of a reply.
    const MOST: usize = 32;

    /// Takes a note, unless it has been taken.
    pub(super) fn take(&mut self, what: &'static str, detail: String) {
        let note = Note { what, detail };
        if self.0.len() < Self::MOST && !self.0.contains(&note) {
            self.0.push(note);
        }
    }

    /// All of them, in the order in which they were taken. They are not told again.
    pub(super) fn drain(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.0)
    }
}
