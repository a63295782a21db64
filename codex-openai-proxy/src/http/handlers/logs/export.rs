//! `GET /logs/api/export`: what a filter fits, as a file.

use super::{base, query::Query};
use crate::{
    http::{AppState, body::ReplyBody, error::ErrorReply, reply},
    traffic::{
        Details, RecordFilter,
        export::{har, json_lines},
    },
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderValue, Response, header, request::Parts};

/// How many records there may be in a file.
const MAX_RECORDS: u32 = 10_000;

/// How many requests there may be in an archive.
const MAX_REQUESTS: u32 = 1_000;

/// An archive that is being written.
struct Archive {
    details: Details,
    base: String,
    written: usize,
}

pub(super) async fn get(state: &AppState, head: &Parts) -> Result<Response<ReplyBody>, ErrorReply> {
    let mut query = Query::of(&head.uri)?;
    let format = query.take("format");
    let (most, is_archive) = match format.as_deref() {
        None | Some("jsonl") => (MAX_RECORDS, false),
        Some("har") => (MAX_REQUESTS, true),
        Some(other) => {
            let message = format!("\"format\" has to be jsonl or har, and not {other:?}");
            return Err(ErrorReply::bad_parameter("format", message));
        }
    };
    let filter = RecordFilter {
        limit: query.limit(most)?.unwrap_or(most),
        ..query.records(most)?
    };
    query.finish()?;
    if is_archive {
        let details = state.traffic.details(&filter).await?;
        return Ok(archive(details, base(head)));
    }
    let page = state.traffic.records(&filter).await?;
    let lines = json_lines(&page.items);
    let response = reply::whole("application/x-ndjson", lines.into());
    let name = HeaderValue::from_static("attachment; filename=\"logs.jsonl\"");
    Ok(as_file(response, name))
}

/// An archive. Its parts are read as they are sent, because all of them may be more than fits into
/// memory.
fn archive(details: Details, base: String) -> Response<ReplyBody> {
    let archive = Archive {
        details,
        base,
        written: 0,
    };
    let entries = stream::unfold(archive, async |mut archive| {
        let entry = archive.next().await?;
        Some((entry, archive))
    });
    let begin = stream::once(async { Bytes::from(har::begin()) });
    let end = stream::once(async { Bytes::from_static(har::END.as_bytes()) });
    let pieces = begin.chain(entries).chain(end).boxed();
    let response = reply::pieces(reply::JSON, pieces);
    let name = HeaderValue::from_static("attachment; filename=\"logs.har\"");
    as_file(response, name)
}

impl Archive {
    /// The next entry as JSON. Where one cannot be had, the archive ends: its status is long sent.
    async fn next(&mut self) -> Option<Bytes> {
        let detail = self.details.next().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "export_cut");
            None
        })?;
        let mut json = Vec::new();
        if self.written > 0 {
            json.push(b',');
        }
        self.written += 1;
        let entry = har::Entry::new(&detail, &self.base);
        match serde_json::to_writer(&mut json, &entry) {
            Ok(()) => Some(json.into()),
            Err(error) => {
                tracing::warn!(%error, "export_cut");
                None
            }
        }
    }
}

fn as_file(mut response: Response<ReplyBody>, name: HeaderValue) -> Response<ReplyBody> {
    response
        .headers_mut()
        .insert(header::CONTENT_DISPOSITION, name);
    response
}
