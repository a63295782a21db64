//! Reasoning that a model writes into its answer, between `<think>` and `</think>`.

use std::borrow::Cow;

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// White space before the first tag, in bytes, that is waited through. Models write a line feed or
/// two; somebody who writes more is answering.
const MOST_SPACE: usize = 64;

/// Tells the reasoning that opens an answer from the answer, however both were cut into pieces.
///
/// Only what may yet turn out to be a tag is held back, with the white space before it. A tag in the
/// middle of an answer is text: models write about tags too.
#[derive(Debug)]
pub(super) struct Thoughts {
    phase: Phase,
    /// What came and cannot be told yet.
    held: String,
}

/// A piece of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// More of the answer.
    Text(String),
    /// More of the reasoning.
    Thought(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing but white space has come.
    Start,
    /// After `<think>`.
    Thinking,
    /// Nothing but white space has come after `</think>`, or after a call that ended the reasoning
    /// without one. It belongs to neither side.
    Thought,
    Answering,
}

impl Thoughts {
    /// Nothing has been said.
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Start,
            held: String::new(),
        }
    }

    /// Reads on, and hands on what is clear.
    pub(super) fn feed(&mut self, text: Cow<'_, str>, out: &mut impl FnMut(Said)) {
        if self.phase == Phase::Answering {
            say(Said::Text, text, out);
            return;
        }
        let held = std::mem::take(&mut self.held);
        let text = if held.is_empty() {
            text
        } else {
            Cow::Owned(held + &text)
        };
        let mut rest = &*text;
        while !rest.is_empty() {
            rest = match self.phase {
                Phase::Start => self.before(rest, rest, out),
                Phase::Thought => self.before(rest, rest.trim_start(), out),
                Phase::Thinking => self.think(rest, out),
                Phase::Answering => {
                    say(Said::Text, Cow::Borrowed(rest), out);
                    ""
                }
            };
        }
    }

    /// The answer is over, or goes on with something else than text: hands on what was held back,
    /// unless that is white space, and ends the reasoning, closed or not.
    pub(super) fn flush(&mut self, out: &mut impl FnMut(Said)) {
        let held = std::mem::take(&mut self.held);
        if self.phase == Phase::Thinking {
            self.phase = Phase::Thought;
            say(Said::Thought, Cow::Owned(held), out);
        } else if !held.trim_start().is_empty() {
            self.phase = Phase::Answering;
            say(Said::Text, Cow::Owned(held), out);
        }
    }

    /// Looks for a tag that opens; returns what is left to read. `kept` is the part of `text` that
    /// counts where there is no tag.
    fn before<'a>(&mut self, text: &'a str, kept: &'a str, out: &mut impl FnMut(Said)) -> &'a str {
        let start = text.trim_start();
        if let Some(thought) = start.strip_prefix(OPEN) {
            self.phase = Phase::Thinking;
            return thought;
        }
        // Reasoning that a call ended may be closed behind the call.
        let may_close = self.phase == Phase::Thought;
        if may_close && let Some(after) = start.strip_prefix(CLOSE) {
            return after;
        }
        let may_be_tag = OPEN.starts_with(start) || (may_close && CLOSE.starts_with(start));
        if may_be_tag && kept.len() - start.len() <= MOST_SPACE {
            kept.clone_into(&mut self.held);
        } else {
            self.phase = Phase::Answering;
            say(Said::Text, Cow::Borrowed(kept), out);
        }
        ""
    }

    /// Looks for the tag that closes; returns what is left to read.
    fn think<'a>(&mut self, text: &'a str, out: &mut impl FnMut(Said)) -> &'a str {
        if let Some((thought, after)) = text.split_once(CLOSE) {
            self.phase = Phase::Thought;
            say(Said::Thought, Cow::Borrowed(thought), out);
            return after;
        }
        let (thought, held) = text.split_at(text.len() - begun(text, CLOSE));
        held.clone_into(&mut self.held);
        say(Said::Thought, Cow::Borrowed(thought), out);
        ""
    }
}

/// The length of the longest end of `text` that `tag` begins with.
fn begun(text: &str, tag: &str) -> usize {
    (1..tag.len())
        .rev()
        .find(|length| text.ends_with(&tag[..*length]))
        .unwrap_or(0)
}

