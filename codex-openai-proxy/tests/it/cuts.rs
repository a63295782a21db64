//! However a chat is cut into requests, the model reads the same: what one straight run with a
//! request for each step would have sent.

use crate::{
    harness::{
        Client,
        codex::Setup,
        run_within,
        talk::{Talk, calls, result},
    },
    upstream::{Gate, Reply, Seen, Upstream},
};
use codex_openai_proxy::config::ConversationSettings;
use proptest::{collection::vec, prelude::*, test_runner::Config};
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::HashSet, time::Duration};

/// How long one chat may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// What another client of the same proxy says in between.
const NOISE: &str = "Noise.";

/// A chat, and how its client cuts it into requests.
#[derive(Debug, Clone)]
struct Plan {
    exchanges: Vec<Exchange>,
    /// So many exchanges happened elsewhere, and come with the first request.
    imported: usize,
    /// Whether the client gave the chat a name of its own.
    named: bool,
    /// Whether the proxy keeps one conversation at a time, and has to put this one away for each of
    /// another client's requests. Only for named chats: others lose their reasoning then.
    forgetful: bool,
    /// Whether the model server numbers the calls of each reply from the start.
    reuses_ids: bool,
    /// How each request is sent, in turn and over again.
    ways: Vec<Way>,
}

/// A question, rounds of tool calls, and the answer.
#[derive(Debug, Clone)]
struct Exchange {
    /// The user's messages, sent together.
    questions: Vec<String>,
    rounds: Vec<Round>,
    answer: Words,
}

/// Calls that the model makes at once, and the client's results.
#[derive(Debug, Clone)]
struct Round {
    words: Words,
    /// What each call says, and its result, with the place that it has among the client's messages.
    calls: Vec<(Call, String, u8)>,
    /// What the user says beside the results.
    aside: Option<String>,
}

/// A call of one of the client's tools.
#[derive(Debug, Clone)]
enum Call {
    /// Of the function `look`.
    Look,
    /// Of the custom tool `Say`, with this text.
    Say(String),
}

/// What the model says.
#[derive(Debug, Clone)]
struct Words {
    thinking: Thinking,
    text: String,
}

/// How the model thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thinking {
    Not,
    /// Unseen, before it speaks.
    Sealed,
    /// Seen, before it speaks.
    Before,
    /// Seen, after it has spoken.
    After,
}

/// How a request is sent.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// The whole history.
    Whole,
    /// What is new, and the conversation's name.
    News,
    /// Results alone, for the turn that waits for them; the whole history where none are due.
    Results,
    /// The same as a stream.
    Stream,
    /// First by a client that leaves before the model has said anything. Only for named chats, whose
    /// next request waits until that is noticed.
    Twice,
}

fn text() -> impl Strategy<Value = String> {
    // A letter first: a message of white space alone is none.
    "[a-z][a-zé\"\\\\<> \n]{0,12}[a-z.]"
}

fn words(least: usize) -> impl Strategy<Value = Words> {
    let text = if least == 0 {
        prop_oneof![Just(String::new()), text()].boxed()
    } else {
        text().boxed()
    };
    let thinking = prop_oneof![
        Just(Thinking::Not),
        Just(Thinking::Sealed),
        Just(Thinking::Before),
        Just(Thinking::After),
    ];
    (thinking, text).prop_map(|(thinking, text)| Words { thinking, text })
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![2 => Just(Call::Look), 1 => text().prop_map(Call::Say)]
}

fn round() -> impl Strategy<Value = Round> {
    let calls = vec((call(), text(), any::<u8>()), 1..4);
    let aside = prop_oneof![3 => Just(None), 1 => text().prop_map(Some)];
    (words(0), calls, aside).prop_map(|(words, calls, aside)| Round {
        words,
        calls,
        aside,
    })
}

fn exchange() -> impl Strategy<Value = Exchange> {
    (vec(text(), 1..3), vec(round(), 0..3), words(1)).prop_map(|(questions, rounds, answer)| {
        Exchange {
            questions,
            rounds,
            answer,
        }
    })
}

fn plan() -> impl Strategy<Value = Plan> {
    let way = prop_oneof![
        Just(Way::Whole),
        Just(Way::News),
        Just(Way::Results),
        Just(Way::Stream),
        Just(Way::Twice)
    ];
    (
        vec(exchange(), 1..4),
        0..3usize,
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        vec(way, 1..8),
    )
        .prop_map(
            |(exchanges, imported, named, forgetful, reuses_ids, ways)| Plan {
                reuses_ids,
                imported: imported.min(exchanges.len() - 1),
                exchanges,
                named,
                forgetful: named && forgetful,
                ways,
            },
        )
}

