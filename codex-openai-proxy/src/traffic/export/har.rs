//! Requests as an HTTP archive, see <http://www.softwareishard.com/blog/har-12-spec/>.
//!
//! An archive is written piece by piece, so that it need not be in memory as a whole.

use crate::traffic::{BodyKind, Detail, Summary, ToolCall};
use serde::Serialize;
use serde_json::{Map, Value};

/// The end of an archive.
pub const END: &str = "]}}\n";

/// The beginning of an archive; entries follow, with commas between them.
#[must_use]
pub fn begin() -> String {
    let creator = concat!(
        r#"{"name":""#,
        env!("CARGO_PKG_NAME"),
        r#"","version":""#,
        env!("CARGO_PKG_VERSION"),
        r#""}"#
    );
    format!(r#"{{"log":{{"version":"1.2","creator":{creator},"entries":["#)
}

/// One entry. Names that begin with `_` are additions, as the format allows them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry<'a> {
    started_date_time: String,
    /// In milliseconds, as all times.
    time: f64,
    request: Request<'a>,
    response: Response<'a>,
    cache: Cache,
    timings: Timings,
    #[serde(rename = "_request")]
    summary: &'a Summary,
    #[serde(rename = "_tool_calls")]
    tool_calls: &'a [ToolCall],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    method: &'a str,
    url: String,
    http_version: &'static str,
    cookies: [(); 0],
    headers: Vec<Header>,
    query_string: [(); 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    post_data: Option<PostData<'a>>,
    headers_size: i64,
    body_size: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    /// 0 where there was none.
    status: u16,
    status_text: &'static str,
    http_version: &'static str,
    cookies: [(); 0],
    headers: [(); 0],
    content: Content<'a>,
    #[serde(rename = "redirectURL")]
    redirect_url: &'static str,
    headers_size: i64,
    body_size: i64,
}

#[derive(Debug, Serialize)]
struct Header {
    name: String,
    value: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PostData<'a> {
    mime_type: &'static str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Content<'a> {
    size: u64,
    mime_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Debug, Serialize)]
struct Cache {}

#[derive(Debug, Serialize)]
struct Timings {
    send: f64,
    wait: f64,
    receive: f64,
}

/// Not known, in the format's words.
const UNKNOWN: i64 = -1;

/// The log does not tell which; this is what most clients speak.
const VERSION: &str = "HTTP/1.1";

impl<'a> Entry<'a> {
    /// What is known of a request that went to `base`, such as `http://127.0.0.1:11435`.
    #[must_use]
    pub fn new(detail: &'a Detail, base: &str) -> Self {
        let summary = &detail.request;
        let time = summary.duration_ms.unwrap_or_default();
        let wait = summary.first_token_ms.unwrap_or(time).min(time);
        Self {
            started_date_time: summary.time.to_rfc3339(),
            time,
            request: request(detail, base),
            response: response(detail),
            cache: Cache {},
            timings: Timings {
                send: 0.0,
                wait,
                receive: time - wait,
            },
            summary,
            tool_calls: &detail.tool_calls,
        }
    }
}

fn request<'a>(detail: &'a Detail, base: &str) -> Request<'a> {
    let summary = &detail.request;
    let headers = detail.body(BodyKind::Headers);
    let headers =
        headers.and_then(|kept| serde_json::from_str::<Map<String, Value>>(&kept.text).ok());
    let headers = headers.into_iter().flatten().filter_map(|(name, value)| {
        let Value::String(value) = value else {
            return None;
        };
        Some(Header { name, value })
    });
    let body = detail.body(BodyKind::Request);
    Request {
        method: &summary.method,
        url: format!("{base}{}", summary.path),
        http_version: VERSION,
        cookies: [],
        headers: headers.collect(),
        query_string: [],
        post_data: body.map(|body| PostData {
            mime_type: BodyKind::Request.media_type(),
            text: &body.text,
            comment: remark(&body.form, body.truncated),
        }),
        headers_size: UNKNOWN,
        body_size: body.map_or(UNKNOWN, |body| i64::try_from(body.size).unwrap_or(UNKNOWN)),
    }
}

/// The reply as it was sent, if that is kept, else as one object.
fn response(detail: &Detail) -> Response<'_> {
    let stream = detail.body(BodyKind::Stream);
    let body = stream.or_else(|| detail.body(BodyKind::Reply));
    let kind = stream.map_or(BodyKind::Reply, |_| BodyKind::Stream);
    Response {
        status: detail.request.status.unwrap_or_default(),
        status_text: "",
        http_version: VERSION,
        cookies: [],
        headers: [],
        content: Content {
            size: body.map_or(0, |body| body.size),
            mime_type: kind.media_type(),
            text: body.map(|body| body.text.as_str()),
            comment: body.and_then(|body| remark(&body.form, body.truncated)),
        },
        redirect_url: "",
        headers_size: UNKNOWN,
        body_size: UNKNOWN,
    }
}

fn remark(form: &str, truncated: bool) -> Option<String> {
    match (form, truncated) {
        ("full", false) => None,
        (form, false) => Some(form.to_owned()),
        (form, true) => Some(format!("{form}, cut")),
    }
}
