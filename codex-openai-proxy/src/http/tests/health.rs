//! How the service is, as those see it who watch it.

use super::*;
use crate::{
    config::UpstreamSettings,
    engine::upstream::tests::server::{Answer, Server as Provider},
    http::{
        handlers,
        phase::{CurrentPhase, Phase},
        routes::HealthView,
    },
};
use http::{Request, StatusCode};

/// A service that knows `provider` as `near`, and asks it once.
async fn with_provider(provider: &Provider) -> Service {
    let mut settings = UpstreamSettings::new("near", provider.url("v1"));
    settings.retries = 0;
    Service::start_with(|config| config.upstreams = vec![settings]).await
}

async fn read(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    (response.status().as_u16(), response.json().await.unwrap())
}

/// The fields of a report.
fn fields(report: &Value) -> Vec<&str> {
    let mut fields: Vec<_> = report
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    fields.sort_unstable();
    fields
}

const PUBLIC: [&str; 4] = ["engine", "status", "uptime_seconds", "version"];

#[tokio::test]
async fn a_program_on_this_machine_is_told_everything_where_there_is_no_key() {
    let service = Service::start().await;
    let (status, report) = read(service.get("/health")).await;
    assert_eq!(status, 200);
    assert_eq!(report["status"], "ok");
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    assert!(report["uptime_seconds"].as_u64().unwrap() < 60);
    let engine = json!({"ready": false, "reason": "no login"});
    assert_eq!(report["engine"], engine);
    assert_eq!(report["login"], Value::Null);
    assert_eq!(report["providers"], json!([]));
    assert_eq!(report["unready"], "no_engine");
    let threads = json!({"live": 0, "parked": 0, "waiting": 0});
    assert_eq!(report["threads"], threads);
}

#[tokio::test]
async fn strangers_are_told_that_the_process_lives_and_whether_it_could_answer() {
    let service = Service::start_with(key).await;
    let shown =
        |name: &'static str, value: &'static str| service.get("/health").header(name, value);
    for request in [
        service.get("/health"),
        shown("authorization", "Bearer wrong"),
        shown("x-forwarded-for", "203.0.113.9"),
    ] {
        let (status, report) = read(request).await;
        assert_eq!(status, 200);
        assert_eq!(fields(&report), PUBLIC);
        assert_eq!(report["engine"], json!({"ready": false}));
    }
    let (_, report) = read(shown("authorization", "Bearer secret")).await;
    assert_eq!(report["engine"]["reason"], "no login");
    assert!(report.get("providers").is_some());

    let open = Service::start().await;
    let tunnelled = open.get("/health").header("cf-ray", "1");
    let (_, report) = read(tunnelled).await;
    assert_eq!(fields(&report), PUBLIC);
}

#[tokio::test]
async fn whoever_tries_keys_here_is_seen_in_the_log() {
    let service = Service::start_with(key).await;
    let wrong = service.get("/health").header("x-api-key", "guess");
    read(wrong).await;
    let records = service.get("/logs/api/records").bearer_auth("secret");
    let records = records.send().await.unwrap().text().await.unwrap();
    assert!(records.contains("\"wrong_key\""), "{records}");
    assert!(!records.contains("guess"), "{records}");
}

#[tokio::test]
async fn what_was_seen_of_a_provider_last_is_told() {
    let provider = Provider::new(|number| match number {
        0 => Answer::new(401, r#"{"error":{"message":"no such key"}}"#),
        1 => Answer::json(r#"{"data":[]}"#),
        2 => Answer::json(r#"{"choices":[]}"#),
        _ => Answer::new(503, ""),
    })
    .await;
    let service = with_provider(&provider).await;
    let check = async || {
        let (_, report) = read(service.get("/health")).await;
        let near = &report["providers"][0];
        assert_eq!(near["name"], "near");
        assert_eq!(near["wire_api"], "chat");
        assert_eq!(near["breaker"], "closed");
        near["last_check"].clone()
    };
    let ask = async || {
        let sent = service.chat(&request("near/llama3", false)).send();
        sent.await.unwrap().status().as_u16()
    };
    assert_eq!(check().await, Value::Null);
    ask().await;
    let refused = check().await;
    assert_eq!(refused["ok"], false);
    assert_eq!(refused["by"], "call");
    assert_eq!(refused["detail"], "it answered 401");
    assert!(refused["at"].as_str().unwrap().ends_with('Z'));
    service.get("/v1/models").send().await.unwrap();
    let listed = check().await;
    assert_eq!(
        (&listed["by"], &listed["ok"]),
        (&json!("models"), &json!(true))
    );
    assert_eq!(ask().await, 200);
    let answered = check().await;
    assert_eq!(
        (&answered["by"], &answered["ok"]),
        (&json!("call"), &json!(true))
    );
    assert_eq!(answered["detail"], Value::Null);
    ask().await;
    assert_eq!(check().await["detail"], "it answered 503");
}

#[tokio::test]
async fn a_provider_that_keeps_failing_makes_the_service_unready() {
    let provider = Provider::new(|_| Answer::new(503, "")).await;
    let service = with_provider(&provider).await;
    let ready = || read(service.get("/health/ready"));
    assert_eq!(ready().await, (200, json!({"status": "ready"})));
    for _ in 0..5 {
        let sent = service.chat(&request("near/llama3", false));
        sent.send().await.unwrap();
    }
    let (status, probe) = ready().await;
    assert_eq!((status, &probe["reason"]), (503, &json!("no_engine")));
    let (_, report) = read(service.get("/health")).await;
    assert_eq!(report["providers"][0]["breaker"], "open");
    assert_eq!(report["unready"], "no_engine");
}

#[tokio::test]
async fn probes_tell_living_from_ready() {
    let service = Service::start_with(key).await;
    let live = read(service.get("/health/live")).await;
    assert_eq!(live, (200, json!({"status": "ok"})));
    let ready = json!({"status": "not_ready", "reason": "no_engine"});
    assert_eq!(read(service.get("/health/ready")).await, (503, ready));
    let known = service.get("/health/ready").bearer_auth("secret");
    assert_eq!(read(known).await.1["detail"], "no login");
}

#[tokio::test]
async fn a_service_that_starts_or_stops_is_not_ready() {
    let (sender, _turns) = mpsc::unbounded_channel();
    let engine = StubEngine {
        turns: sender,
        running: Mutex::default(),
    };
    let config = Config::new(PathBuf::new(), PathBuf::new());
    let (_, inbox) = traffic::channel(config.logs.bodies);
    let logs = crate::config::LogSettings {
        max_bytes: 0,
        ..config.logs.clone()
    };
    let traffic = Traffic::start(inbox, &config.home, &logs).await;
    let state = AppState::new(config, Arc::new(engine), traffic).unwrap();
    let (head, ()) = Request::new(()).into_parts();
    let status = |phase: &CurrentPhase, now| {
        phase.set(now);
        handlers::health::get(&state, HealthView::Ready, &head).status()
    };
    for phase in [Phase::Starting, Phase::Draining, Phase::Serving] {
        let found = status(&state.phase, phase);
        // The engine of these tests has no login.
        assert_eq!(found, StatusCode::SERVICE_UNAVAILABLE, "{phase:?}");
    }
}
