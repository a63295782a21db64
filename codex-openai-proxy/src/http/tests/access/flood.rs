//! Strangers who come in crowds.

use super::*;

async fn records(service: &Service, query: &str) -> Vec<Value> {
    let records = service.get(&format!("/logs/api/records?limit=500&{query}"));
    let response = records.bearer_auth("secret").send().await.unwrap();
    let mut page: Value = response.json().await.unwrap();
    serde_json::from_value(page["records"].take()).unwrap()
}

#[tokio::test]
async fn strangers_do_not_fill_the_log_and_are_counted_all_the_same() {
    let service = Service::start_with(key).await;
    let refused = async |path: &str, key: Option<&str>| {
        let request = service.get(path);
        let request = match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        request.send().await.unwrap()
    };
    for _ in 0..60 {
        assert_eq!(refused("/v1/models", None).await.status(), 401);
        refused("/v1/models", Some("guess")).await;
        refused("/logs/api/records", Some("guess")).await;
        refused("/health", Some("guess")).await;
        let wrong_method = service.client.post(service.url("/health"));
        assert_eq!(wrong_method.send().await.unwrap().status(), 405);
    }
    let models = service.get("/v1/models").bearer_auth("secret");
    assert_eq!(models.send().await.unwrap().status(), 200);

    let incoming = records(&service, "type=incoming_request").await;
    // One more comes back every two seconds.
    assert!((20..40).contains(&incoming.len()), "{}", incoming.len());
    assert_eq!(incoming[0]["key"], "test");
    let warnings = records(&service, "type=warning").await;
    let refused: Vec<_> = warnings
        .iter()
        .filter(|warning| warning["what"] == "refused")
        .collect();
    let [summary] = refused.as_slice() else {
        panic!("{warnings:?}");
    };
    let detail = summary["detail"].as_str().unwrap();
    assert!(detail.contains("127.0.0.1"), "{detail}");
    assert!(warnings.len() < 20, "{}", warnings.len());
    let figures = service.get("/metrics").bearer_auth("secret");
    let figures = figures.send().await.unwrap().text().await.unwrap();
    let counted: f64 = figures
        .lines()
        .filter(|line| line.starts_with("codex_proxy_requests_total{"))
        .filter(|line| line.contains("route=\"models\"") && !line.contains("status=\"200\""))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum();
    assert!((counted - 120.0).abs() < 0.1, "{figures}");
}
