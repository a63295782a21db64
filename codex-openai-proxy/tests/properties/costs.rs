//! However much there is of something, four times as much takes four times as long: whoever may ask cannot
//! keep a thread busy for minutes with one body, and no more can a provider with one reply.

use super::read as read_request;
use codex_openai_proxy::{
    translate::{
        chat::{ChunkWriter, CompletionReader, ReasoningStyle, ReplyHead},
        responses::ResponseReader,
    },
    turn::TurnEvent,
};
use std::time::{Duration, Instant};

/// How many there are of what a case repeats.
const MANY: usize = 10_000;

/// What makes a text with so many of something.
type Repeated = fn(usize) -> String;

/// `one` of each number, with commas between them.
fn list(many: usize, one: impl Fn(usize) -> String) -> String {
    (0..many).map(one).collect::<Vec<_>>().join(",")
}

/// Fails where `work` looks at everything again for each of many.
#[track_caller]
fn assert_is_linear(of: &str, made: Repeated, work: impl Fn(&str)) {
    let time = |text: &str| {
        let begun = Instant::now();
        work(text);
        begun.elapsed()
    };
    let (quarter, whole) = (made(MANY / 4), made(MANY));
    // It would take sixteen times as long. What else the machine does may slow one look down, but not
    // all of them; and so quick a look as the first is lost in it.
    let is_linear = || {
        let (quarter, whole) = (time(&quarter), time(&whole));
        whole < Duration::from_millis(200) || whole < 9 * quarter
    };
    assert!((0..5).any(|_| is_linear()), "too many {of} take too long");
}