/// A chat that is being played: what its client knows, and what the model should read next.
struct Play<'a> {
    client: &'a Client,
    upstream: &'a Upstream,
    plan: &'a Plan,
    talk: Talk,
    lines: Vec<String>,
    /// Replies so far.
    steps: usize,
    /// Calls so far.
    calls: usize,
}

impl Play<'_> {
    async fn all(mut self) {
        let exchanges = self.plan.exchanges.iter().enumerate();
        for (number, exchange) in exchanges {
            let imported = number < self.plan.imported;
            for question in &exchange.questions {
                self.talk.say(question);
                self.lines.push(format!("user: {question}"));
            }
            for round in &exchange.rounds {
                if self.plan.reuses_ids {
                    self.calls = 0;
                }
                let called: Vec<Called> = round
                    .calls
                    .iter()
                    .map(|(call, _, _)| {
                        self.calls += 1;
                        Called::new(format!("call_{}", self.calls), call)
                    })
                    .collect();
                self.step(&round.words, &called, imported).await;
                self.answer_calls(round, &called);
            }
            self.step(&exchange.answer, &[], imported).await;
        }
    }

    /// One reply of the model.
    async fn step(&mut self, words: &Words, called: &[Called], imported: bool) {
        self.steps += 1;
        if imported {
            self.import(&words.text, called);
        } else {
            self.reply(words, called).await;
        }
        let thought = match words.thinking {
            _ if imported => None,
            Thinking::Not => None,
            Thinking::Sealed => Some(format!("reasoning: sealed-{}", self.steps)),
            Thinking::Before | Thinking::After => Some("reasoning: sealed".to_owned()),
        };
        let spoken = (!words.text.is_empty()).then(|| format!("assistant: {}", words.text));
        if words.thinking == Thinking::After {
            self.lines.extend(spoken.into_iter().chain(thought));
        } else {
            self.lines.extend(thought.into_iter().chain(spoken));
        }
        let calls = called.iter().map(Called::line);
        self.lines.extend(calls);
    }

    fn import(&mut self, text: &str, called: &[Called]) {
        let mut message = json!({ "role": "assistant", "content": text });
        if !called.is_empty() {
            let calls = called.iter().map(Called::as_the_client_has_it);
            message["tool_calls"] = calls.collect::<Vec<Value>>().into();
        }
        self.talk.messages().push(message);
    }

    async fn reply(&mut self, words: &Words, called: &[Called]) {
        let first = self.talk.conversation().is_empty();
        if self.plan.forgetful && !first {
            let noise = Talk::about(NOISE).whole();
            self.upstream.reply(Reply::text(&["Noise, too."]));
            self.client.chat(&noise).await.ok();
        }
        let way = self.plan.ways[self.steps % self.plan.ways.len()];
        let body = self.body(way);
        if self.plan.named && matches!(way, Way::Twice) {
            self.leave_early(&body).await;
        }
        let mut reply = match words.thinking {
            Thinking::Not | Thinking::After => Reply::stream(),
            Thinking::Sealed => Reply::stream().thought(&format!("sealed-{}", self.steps)),
            Thinking::Before => Reply::stream().reasoning(&["Hm", ", <b>?"]),
        };
        if !words.text.is_empty() {
            reply = reply.message(&[&words.text]);
        }
        if words.thinking == Thinking::After {
            reply = reply.reasoning(&["Hm", ", after all?"]);
        }
        for Called { id, name, wire, .. } in called {
            reply = reply.call(id, name, wire);
        }
        self.upstream.reply(reply.completed());
        let told = called.iter().map(Called::told);
        if matches!(way, Way::Stream) {
            let said = self.client.stream(&body).await.said().await;
            said.ended_with(if called.is_empty() {
                "stop"
            } else {
                "tool_calls"
            });
            assert!(said.text.ends_with(&words.text), "{}", said.text);
            assert!(said.calls.iter().cloned().eq(told));
            let conversation = said.conversations.into_iter().next().unwrap();
            self.import(&said.text, called);
            self.talk.heard_elsewhere(conversation);
        } else {
            let answer = self.client.chat(&body).await;
            let reply = self.talk.hear(answer);
            if !called.is_empty() {
                let owned = |(id, name, arguments): (&str, &str, &str)| {
                    (id.to_owned(), name.to_owned(), arguments.to_owned())
                };
                assert!(calls(&reply).into_iter().map(owned).eq(told));
            }
        }
        self.check_last();
    }

    /// The next request.
    fn body(&self, way: Way) -> Value {
        let first = self.talk.conversation().is_empty();
        let news = self.talk.news();
        let mut messages = news["messages"].as_array().into_iter().flatten();
        let results_are_due = !first && messages.any(|message| message["role"] == "tool");
        match way {
            // The first request has nothing before it; a turn that was put away waits for nothing.
            Way::News | Way::Twice if !first => self.talk.named_news(),
            Way::Results if results_are_due && self.plan.forgetful => self.talk.named_news(),
            Way::Results if results_are_due => news,
            _ => self.talk.whole(),
        }
    }

    async fn leave_early(&self, body: &Value) {
        let count = self.upstream.requests().len();
        let never = Gate::default();
        self.upstream.reply(Reply::stream().wait(&never));
        let request = self.client.request(Method::POST, "/v1/chat/completions");
        let waiting = tokio::spawn(request.json(body).send());
        self.upstream.received(count + 1).await;
        waiting.abort();
        self.check_last();
    }

    fn check_last(&self) {
        let requests = self.own_requests();
        let last = requests.last().expect("a request");
        assert_eq!(last.lines(), self.lines, "step {}", self.steps);
        let keys: HashSet<&str> = requests.iter().map(Seen::cache_key).collect();
        assert_eq!(keys.len(), 1, "step {}", self.steps);
    }

    /// The requests of this chat.
    fn own_requests(&self) -> Vec<Seen> {
        let mut requests = self.upstream.requests();
        let noise = [format!("user: {NOISE}")];
        requests.retain(|request| request.lines() != noise);
        requests
    }

    fn answer_calls(&mut self, round: &Round, called: &[Called]) {
        let mut results: Vec<_> = round.calls.iter().zip(called).collect();
        for ((_, text, _), Called { id, .. }) in &results {
            self.lines.push(format!("output {id}: {text}"));
        }
        results.sort_by_key(|((_, _, place), _)| *place);
        for ((_, text, _), Called { id, .. }) in results {
            self.talk.messages().push(result(id, text.as_str()));
        }
        if let Some(aside) = &round.aside {
            self.talk.say(aside);
            self.lines.push(format!("user: {aside}"));
        }
    }
}

