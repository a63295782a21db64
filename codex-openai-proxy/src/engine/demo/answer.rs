//! What the demo model says to what it was asked.

use super::{
    ask::{Ask, Reasoning, ToolResult, tokens},
    sample,
};

/// The longest quotation of someone else's words, in characters.
const QUOTATION: usize = 400;

/// Words that lead from a tool's name to what it should be called with.
const LEADING_WORDS: [&str; 8] = ["for", "with", "on", "in", "to", "about", "and", "tool"];

/// A complete reply, before it is cut into events.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// The summary of the model's reasoning, where it may show one.
    pub summary: Option<String>,
    /// What it does.
    pub output: Output,
    /// What that took.
    pub usage: Usage,
}

/// What the model does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// It says something.
    Text(String),
    /// It calls a tool.
    Call {
        /// The tool.
        name: String,
        /// JSON text.
        arguments: String,
    },
}

/// Token counts as the Responses API reports them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    /// Read, cached ones included.
    pub input: u64,
    /// Read from the cache.
    pub cached: u64,
    /// Written, reasoning included.
    pub output: u64,
    /// Written as reasoning.
    pub reasoning: u64,
}

impl Reply {
    /// The reply to `ask`.
    pub fn to(ask: &Ask<'_>) -> Self {
        let (thought, output) = if !ask.results.is_empty() {
            (
                "The tool has answered, so I pass on what it said.".to_owned(),
                Output::Text(report(&ask.results)),
            )
        } else if let Some((tool, before, after)) = ask.named_tool() {
            let arguments = sample::value(tool.parameters, subject(before, after));
            (
                format!("The message names the tool {}, so I call it.", tool.name),
                Output::Call {
                    name: tool.name.to_owned(),
                    arguments: arguments.to_string(),
                },
            )
        } else if let Some(schema) = ask.schema {
            (
                "The answer has to follow a schema, so I fill it in.".to_owned(),
                Output::Text(sample::value(schema, &quotable(&ask.text)).to_string()),
            )
        } else {
            (
                "The message names no tool, so I answer it myself.".to_owned(),
                Output::Text(answer(ask)),
            )
        };
        let summary = match ask.reasoning {
            Reasoning::Shown => Some(format!("**Reading the message**\n\n{thought}")),
            Reasoning::Off => None,
        };
        let reasoning = summary.as_deref().map_or(0, tokens);
        let written = match &output {
            Output::Text(text) => tokens(text),
            Output::Call { name, arguments } => tokens(name) + tokens(arguments),
        };
        Self {
            summary,
            output,
            usage: Usage {
                input: ask.input_tokens,
                cached: ask.cached_tokens,
                output: written + reasoning,
                reasoning,
            },
        }
    }
}

/// The answer to a message that asks for nothing special.
fn answer(ask: &Ask<'_>) -> String {
    let said = quotable(&ask.text);
    let mut heard = vec![match (said.is_empty(), ask.images) {
        (true, 0) => "You said nothing yet.".to_owned(),
        (true, _) => "You sent no words.".to_owned(),
        (false, _) => format!("You said: “{said}”."),
    }];
    match ask.images {
        0 => {}
        1 => heard.push("An image came with it.".to_owned()),
        count => heard.push(format!("{count} images came with it.")),
    }
    if ask.user_messages > 1 {
        heard.push(format!(
            "That was your message number {}.",
            ask.user_messages
        ));
    }
    let offer = match ask.tools.first() {
        None => "Offer me a tool, ask for it by name, and I will call it.".to_owned(),
        Some(tool) => format!(
            "Ask for one of your tools by name, such as {}, and I will call it.",
            tool.name
        ),
    };
    format!(
        "{}\n\nI am the demo model: I make my answers up on your own machine, but they reach you \
         through a real Codex thread, one delta at a time. {offer}",
        heard.join(" ")
    )
}

/// What the tools said, each in a line of its own.
fn report(results: &[ToolResult<'_>]) -> String {
    let lines: Vec<String> = results
        .iter()
        .map(|result| {
            let name = result.name.unwrap_or("The tool");
            format!("{name} answered: “{}”.", quotable(&result.output))
        })
        .collect();
    lines.join("\n")
}

/// What a tool should be called with: what follows its name, else what stands before it.
fn subject<'t>(before: &'t str, after: &'t str) -> &'t str {
    let mut rest = trim(after);
    while let Some((word, more)) = rest.split_once(char::is_whitespace)
        && LEADING_WORDS.contains(&word.to_lowercase().as_str())
    {
        rest = trim(more);
    }
    if rest.is_empty() { trim(before) } else { rest }
}

/// `text` without white space and the marks of a sentence around it.
fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || "“”\"'`.,:;!?()".contains(c))
}

/// `text` without white space around it, cut where it is too long to repeat.
fn quotable(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(QUOTATION) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
