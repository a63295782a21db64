//! Records, requests, details, exports.

use super::*;

/// Nothing is in the log.
async fn assert_is_empty(service: &Service) {
    for list in ["records", "requests"] {
        let page = json(service, &format!("/logs/api/{list}")).await;
        assert_eq!(page[list], json!([]), "{list}");
    }
}

#[tokio::test]
async fn where_requests_are_not_logged_they_are_answered_as_ever() {
    let mut service = Service::start_with(|config| config.logs.requests = false).await;
    answered(&mut service, &request("gpt-5.2", true)).await;
    service.get("/nowhere").send().await.unwrap();
    assert_is_empty(&service).await;
}

#[tokio::test]
async fn a_request_is_told_from_its_arrival_to_its_end() {
    let mut service = Service::start().await;
    answered(&mut service, &request("gpt-5.2", true)).await;
    let page = json(&service, "/logs/api/records").await;
    assert_eq!(page["more"], false);
    let types = each(&page["records"], "type");
    assert_eq!(types.first().unwrap(), &"cursor_response");
    assert_eq!(types.last().unwrap(), &"incoming_request");
    assert!(types.contains(&&json!("first_token")), "{types:?}");
    let incoming = page["records"].as_array().unwrap().last().unwrap();
    assert_eq!(incoming["model"], "gpt-5.2");
    assert_eq!(incoming["path"], "/v1/chat/completions");
    assert_eq!(incoming["conversation"], Value::Null);

    let page = json(&service, "/logs/api/requests").await;
    let [summary] = page["requests"].as_array().unwrap().as_slice() else {
        panic!("{page}");
    };
    assert_eq!(summary["state"], "done");
    assert_eq!(summary["status"], 200);
    assert_eq!(summary["usage"]["cached"], 4);
    assert_eq!(summary["conversation"], MADE_UP);

    let id = summary["id"].as_str().unwrap();
    let detail = json(&service, &format!("/logs/api/requests/{id}")).await;
    assert_eq!(detail["request"], *summary);
    assert_eq!(each(&detail["records"], "type")[0], "incoming_request");
    assert_eq!(
        each(&detail["bodies"], "kind"),
        ["headers", "request", "reply"]
    );
    let reply = detail["bodies"][2]["text"].as_str().unwrap();
    let reply: Value = serde_json::from_str(reply).unwrap();
    assert_eq!(reply["choices"][0]["message"]["content"], "Hello");
}

#[tokio::test]
async fn what_looks_at_the_log_is_not_in_it() {
    let service = Service::start().await;
    for path in [
        "/logs",
        "/logs/api/records",
        "/logs/api/requests",
        "/logs/none",
        "/health",
    ] {
        service.get(path).send().await.unwrap();
    }
    assert_is_empty(&service).await;
}

#[tokio::test]
async fn secrets_are_not_in_the_log() {
    let mut service = Service::start_with(key).await;
    let secret = "sk-proj-Ab1cdEf2gh3Ij4kl5Mn6op7Qr8";
    let body = json!({
        "model": "gpt-5.2",
        "messages": [{"role": "user", "content": format!("my key is {secret}")}],
    });
    let asked = service
        .chat(&body)
        .bearer_auth("secret")
        .header("cookie", "sid=qwertz");
    let asked = tokio::spawn(async { asked.send().await.unwrap() });
    let turn = service.turn().await;
    turn.text("no api_key=\"qwertz\" from me").await;
    turn.finish().await;
    asked.await.unwrap();
    let mut seen = String::new();
    for path in [
        "/logs/api/records",
        "/logs/api/requests",
        "/logs/api/export?format=har",
    ] {
        let response = service
            .get(path)
            .bearer_auth("secret")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        seen.push_str(&response.text().await.unwrap());
    }
    assert!(seen.contains("my key is [redacted]"), "{seen}");
    assert!(seen.contains("Bearer [redacted]"), "{seen}");
    for hidden in [secret, "qwertz", "Bearer secret"] {
        assert!(!seen.contains(hidden), "{hidden} in {seen}");
    }
}