/// A call that was made.
struct Called {
    id: String,
    name: &'static str,
    /// What the model wrote.
    wire: String,
    /// What the client was told.
    arguments: String,
}

impl Called {
    fn new(id: String, call: &Call) -> Self {
        let (name, wire, arguments) = match call {
            Call::Look => ("look", "{}".to_owned(), "{}".to_owned()),
            Call::Say(text) => ("Say", json!({ "input": text }).to_string(), text.clone()),
        };
        Self {
            id,
            name,
            wire,
            arguments,
        }
    }

    fn line(&self) -> String {
        format!("call {} {} {}", self.id, self.name, self.wire)
    }

    fn told(&self) -> (String, String, String) {
        (
            self.id.clone(),
            self.name.to_owned(),
            self.arguments.clone(),
        )
    }

    fn as_the_client_has_it(&self) -> Value {
        let function = json!({ "name": self.name, "arguments": self.arguments });
        json!({ "id": self.id, "type": "function", "function": function })
    }
}

async fn play(plan: Plan) {
    let upstream = Upstream::start().await;
    let mut setup = Setup::new(&upstream);
    if plan.forgetful {
        setup.config.conversations = ConversationSettings {
            max_live: 1,
            thread: Duration::from_millis(20),
            ..ConversationSettings::default()
        };
    }
    let proxy = setup.start().await;
    let client = Client::new(proxy.address()).without_keeping_replies();
    let mut talk = Talk::new().offering(&["look"]);
    // Spelled backwards, as Cursor has it: thoughts are written into the text.
    talk.body["model"] = "2.5-tpg".into();
    let tools = talk.body["tools"].as_array_mut().unwrap();
    tools.push(json!({ "type": "custom", "custom": { "name": "Say" } }));
    if plan.named {
        talk = talk.with("conversation_id", "chat-1");
    }
    let chat = Play {
        client: &client,
        upstream: &upstream,
        plan: &plan,
        talk,
        lines: Vec::new(),
        steps: 0,
        calls: 0,
    };
    chat.all().await;
    proxy.stop().await;
}

proptest! {
    // Each case is a proxy of its own with up to a dozen model calls.
    #![proptest_config(Config {
        cases: 16,
        max_shrink_iters: 30,
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn the_model_reads_the_same_however_a_chat_is_cut(plan in plan()) {
        run_within(PATIENCE, play(plan));
    }
}