#[test]
fn requests_take_linear_time() {
    let cases: [(&str, Repeated); 10] = [
        ("messages", |many| {
            let said = list(many, |_| r#"{"role":"user","content":"x"}"#.to_owned());
            format!(r#"{{"model":"m","messages":[{said}]}}"#)
        }),
        ("instructions", |many| {
            let said = list(many, |_| r#"{"role":"system","content":"x"}"#.to_owned());
            format!(r#"{{"model":"m","messages":[{said}]}}"#)
        }),
        ("calls", |many| {
            let calls = list(many, |at| {
                format!(r#"{{"id":"c{at}","function":{{"name":"f","arguments":"{{}}"}}}}"#)
            });
            let results = list(many, |at| {
                let at = many - 1 - at;
                format!(r#"{{"role":"tool","tool_call_id":"c{at}","content":"x"}}"#)
            });
            format!(
                r#"{{"model":"m","messages":[{{"role":"assistant","tool_calls":[{calls}]}},{results}]}}"#
            )
        }),
        ("calls without results", |many| {
            let calls = list(many, |at| {
                format!(r#"{{"id":"c{at}","function":{{"name":"f","arguments":"{{}}"}}}}"#)
            });
            format!(r#"{{"model":"m","messages":[{{"role":"assistant","tool_calls":[{calls}]}}]}}"#)
        }),
        ("tools", |many| {
            let tools = list(many, |at| {
                format!(r#"{{"type":"function","name":"f{at}"}}"#)
            });
            format!(r#"{{"model":"m","input":"x","tools":[{tools}]}}"#)
        }),
        ("tools of one name", |many| {
            let tool =
                r#"{"type":"namespace","name":"n","tools":[{"type":"function","name":"f"}]}"#;
            let tools = list(many, |_| tool.to_owned());
            format!(r#"{{"model":"m","input":"x","tools":[{tools}]}}"#)
        }),
        ("tools that the input holds", |many| {
            let held = list(many, |at| {
                let tool = format!(r#"{{"type":"function","name":"f{at}"}}"#);
                format!(r#"{{"type":"additional_tools","tools":[{tool}]}}"#)
            });
            format!(r#"{{"model":"m","input":[{{"role":"user","content":"x"}},{held}]}}"#)
        }),
        ("calls of tools in namespaces", |many| {
            let tools = list(many / 2, |at| {
                let tool = r#"{"type":"function","name":"f"}"#;
                format!(r#"{{"type":"namespace","name":"n.{at}","tools":[{tool}]}}"#)
            });
            let calls = list(many / 2, |at| {
                let name = format!(r#""namespace":"n-{at}","name":"f""#);
                let call =
                    format!(r#""type":"function_call","call_id":"c{at}","arguments":"{{}}""#);
                let result = format!(r#""type":"function_call_output","call_id":"c{at}""#);
                format!(r#"{{{call},{name}}},{{{result},"output":"x"}}"#)
            });
            format!(r#"{{"model":"m","input":[{calls}],"tools":[{tools}]}}"#)
        }),
        ("tools that are allowed", |many| {
            let tools = list(many, |at| {
                format!(r#"{{"type":"function","name":"f{at}"}}"#)
            });
            let choice = format!(r#"{{"type":"allowed_tools","mode":"auto","tools":[{tools}]}}"#);
            format!(r#"{{"model":"m","input":"x","tools":[{tools}],"tool_choice":{choice}}}"#)
        }),
        ("members", |many| {
            let members = list(many, |at| format!(r#""k{at}":1"#));
            format!(r#"{{{members},"model":"m","input":"x"}}"#)
        }),
    ];
    for (of, made) in cases {
        assert_is_linear(of, made, |body| read_request(body.as_bytes()));
    }
}

/// Tells a client what a provider told.
fn write(events: Vec<TurnEvent>) {
    let head = ReplyHead {
        id: "chatcmpl-x".to_owned(),
        created: 1,
        model: "m".to_owned(),
        conversation: None,
    };
    let mut writer = ChunkWriter::new(&head, ReasoningStyle::Think, true);
    let mut stream = Vec::new();
    for event in events {
        writer.on_event(event, &mut stream);
    }
}

#[test]
fn replies_of_chat_completions_take_linear_time() {
    let cases: [(&str, Repeated); 4] = [
        ("calls", |many| {
            list(many, |at| {
                format!(
                    r#"{{"index":{at},"id":"c{at}","function":{{"name":"f","arguments":"{{}}"}}}}"#
                )
            })
        }),
        ("calls of one id", |many| {
            list(many, |at| {
                format!(r#"{{"index":{at},"id":"c","function":{{"name":"f","arguments":"{{}}"}}}}"#)
            })
        }),
        ("calls without an index", |many| {
            list(many, |at| {
                format!(r#"{{"id":"c{at}","function":{{"name":"f","arguments":"{{}}"}}}}"#)
            })
        }),
        ("fragments", |many| {
            list(many, |_| {
                r#"{"index":0,"id":"c","function":{"name":"f","arguments":"x"}}"#.to_owned()
            })
        }),
    ];
    for (of, made) in cases {
        assert_is_linear(of, made, |calls| {
            let mut reader = CompletionReader::new(&[], "seed");
            let mut events = Vec::new();
            let chunk = format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{calls}]}}}}]}}"#);
            reader.on_data(&chunk, &mut events).unwrap();
            reader.on_data("[DONE]", &mut events).unwrap();
            assert!(events.len() > 2);
            write(events);
        });
    }
}

#[test]
fn replies_of_responses_take_linear_time() {
    let cases: [(&str, Repeated); 4] = [
        ("calls", |many| {
            list(many, |at| {
                format!(
                    r#"{{"type":"function_call","call_id":"c{at}","name":"f","arguments":"{{}}"}}"#
                )
            })
        }),
        ("calls of one id", |many| {
            list(many, |_| {
                r#"{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}"#.to_owned()
            })
        }),
        ("messages", |many| {
            list(many, |_| r#"{"type":"message","content":"x"}"#.to_owned())
        }),
        ("reasoning", |many| {
            list(many, |_| {
                r#"{"type":"reasoning","summary":[{"text":"x"}]}"#.to_owned()
            })
        }),
    ];
    for (of, made) in cases {
        assert_is_linear(of, made, |items| {
            let mut reader = ResponseReader::new(&[], "seed");
            let mut events = Vec::new();
            let body = format!(r#"{{"output":[{items}]}}"#);
            reader.on_whole(body.as_bytes(), &mut events).unwrap();
            assert!(events.len() > 2);
            write(events);
        });
    }
}