#[tokio::test]
async fn filters_choose_and_pages_go_on() {
    let mut service = Service::start().await;
    answered(&mut service, &request("gpt-5.2", false)).await;
    answered(&mut service, &request("2.5-tpg", false)).await;
    let refused = service
        .chat(&request("logged-out", false))
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 401);

    let models = async |query: &str| {
        let page = json(&service, &format!("/logs/api/requests{query}")).await;
        let models = each(&page["requests"], "model").into_iter().cloned();
        (models.collect::<Vec<_>>(), page["more"] == true)
    };
    let all = [json!("logged-out"), json!("2.5-tpg"), json!("gpt-5.2")];
    assert_eq!(models("").await, (all.to_vec(), false));
    assert_eq!(models("?limit=1").await, (all[..1].to_vec(), true));
    assert_eq!(models("?status=error").await, (all[..1].to_vec(), false));
    assert_eq!(models("?status=401").await, (all[..1].to_vec(), false));
    assert_eq!(models("?status=ok").await, (all[1..].to_vec(), false));
    assert_eq!(models("?status=running").await, (Vec::new(), false));
    assert_eq!(models("?model=TPG").await.0, all[1..2]);
    let newest = &json(&service, "/logs/api/requests?limit=1").await["requests"][0];
    let before = format!("?before={}", newest["seq"]);
    assert_eq!(models(&before).await, (all[1..].to_vec(), false));

    let types = async |query: &str| {
        let page = json(&service, &format!("/logs/api/records{query}")).await;
        each(&page["records"], "type")
            .into_iter()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(types("?type=request_failed").await, ["request_failed"]);
    let ends = types("?type=request_failed,cursor_response").await;
    assert_eq!(
        ends,
        ["request_failed", "cursor_response", "cursor_response"]
    );
    let of_one = format!("?request={}", newest["id"].as_str().unwrap());
    assert_eq!(types(&of_one).await, ["request_failed", "incoming_request"]);
    assert_eq!(types("?q=Log%20In%20first").await, ["request_failed"]);
    assert_eq!(
        types(&format!("?conversation={MADE_UP}&limit=1")).await,
        ["cursor_response"]
    );
    assert_eq!(types("?after=100000").await, Vec::<Value>::new());
    assert_eq!(
        types("?status=error").await,
        ["request_failed", "incoming_request"]
    );
    assert_eq!(types("?status=lost").await, Vec::<Value>::new());
    assert_eq!(types("?status=error&model=gpt").await, Vec::<Value>::new());
    assert_eq!(
        types("?model=logged-out&type=request_failed").await,
        ["request_failed"]
    );
}

#[tokio::test]
async fn a_conversation_has_its_requests_from_their_arrival() {
    let mut service = Service::start().await;
    answered(&mut service, &request("gpt-5.2", false)).await;
    let refused = service.chat(&request("logged-out", false)).send().await;
    assert_eq!(refused.unwrap().status(), 401);
    // It came in before anybody knew its conversation.
    let path = format!("/logs/api/records?conversation={MADE_UP}");
    let page = json(&service, &path).await;
    let types = each(&page["records"], "type");
    assert_eq!(types.last().unwrap(), &"incoming_request");
    assert!(!types.contains(&&json!("request_failed")), "{types:?}");
}

#[tokio::test]
async fn a_request_that_is_refused_for_a_field_shows_its_model_all_the_same() {
    let service = Service::start().await;
    let mut body = request("2.5-tpg", true);
    body["n"] = json!(2);
    let response = service.chat(&body).send().await.unwrap();
    assert_eq!(response.status(), 400);
    let page = json(&service, "/logs/api/requests?model=2.5-tpg").await;
    let summary = &page["requests"][0];
    assert_eq!(summary["state"], "failed");
    assert_eq!(summary["stream"], true);
    assert_eq!(summary["messages"], 1);
}

#[tokio::test]
async fn what_a_client_says_is_bounded_in_the_log() {
    let service = Service::start_with(key).await;
    let long = "long".repeat(2_500);
    let stranger = service
        .get(&format!("/{long}"))
        .header("user-agent", &long)
        .send()
        .await
        .unwrap();
    assert_eq!(stranger.status(), 401);
    let known = |request: reqwest::RequestBuilder| request.bearer_auth("secret").send();
    let mut refused = request(&"m".repeat(1_000_000), false);
    refused["n"] = json!(2);
    let refused = known(service.chat(&refused)).await;
    assert_eq!(refused.unwrap().status(), 400);
    let page = known(service.get("/logs/api/records")).await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.len() < 20_000, "{}", page.len());
    let page: Value = serde_json::from_str(&page).unwrap();
    let last = page["records"].as_array().unwrap().last().unwrap();
    let detail = format!("/logs/api/requests/{}", last["request"].as_str().unwrap());
    let detail: Value = known(service.get(&detail))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    // Of strangers, nothing but the records is kept.
    assert_eq!(detail["bodies"], json!([]));
}

