//! Replies of Responses.

use super::{
    Failure,
    heard::{Content, garbled},
    told::{ErrorObject, Text},
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

/// An event. What most of them tell of is passed over unread.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Text<'a>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    item: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// A response.
#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    status: Text<'a>,
    #[serde(borrow, default)]
    output: Vec<Item<'a>>,
    usage: Option<IgnoredAny>,
    error: Option<ErrorObject>,
    #[serde(borrow)]
    incomplete_details: Option<Details<'a>>,
}

/// Why a response is not complete.
#[derive(Deserialize)]
struct Details<'a> {
    #[serde(borrow)]
    reason: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    call_id: Text<'a>,
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow, default)]
    arguments: Text<'a>,
    #[serde(borrow, default)]
    content: Option<Vec<Part<'a>>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
}

/// Hears the data of one event.
pub(super) fn event(data: &[u8], content: &mut Content) -> Result<(), Failure> {
    if data == b"[DONE]" {
        return Ok(());
    }
    let event: Event<'_> = read(data)?;
    match &*event.kind.0 {
        "response.output_text.delta" => {
            let delta: Text<'_> = member(event.delta, data)?;
            content.text(&delta.0)
        }
        "response.output_item.done" => {
            let item: Item<'_> = member(event.item, data)?;
            call(&item, content)
        }
        "response.created" => {
            let response: Response<'_> = member(event.response, data)?;
            content.id(&response.id.0);
            Ok(())
        }
        "response.completed" | "response.failed" | "response.incomplete" => {
            let response: Response<'_> = member(event.response, data)?;
            end(response, content)
        }
        "error" => {
            // The API has the members in the event itself, others in an object.
            let error: ErrorObject = match event.error {
                Some(error) => member(Some(error), data)?,
                None => read(data)?,
            };
            content.told(error.code(), error.message);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Hears a reply in one piece.
pub(super) fn whole(body: &[u8], content: &mut Content) -> Result<(), Failure> {
    let response: Response<'_> = read(body)?;
    for item in &response.output {
        if item.kind.0 == "message" {
            for part in item.content.iter().flatten() {
                content.text(part.text.as_ref().map_or("", |text| &text.0))?;
            }
        }
        call(item, content)?;
    }
    end(response, content)
}

fn call(item: &Item<'_>, content: &mut Content) -> Result<(), Failure> {
    match &*item.kind.0 {
        "function_call" => content.call(&item.call_id.0, &item.name.0, &item.arguments.0),
        _ => Ok(()),
    }
}

/// The last that a reply says, and how it came out.
fn end(response: Response<'_>, content: &mut Content) -> Result<(), Failure> {
    content.id(&response.id.0);
    if response.usage.is_some() {
        content.usage();
    }
    if response.status.0 == "completed" {
        content.finished()?;
        return content.closed();
    }
    let error = response.error.unwrap_or_default();
    let details = response.incomplete_details.and_then(|told| told.reason);
    let reason = details.map(|reason| reason.0.into_owned());
    let code = error.code().or(reason);
    content.told(code.or(Some(response.status.0.into_owned())), error.message);
    Ok(())
}

/// A member that an event of its type has.
fn member<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>, data: &[u8]) -> Result<T, Failure> {
    let raw = raw.ok_or_else(|| garbled("a member is missing", data))?;
    read(raw.get().as_bytes())
}

fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(json).map_err(|error| garbled(&error.to_string(), json))
}
