//! Server-sent events: frames out, and a decoder for what others send.
//!
//! The format is that of the WHATWG:
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>.

use serde::Serialize;
use std::borrow::Cow;

/// The frame that ends a Chat Completions stream which went well.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

/// A comment: keeps a silent connection open and means nothing to clients.
pub const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// Appends one frame with `value` as its data.
pub fn write_data<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    out.extend_from_slice(b"data: ");
    append_json(out, value);
    out.extend_from_slice(b"\n\n");
}

/// Appends `value` as JSON on one line.
///
/// Writing to memory does not fail, and our wire types hold nothing that JSON lacks (such as keys
/// that are no strings), so there is no error to hand on.
pub fn append_json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok(), "a wire type that is not JSON: {written:?}");
}

/// One received event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// The `event` field; `None` where the sender named none.
    pub event: Option<String>,
    /// The `data` fields, joined by line feeds.
    pub data: String,
}

/// An event, finished or not, is longer than the decoder may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a server-sent event is longer than {limit} bytes")]
pub struct EventTooLong {
    /// The limit, in bytes.
    pub limit: usize,
}

/// Cuts a byte stream into events, however it was split on its way.
///
/// Holds at most one unfinished event, of at most `limit` bytes. Bytes that are not UTF-8 become
/// U+FFFD, as the standard says. An event that no blank line closed is no event.
#[derive(Debug, Clone)]
pub struct Decoder {
    limit: usize,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// What the lines of the unfinished event said so far.
    event: Option<String>,
    data: Option<String>,
    /// The last byte was a carriage return: a line feed that comes next belongs to it.
    after_cr: bool,
    /// No line has been read: a byte order mark may still come.
    at_start: bool,
    /// The limit was passed; nothing after it makes sense.
    overflowed: bool,
}

impl Decoder {
    /// A decoder for events of up to `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            event: None,
            data: None,
            after_cr: false,
            at_start: true,
            overflowed: false,
        }
    }

    /// Reads on and appends the events that `bytes` complete.
    ///
    /// # Errors
    ///
    /// [`EventTooLong`], from then on at every call. Events before the one that is too long have
    /// been appended.
    pub fn feed(&mut self, mut bytes: &[u8], events: &mut Vec<Event>) -> Result<(), EventTooLong> {
        while !bytes.is_empty() && !self.overflowed {
            if std::mem::take(&mut self.after_cr) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = memchr::memchr2(b'\n', b'\r', bytes);
            let (part, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            if self.held() + part.len() > self.limit {
                self.overflowed = true;
                break;
            }
            let Some((line_end, rest)) = rest.split_first() else {
                self.line.extend_from_slice(part);
                break;
            };
            self.after_cr = *line_end == b'\r';
            bytes = rest;
            if self.line.is_empty() {
                self.on_line(part, events);
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(part);
                self.on_line(&line, events);
                // Keeps the allocation for the next line.
                line.clear();
                self.line = line;
            }
        }
        if self.overflowed {
            return Err(EventTooLong { limit: self.limit });
        }
        Ok(())
    }

    /// Bytes of the unfinished event that are kept.
    fn held(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        self.line.len() + text(&self.event) + text(&self.data)
    }

    fn on_line(&mut self, mut line: &[u8], events: &mut Vec<Event>) {
        if std::mem::take(&mut self.at_start) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            let event = self.event.take();
            if let Some(data) = self.data.take() {
                events.push(Event { event, data });
            }
            return;
        }
        let colon = memchr::memchr(b':', line);
        let (field, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                let value = text(value);
                match &mut self.data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(&value);
                    }
                    None => self.data = Some(value.into_owned()),
                }
            }
            b"event" if value.is_empty() => self.event = None,
            b"event" => self.event = Some(text(value).into_owned()),
            // A comment (an empty field name), or a field that the streams we read do not use.
            _ => {}
        }
    }
}

/// Bytes as text. What is UTF-8, as nearly all of it is, is checked many bytes at a time, which looking for
/// what to replace does not.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        Decoder::new(1024).feed(bytes, &mut events).unwrap();
        events
    }

    fn event(event: Option<&str>, data: &str) -> Event {
        Event {
            event: event.map(str::to_owned),
            data: data.to_owned(),
        }
    }

    #[test]
    fn frames_are_what_clients_read() {
        let mut out = Vec::new();
        write_data(&mut out, &serde_json::json!({"a": "line\nbreak"}));
        out.extend_from_slice(KEEP_ALIVE);
        out.extend_from_slice(DONE);
        assert_eq!(
            decode(&out),
            [
                event(None, "{\"a\":\"line\\nbreak\"}"),
                event(None, "[DONE]")
            ]
        );
    }

    #[test]
    fn every_line_end_and_field_form_is_read() {
        let stream = b"\xef\xbb\xbfdata: one\r\n\r\nevent: x\rdata:two\rdata:  three\r\rdata\n\n\
            : comment\nid: 7\n\nevent: lost\n\ndata: \xff\n\ndata: unfinished\n";
        assert_eq!(
            decode(stream),
            [
                event(None, "one"),
                event(Some("x"), "two\n three"),
                event(None, ""),
                event(None, "\u{fffd}"),
            ]
        );
    }

    #[test]
    fn a_long_event_is_an_error_and_stays_one() {
        let mut decoder = Decoder::new(16);
        let mut events = Vec::new();
        assert_eq!(decoder.feed(b"data: short\n\ndata: ", &mut events), Ok(()));
        let error = Err(EventTooLong { limit: 16 });
        assert_eq!(decoder.feed(b"much too long", &mut events), error);
        assert_eq!(decoder.feed(b"\n\ndata: x\n\n", &mut events), error);
        assert_eq!(events, [event(None, "short")]);
    }
}