#[tokio::test]
async fn parameters_that_mean_nothing_are_refused_by_name() {
    let service = Service::start().await;
    for (path, param) in [
        ("/logs/api/records?limit=0", "limit"),
        ("/logs/api/records?limit=1001", "limit"),
        ("/logs/api/records?limit=many", "limit"),
        ("/logs/api/records?before=-1", "before"),
        ("/logs/api/records?after=x", "after"),
        ("/logs/api/records?type=parked,nonsense", "type"),
        ("/logs/api/records?status=fine", "status"),
        ("/logs/api/records?q=a&q=b", "q"),
        ("/logs/api/requests?status=fine", "status"),
        ("/logs/api/requests?status=99", "status"),
        ("/logs/api/requests?after=1", "after"),
        ("/logs/api/requests/x?full=1", "full"),
        ("/logs/api/requests/x/curl?full=1", "full"),
        ("/logs/api/export?format=pdf", "format"),
        ("/logs/api/export?format=har&limit=1001", "limit"),
        ("/logs/api/export?limit=10001", "limit"),
    ] {
        let response = service.get(path).send().await.unwrap();
        assert_eq!(response.status(), 400, "{path}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["type"], "invalid_request_error", "{path}");
        assert_eq!(body["error"]["param"], param, "{path}");
    }
    let everything = service
        .get("/logs/api/records?limit=&before=&q=")
        .send()
        .await
        .unwrap();
    assert_eq!(everything.status(), 200);
}

#[tokio::test]
async fn requests_that_are_not_there_are_404() {
    let service = Service::start().await;
    for path in ["/logs/api/requests/none", "/logs/api/requests/a%2Fb/curl"] {
        let response = service.get(path).send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "log_request_not_found", "{path}");
    }
}

#[tokio::test]
async fn a_request_is_found_by_the_clients_own_id_and_repeated_by_curl() {
    let mut service = Service::start_with(key).await;
    let body = request("gpt-5.2", false);
    let asked = service
        .chat(&body)
        .bearer_auth("secret")
        .header("x-request-id", "mine/1");
    let asked = tokio::spawn(async { asked.send().await.unwrap() });
    service.turn().await.finish().await;
    asked.await.unwrap();
    let curl = service
        .get("/logs/api/requests/mine%2F1/curl")
        .bearer_auth("secret");
    let curl = curl
        .header("x-forwarded-proto", "https")
        .header("host", "proxy.example");
    let response = curl.send().await.unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "text/plain; charset=utf-8"
    );
    let command = response.text().await.unwrap();
    assert!(
        command.contains("curl 'https://proxy.example/v1/chat/completions'"),
        "{command}"
    );
    assert!(
        command.contains("\"authorization: Bearer $PROXY_API_KEY\""),
        "{command}"
    );
    assert!(command.contains(&format!("\n{body}\nEOF\n")), "{command}");
}

#[tokio::test]
async fn exports_are_files() {
    let mut service = Service::start().await;
    answered(&mut service, &request("gpt-5.2", false)).await;
    answered(&mut service, &request("gpt-5.2", true)).await;
    let response = service
        .get("/logs/api/export?type=incoming_request")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    assert_eq!(
        response.headers()["content-disposition"],
        "attachment; filename=\"logs.jsonl\""
    );
    let lines = response.text().await.unwrap();
    let records: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let streams: Vec<&Value> = records.iter().map(|record| &record["stream"]).collect();
    assert_eq!(streams, [false, true]);

    for (query, count) in [("", 2), ("&limit=1", 1), ("&type=expired", 0)] {
        let path = format!("/logs/api/export?format=har{query}");
        let response = service.get(&path).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(
            response.headers()["content-disposition"],
            "attachment; filename=\"logs.har\""
        );
        let archive: Value = response.json().await.unwrap();
        let entries = archive["log"]["entries"].as_array().unwrap();
        assert_eq!(entries.len(), count, "{query}");
        for entry in entries {
            assert_eq!(entry["request"]["url"], service.url("/v1/chat/completions"));
            assert!(
                entry["response"]["content"]["text"]
                    .as_str()
                    .unwrap()
                    .contains("Hello")
            );
        }
    }
}

#[tokio::test]
async fn the_log_can_be_cleared() {
    let mut service = Service::start().await;
    answered(&mut service, &request("gpt-5.2", false)).await;
    let kept = json(&service, "/logs/api/records").await;
    let count = kept["records"].as_array().unwrap().len();
    let delete = service.client.delete(service.url("/logs/api/records"));
    let cleared: Value = delete.send().await.unwrap().json().await.unwrap();
    assert_eq!(cleared, json!({"deleted": count}));
    assert_is_empty(&service).await;
}

#[tokio::test]
async fn bodies_stay_out_where_the_settings_say_so() {
    let mut service =
        Service::start_with(|config| config.logs.bodies = crate::config::KeptBodies::Off).await;
    answered(&mut service, &request("gpt-5.2", false)).await;
    let summary = &json(&service, "/logs/api/requests").await["requests"][0];
    assert_eq!(summary.get("preview"), None);
    let id = summary["id"].as_str().unwrap();
    let detail = json(&service, &format!("/logs/api/requests/{id}")).await;
    assert_eq!(detail["bodies"], json!([]));
    let curl = service
        .get(&format!("/logs/api/requests/{id}/curl"))
        .send()
        .await
        .unwrap();
    assert!(
        curl.text()
            .await
            .unwrap()
            .contains("# Its body was not kept.")
    );
}
