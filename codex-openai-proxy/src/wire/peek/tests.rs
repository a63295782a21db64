//! What a glance tells of a body, and what a rewrite leaves of it.

use super::*;
use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value};

fn rewritten(body: &'static str, model: &str) -> String {
    let body = Bytes::from_static(body.as_bytes());
    let peek = Peek::of(&body).unwrap();
    String::from_utf8(peek.rewrite(&body, model).to_vec()).unwrap()
}

fn refusal(body: &[u8]) -> TurnError {
    Peek::of(body).expect_err("a refusal")
}

#[test]
fn only_the_models_name_changes() {
    let sent = r#"{ "stream":true, "model" : "mine/llama3","messages":[{"model":"x"}], "x":1.50}"#;
    assert_eq!(
        rewritten(sent, "llama\"3"),
        r#"{ "stream":true, "model" : "llama\"3","messages":[{"model":"x"}], "x":1.50}"#
    );
    let peek = Peek::of(sent.as_bytes()).unwrap();
    assert_eq!(peek.model.as_deref(), Some("mine/llama3"));
    assert_eq!((peek.shape, peek.stream), (Shape::Chat, true));
}

#[test]
fn a_body_that_says_so_already_is_not_copied() {
    let body = Bytes::from_static(br#"{"model":"llama3","messages":[]}"#);
    let peek = Peek::of(&body).unwrap();
    assert_eq!(peek.rewrite(&body, "llama3").as_ptr(), body.as_ptr());
}

#[test]
fn a_model_that_is_missing_is_put_in() {
    assert_eq!(rewritten("{}", "m"), r#"{"model":"m"}"#);
    assert_eq!(rewritten(r#"{ "n":1}"#, "m"), r#"{"model":"m", "n":1}"#);
    assert_eq!(
        rewritten(r#"{"model":null,"n":1}"#, "m"),
        r#"{"model":"m","n":1}"#
    );
    assert_eq!(
        rewritten(r#"{"conversation_id":"c"}"#, "m"),
        r#"{"model":"m"}"#
    );
}

#[test]
fn the_deployment_names_the_model_where_the_body_does_not() {
    let named = Peek::of(br#"{"model":"a"}"#).unwrap();
    assert_eq!(named.model_or(Some("b")).unwrap(), "a");
    let unnamed = Peek::of(br#"{"model":null}"#).unwrap();
    assert_eq!(unnamed.model_or(Some("b")).unwrap(), "b");
    let error = unnamed.model_or(None).unwrap_err();
    assert_eq!(error.to_string(), "Missing required parameter: 'model'.");
}

#[test]
fn our_own_fields_are_cut_out_wherever_they_stand() {
    for (sent, expected) in [
        (r#"{"conversation_id":"c","model":"m"}"#, r#"{"model":"m"}"#),
        (
            r#"{"model":"m" , "conversation_id" : "c" }"#,
            r#"{"model":"m"  }"#,
        ),
        (
            r#"{"a":",","conversation_id":{"b":[1,2]},"model":"m"}"#,
            r#"{"a":",","model":"m"}"#,
        ),
        (
            r#"{"conversation_id":1,"conversation\u005fid":2,"model":"m","conversation_id":3}"#,
            r#"{"model":"m"}"#,
        ),
    ] {
        assert_eq!(rewritten(sent, "m"), expected, "{sent}");
    }
}

#[test]
fn every_model_is_renamed_where_a_body_names_several() {
    assert_eq!(
        rewritten(r#"{"model":"a","mod\u0065l":"b"}"#, "m"),
        r#"{"model":"m","mod\u0065l":"m"}"#
    );
}

#[test]
fn the_shape_is_told_by_the_fields_that_say_something() {
    let shape = |body: &str| Peek::of(body.as_bytes()).unwrap().shape;
    assert_eq!(shape(r#"{"input":"x"}"#), Shape::Responses);
    assert_eq!(shape(r#"{"input":"x","messages":null}"#), Shape::Responses);
    assert_eq!(shape(r#"{"input":"x","messages":[]}"#), Shape::Chat);
    assert_eq!(shape(r#"{"input":null}"#), Shape::Chat);
    assert_eq!(shape("{}"), Shape::Chat);
}

#[test]
fn what_is_no_object_is_refused_in_the_words_of_the_other_reader() {
    for body in [
        &b""[..],
        b"[]",
        b"{\"model\":\"m\"",
        b"{\"model\":\"\xff\"}",
        b"{\"model\":\"m\"} x",
        b"{\"model\":\"\\ud800\"}",
    ] {
        assert_eq!(refusal(body), Object::parse(body).unwrap_err(), "{body:?}");
    }
}

#[test]
fn a_model_that_is_no_name_is_refused() {
    let message = |body: &str| refusal(body.as_bytes()).to_string();
    assert_eq!(
        message(r#"{"model":7}"#),
        "Invalid type for 'model': expected a string, but got an integer instead."
    );
    assert!(message(r#"{"model":""}"#).starts_with("Invalid 'model': empty string."));
}

/// Any JSON, a few levels deep.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((any::<String>(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A body with a model or without one, our field or not, among others.
fn body() -> impl Strategy<Value = Map<String, Value>> {
    let name = prop_oneof![
        Just("model".to_owned()),
        Just("conversation_id".to_owned()),
        Just("messages".to_owned()),
        Just("stream".to_owned()),
        any::<String>(),
    ];
    vec((name, json()), 0..8).prop_map(|fields| {
        let mut body: Map<_, _> = fields.into_iter().collect();
        if let Some(model) = body.get_mut("model") {
            *model = Value::from("sent");
        }
        body
    })
}

proptest! {
    #[test]
    fn of_any_body_only_the_model_and_our_own_fields_change(
        mut body in body(),
        pretty in any::<bool>(),
        model in "\\PC{1,8}",
    ) {
        let value = Value::Object(body.clone());
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        let text = Bytes::from(text);
        let sent = Peek::of(&text).unwrap().rewrite(&text, &model);

        let has_model = body.contains_key("model");
        body.shift_remove("conversation_id");
        if has_model {
            body.insert("model".to_owned(), Value::from(model));
        } else {
            body.shift_insert(0, "model".to_owned(), Value::from(model));
        }
        let body = Value::Object(body);
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        // As text, since the order counts too.
        prop_assert_eq!(sent.to_string(), body.to_string());
    }
}

#[test]
fn a_look_tells_how_much_is_asked_and_what_the_user_said_last() {
    let told = |body: &str| {
        let peek = Peek::of(body.as_bytes()).unwrap();
        let entries = peek.entries();
        let said: Vec<String> = entries.said().map(Cow::into_owned).collect();
        (entries.count, peek.tools(), said)
    };
    let said = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let chat = r#"{"messages":[
        {"role":"user","content":"first"},
        {"content":"la\u0073t","role" : "user"},
        {"role":"assistant","content":null,"tool_calls":[{"function":{"name":"user"}}]},
        {"role":"tool","content":"the \"user\""},
        7
    ],"tools":[{"a":1},{}]}"#;
    assert_eq!(told(chat), (5, 2, said(&["last"])));
    let responses = r#"{"input":[
        {"role":"user","content":[
            {"type":"input_text","text":"one"},
            {"type":"input_image","image_url":"data:"},
            {"type":"input_text","text":"two"}
        ]},
        {"type":"function_call_output","output":"user"}
    ]}"#;
    assert_eq!(told(responses), (2, 0, said(&["one", "two"])));
    assert_eq!(told(r#"{"input":"H\u00e9"}"#), (1, 0, said(&["Hé"])));
    let odd = r#"{"messages":{"role":"user","content":"x"},"tools":"many"}"#;
    assert_eq!(told(odd), (0, 0, vec![]));
    assert_eq!(told("{}"), (0, 0, vec![]));
}

#[test]
fn a_look_tells_which_fields_are_ours_and_whether_the_client_waits() {
    let look = |body: &str| {
        let peek = Peek::of(body.as_bytes()).unwrap();
        (peek.dropped, peek.background)
    };
    let ours = r#"{"conversation_id":"c","background":true}"#;
    assert_eq!(look(ours), (vec!["conversation_id".to_owned()], true));
    let none = r#"{"conversation_id":null,"background":false}"#;
    assert_eq!(look(none), (vec![], false));
    let mode = r#"{"x_codex":{"sandbox":"read-only","mode":1}}"#;
    assert_eq!(look(mode), (vec!["x_codex.mode".to_owned()], false));
    let effort = Peek::of(br#"{"x_codex":{"reasoning_effort":"low"}}"#).unwrap();
    assert_eq!(effort.x_codex.reasoning_effort.as_deref(), Some("low"));
    let refused = Peek::of(br#"{"x_codex":{"network_access":true}}"#);
    assert!(matches!(refused, Err(TurnError::NotAllowed { .. })));
}

#[test]
fn a_relay_takes_our_fields_out() {
    let body = Bytes::from_static(
        br#"{"x_codex":{"sandbox":"read-only"},"model":"a","conversation_id":"c","user":"u"}"#,
    );
    let rewritten = Peek::of(&body).unwrap().rewrite(&body, "b");
    assert_eq!(rewritten, r#"{"model":"b","user":"u"}"#);
}
