//! What can be asked of the log, and the answers.

use super::{
    channel::BodyKind,
    record::{Timestamp, as_millis},
    summary::Summary,
};
use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use std::{str::FromStr, time::Duration};

/// Which records. All that are set must fit; a record has to contain `q` somewhere in its type, model,
/// message, tool names, preview or ids, in any case of letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordFilter {
    /// How many at most.
    pub limit: u32,
    /// Only those before this sequence number.
    pub before: Option<u64>,
    /// Only those behind this sequence number.
    pub after: Option<u64>,
    /// Only those of this request, by our own id.
    pub request: Option<String>,
    /// Only those of this conversation, and of requests that belong to it.
    pub conversation: Option<String>,
    /// Only those of these types; empty for all types.
    pub types: Vec<String>,
    /// Only those of requests whose model's name, as sent or as mapped, has this in it, in any case of
    /// letters.
    pub model: Option<String>,
    /// Only those of requests that ended so.
    pub status: Option<StatusFilter>,
    /// The text to look for.
    pub q: Option<String>,
}

/// Which requests. All that are set must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestFilter {
    /// How many at most.
    pub limit: u32,
    /// Only those whose first record comes before this sequence number.
    pub before: Option<u64>,
    /// Only those of this conversation.
    pub conversation: Option<String>,
    /// A part of the model's name, as sent or as mapped, in any case of letters.
    pub model: Option<String>,
    /// How they ended.
    pub status: Option<StatusFilter>,
    /// Text to look for in what is known of the request.
    pub q: Option<String>,
}

/// How a request ended, or whether it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusFilter {
    /// Well.
    Ok,
    /// With an error, or with the process.
    Error,
    /// Not yet.
    Running,
    /// Its client left.
    Left,
    /// With the process.
    Lost,
    /// With this HTTP status.
    Code(u16),
}

/// A stretch of records or requests, newest first, each as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// One JSON object each.
    pub items: Vec<String>,
    /// Whether the filter fits more than the limit let through.
    pub more: bool,
}

/// All that is known of one request.
#[derive(Debug, Clone)]
pub struct Detail {
    /// It in short.
    pub request: Summary,
    /// Its records, oldest first, each a JSON object.
    pub records: Vec<String>,
    /// What came in and went out, as far as it is kept.
    pub bodies: Vec<StoredBody>,
    /// The tool calls that it forwarded, and those that it answered.
    pub tool_calls: Vec<ToolCall>,
}

/// A kept body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBody {
    /// What it is.
    pub kind: BodyKind,
    /// Its size on the wire, in bytes, before anything was masked or cut.
    pub size: u64,
    /// `redacted` or `full`.
    pub form: String,
    /// What is kept of it.
    pub text: String,
    /// Whether that is only its beginning.
    pub truncated: bool,
}

/// A tool call that went to a client.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// Its id.
    pub call_id: String,
    /// The tool.
    pub name: String,
    /// The request whose reply held it.
    pub request: String,
    /// When it went out.
    pub forwarded: Timestamp,
    /// When its result came.
    pub answered: Option<Timestamp>,
    /// The request that the result came with.
    pub answered_by: Option<String>,
}

/// Why the log does not answer.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The process is about to end.
    #[error("the log is closed")]
    Closed,
    /// The database refuses.
    #[error("the log's database: {0}")]
    Database(#[from] sqlx::Error),
    /// What the database holds is not what was put there.
    #[error("the log's database is damaged: {0}")]
    Damaged(&'static str),
}

/// What is known of one request, as the API tells it, but for the records, which are JSON already.
#[derive(Serialize)]
struct Known<'a> {
    request: &'a Summary,
    bodies: &'a [StoredBody],
    tool_calls: &'a [ToolCall],
}

impl FromStr for StatusFilter {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "ok" => Ok(Self::Ok),
            "error" => Ok(Self::Error),
            "running" => Ok(Self::Running),
            "left" => Ok(Self::Left),
            "lost" => Ok(Self::Lost),
            _ => match word.parse() {
                Ok(code @ 100..=599) => Ok(Self::Code(code)),
                _ => Err(()),
            },
        }
    }
}

impl Page {
    /// The reply of the API: `{"<name>": […], "more": …}`.
    #[must_use]
    pub fn to_json(&self, name: &str) -> String {
        let length: usize = self.items.iter().map(|item| item.len() + 1).sum();
        let mut json = String::with_capacity(length + name.len() + 24);
        json.push_str("{\"");
        json.push_str(name);
        json.push_str("\":");
        push_list(&mut json, &self.items);
        json.push_str(",\"more\":");
        json.push_str(if self.more { "true}" } else { "false}" });
        json
    }
}

impl Detail {
    /// The reply of the API: `{"request": …, "bodies": […], "tool_calls": […], "records": […]}`.
    ///
    /// # Errors
    ///
    /// None that can be provoked from outside.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut json = serde_json::to_string(&Known {
            request: &self.request,
            bodies: &self.bodies,
            tool_calls: &self.tool_calls,
        })?;
        json.pop();
        json.push_str(",\"records\":");
        push_list(&mut json, &self.records);
        json.push('}');
        Ok(json)
    }

    /// The body of this kind, if it is kept.
    #[must_use]
    pub fn body(&self, kind: BodyKind) -> Option<&StoredBody> {
        self.bodies.iter().find(|body| body.kind == kind)
    }
}

impl Serialize for StoredBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_struct("StoredBody", 6)?;
        body.serialize_field("kind", &self.kind)?;
        body.serialize_field("media_type", self.kind.media_type())?;
        body.serialize_field("size", &self.size)?;
        body.serialize_field("form", &self.form)?;
        body.serialize_field("text", &self.text)?;
        body.serialize_field("truncated", &self.truncated)?;
        body.end()
    }
}

impl ToolCall {
    /// How long the result took, in milliseconds.
    #[must_use]
    pub fn waited_ms(&self) -> Option<f64> {
        let waited = self.answered?.0.saturating_sub(self.forwarded.0);
        Some(as_millis(Duration::from_micros(waited)))
    }
}

impl Serialize for ToolCall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut call = serializer.serialize_struct("ToolCall", 7)?;
        call.serialize_field("call_id", &self.call_id)?;
        call.serialize_field("name", &self.name)?;
        call.serialize_field("request", &self.request)?;
        call.serialize_field("forwarded", &self.forwarded)?;
        match self.answered {
            Some(answered) => call.serialize_field("answered", &answered)?,
            None => call.skip_field("answered")?,
        }
        match &self.answered_by {
            Some(request) => call.serialize_field("answered_by", request)?,
            None => call.skip_field("answered_by")?,
        }
        match self.waited_ms() {
            Some(waited) => call.serialize_field("waited_ms", &waited)?,
            None => call.skip_field("waited_ms")?,
        }
        call.end()
    }
}

/// Writes pieces of JSON as a list.
pub(super) fn push_list<T: AsRef<str>>(json: &mut String, items: impl IntoIterator<Item = T>) {
    json.push('[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        json.push_str(item.as_ref());
    }
    json.push(']');
}
