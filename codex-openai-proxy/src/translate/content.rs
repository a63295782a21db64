//! Content of messages and tool results.

use crate::{
    turn::{ImageDetail, Part, TurnError},
    wire::{content::ContentPart, invalid},
};

/// The texts of parts that are nothing else, without the empty ones.
pub(super) fn texts(content: Vec<ContentPart>) -> Vec<String> {
    content
        .into_iter()
        .filter_map(|part| match part {
            ContentPart::Text(text) | ContentPart::Refusal(text) => Some(text),
            ContentPart::Image { .. } => None,
        })
        .filter(|text| !text.is_empty())
        .collect()
}

/// Content that must stay even where it says nothing: an empty answer is an answer.
pub(super) fn parts(content: Vec<ContentPart>) -> Result<Vec<Part>, TurnError> {
    let mut parts = Vec::with_capacity(content.len().max(1));
    for part in content {
        match part {
            ContentPart::Text(text) | ContentPart::Refusal(text) => {
                if !text.is_empty() {
                    parts.push(Part::Text(text));
                }
            }
            ContentPart::Image { url, detail, param } => {
                parts.push(image(url, detail.as_deref(), param)?);
            }
        }
    }
    if parts.is_empty() {
        parts.push(Part::Text(String::new()));
    }
    Ok(parts)
}

fn image(url: String, detail: Option<&str>, param: String) -> Result<Part, TurnError> {
    const SCHEMES: [&str; 3] = ["data:image/", "https://", "http://"];

    let known = SCHEMES.iter().any(|scheme| {
        url.as_bytes()
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
    });
    if !known {
        return Err(invalid::value(
            param,
            "expected a data URL of an image, or an http or https URL.",
        ));
    }
    let detail = match detail {
        None => None,
        Some("auto") => Some(ImageDetail::Auto),
        Some("low") => Some(ImageDetail::Low),
        Some("high") => Some(ImageDetail::High),
        Some("original") => Some(ImageDetail::Original),
        Some(other) => {
            let supported = ["auto", "low", "high", "original"];
            let holder = param.strip_suffix(".url");
            // In the flat form, `detail` stands beside `image_url`.
            let holder = holder.or_else(|| param.strip_suffix(".image_url"));
            let param = format!("{}.detail", holder.unwrap_or(&param));
            return Err(invalid::word(param, other, &supported));
        }
    };
    Ok(Part::Image { url, detail, param })
}

/// An assistant's texts without the reasoning that opens them: clients echo the `<think>` blocks
/// which they were sent, and no model should read those as its own answer.
pub(super) fn without_thoughts(texts: Vec<String>) -> Vec<Part> {
    let mut parts = Vec::with_capacity(texts.len());
    for mut text in texts {
        if parts.is_empty() {
            strip_thoughts(&mut text);
        }
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
    }
    parts
}

/// Cuts `<think>…</think>` blocks off the start of `text`, with the white space around them. A
/// block without an end is what is left of a reply that was broken off while it thought.
fn strip_thoughts(text: &mut String) {
    let mut rest = text.as_str();
    while let Some(thought) = rest.trim_start().strip_prefix("<think>") {
        rest = match thought.split_once("</think>") {
            Some((_, after)) => after.trim_start(),
            None => "",
        };
    }
    let cut = text.len() - rest.len();
    text.drain(..cut);
}
