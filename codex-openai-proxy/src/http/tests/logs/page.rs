//! The page and its files.

use super::*;

#[tokio::test]
async fn the_page_is_served_with_its_policy_and_asks_for_no_key() {
    let service = Service::start_with(key).await;
    for (path, content_type) in [
        ("/logs", "text/html; charset=utf-8"),
        ("/logs/", "text/html; charset=utf-8"),
        ("/logs/assets/logs.css", "text/css; charset=utf-8"),
        ("/logs/assets/logs.js", "text/javascript; charset=utf-8"),
        (
            "/logs/assets/logs/live.js",
            "text/javascript; charset=utf-8",
        ),
    ] {
        let response = service.get(path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let headers = response.headers().clone();
        assert_eq!(headers["content-type"], content_type);
        assert_eq!(headers["cache-control"], "no-cache");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(
            headers["content-security-policy"],
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'"
        );
        assert!(!response.bytes().await.unwrap().is_empty());
        let again = service.get(path).header("if-none-match", &headers["etag"]);
        let response = again.send().await.unwrap();
        assert_eq!(response.status(), 304, "{path}");
        assert_eq!(response.headers()["etag"], headers["etag"]);
        assert!(response.bytes().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn other_files_are_not_served() {
    let service = Service::start().await;
    for path in [
        "/logs/assets/none.js",
        "/logs/assets/README.md",
        "/logs/assets/..%2FCargo.toml",
        "/logs/assets/%2e%2e/Cargo.toml",
        "/logs/assets/logs",
    ] {
        let response = service.get(path).send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn the_page_can_be_read_from_a_folder_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("logs.html");
    std::fs::write(&page, "one").unwrap();
    std::fs::write(folder.path().join("new.js"), "new").unwrap();
    let service =
        Service::start_with(|config| config.logs.page_folder = Some(folder.path().to_owned()))
            .await;
    let text = async |path: &str| {
        let response = service.get(path).send().await.unwrap();
        let tag = response.headers().get("etag").cloned();
        (
            response.status().as_u16(),
            tag,
            response.text().await.unwrap(),
        )
    };
    let (_, one, body) = text("/logs").await;
    assert_eq!(body, "one");
    std::fs::write(&page, "two").unwrap();
    let (_, two, body) = text("/logs").await;
    assert_eq!(body, "two");
    assert_ne!(one, two);
    assert_eq!(text("/logs/assets/new.js").await.2, "new");
    assert_eq!(text("/logs/assets/logs.js").await.0, 404);
}

#[tokio::test]
async fn without_a_key_the_page_is_for_direct_requests() {
    let service = Service::start().await;
    assert_eq!(service.get("/logs").send().await.unwrap().status(), 200);
    for path in ["/logs", "/logs/assets/logs.js"] {
        let response = service
            .get(path)
            .header("cf-ray", "1")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 401, "{path}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "api_key_not_set");
    }
}