fn say(what: fn(String) -> Said, text: Cow<'_, str>, out: &mut impl FnMut(Said)) {
    if !text.is_empty() {
        out(what(text.into_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of `pieces`: the reasoning, and the text.
    fn read(pieces: &[&str]) -> (String, String) {
        let (mut thought, mut text) = (String::new(), String::new());
        let mut out = |said| match said {
            Said::Thought(more) => thought.push_str(&more),
            Said::Text(more) => text.push_str(&more),
        };
        let mut thoughts = Thoughts::new();
        for piece in pieces {
            thoughts.feed(Cow::Borrowed(piece), &mut out);
        }
        thoughts.flush(&mut out);
        (thought, text)
    }

    #[test]
    fn reasoning_is_told_from_the_answer_wherever_the_text_is_cut() {
        let cases = [
            ("<think>why</think>\n\nbecause", "why", "because"),
            ("\n<think>\n为什么\n</think>\n因为", "\n为什么\n", "因为"),
            ("<think></think>yes", "", "yes"),
            ("<think>a</think> <think>b</think> c", "ab", "c"),
            ("<think>a < b </thin> c</think>d", "a < b </thin> c", "d"),
            ("<think>never closed </thi", "never closed </thi", ""),
            ("no <think>tag</think>", "", "no <think>tag</think>"),
            ("<thinking>is another tag", "", "<thinking>is another tag"),
            ("  indented", "", "  indented"),
            ("\n \n", "", ""),
            ("\n <thi", "", "\n <thi"),
            ("<think>a</think>\n\n", "a", ""),
            ("<thi", "", "<thi"),
            ("only closed</think>text", "", "only closed</think>text"),
            ("<think>a</think>\n<", "a", "<"),
        ];
        for (whole, thought, text) in cases {
            let expected = (thought.to_owned(), text.to_owned());
            assert_eq!(read(&[whole]), expected, "{whole:?} in one piece");
            for (at, _) in whole.char_indices() {
                let (one, two) = whole.split_at(at);
                assert_eq!(read(&[one, two]), expected, "{one:?} and {two:?}");
            }
            let mut letters = [0; 4];
            let mut each = Vec::new();
            for letter in whole.chars() {
                each.push(letter.encode_utf8(&mut letters).to_owned());
            }
            let each: Vec<&str> = each.iter().map(String::as_str).collect();
            assert_eq!(read(&each), expected, "{whole:?} letter by letter");
        }
    }

    #[test]
    fn something_else_than_text_ends_the_reasoning() {
        for (before, after, expected) in [
            ("<think>a", &["so be it"][..], ("a", "so be it")),
            ("<think>a </th", &["so"], ("a </th", "so")),
            ("<think>a", &["\n</thi", "nk>\n\nso"], ("a", "so")),
            ("<think>a", &["<think>b</think>c"], ("ab", "c")),
            ("\n\n", &["so"], ("", "so")),
            ("\n\n", &["<think>a</think>so"], ("a", "so")),
            ("<", &["think>"], ("", "<think>")),
        ] {
            let (mut thought, mut text) = (String::new(), String::new());
            let mut out = |said| match said {
                Said::Thought(more) => thought.push_str(&more),
                Said::Text(more) => text.push_str(&more),
            };
            let mut thoughts = Thoughts::new();
            thoughts.feed(Cow::Borrowed(before), &mut out);
            thoughts.flush(&mut out);
            for piece in after {
                thoughts.feed(Cow::Borrowed(piece), &mut out);
            }
            thoughts.flush(&mut out);
            assert_eq!((&*thought, &*text), expected, "{before:?} and {after:?}");
        }
    }

    #[test]
    fn nothing_but_a_possible_tag_is_held_back() {
        let mut thoughts = Thoughts::new();
        let mut said = Vec::new();
        for piece in ["<think>", "why </", "not", "</think>", "so", " be", " it <"] {
            let before = said.len();
            thoughts.feed(Cow::Borrowed(piece), &mut |piece| said.push(piece));
            let heard = said.len() > before;
            assert_eq!(heard, !matches!(piece, "<think>" | "</think>"), "{piece}");
        }
        let mut thoughts = Thoughts::new();
        let mut heard = 0;
        for _ in 0..100 {
            thoughts.feed(Cow::Borrowed("\n"), &mut |_| heard += 1);
        }
        assert!(heard > 30, "white space without end is an answer: {heard}");
    }
}
