//! Heads of requests as only somebody with bad intentions, or a strange client, sends them.

use super::*;

type Case<'a> = (&'a str, &'a [&'a str], u16);

async fn check(door: &Door, peer: &str, cases: &[Case<'_>]) {
    for (line, headers, expected) in cases {
        let status = door.status(peer, line, headers).await;
        assert_eq!(status, *expected, "{peer}: {line} {headers:?}");
    }
}

const MODELS: &str = "GET /v1/models";

#[tokio::test]
async fn without_a_key_each_name_that_a_request_gives_us_has_to_be_one_of_this_machine() {
    let door = Door::open(|_| ()).await;
    let evil = "GET http://evil.example/v1/models";
    check(
        &door,
        LOCAL,
        &[
            (MODELS, &["host: 127.0.0.1:11435"], 200),
            (MODELS, &["host: [::1]:11435"], 200),
            (MODELS, &["host: [::ffff:127.0.0.1]"], 200),
            (MODELS, &["host: LOCALHOST"], 200),
            (MODELS, &["host: localhost", "host: localhost"], 200),
            ("GET http://localhost/v1/models", &["host: localhost"], 200),
            ("GET http://127.0.0.1:1/v1/models", &[], 200),
            (MODELS, &[], 401),
            (MODELS, &["host:"], 401),
            (MODELS, &["host: localhost", "host: evil.example"], 401),
            (MODELS, &["host: evil.example", "host: localhost"], 401),
            (MODELS, &["host: localhost, evil.example"], 401),
            (MODELS, &["host: evil.example#@localhost"], 401),
            (MODELS, &["host: localhost@evil.example"], 401),
            (MODELS, &["host: evil.example@localhost"], 401),
            (MODELS, &["host: localhost."], 401),
            (MODELS, &["host: x.localhost"], 401),
            (MODELS, &["host: localhost.evil.example"], 401),
            (MODELS, &["host: 127.0.0.1.nip.io"], 401),
            (MODELS, &["host: 0.0.0.0:11435"], 401),
            (MODELS, &["host: 0"], 401),
            (MODELS, &["host: [::]"], 401),
            (MODELS, &["host: [::1%25lo]:11435"], 401),
            (MODELS, &["host: [fe80::1%25lo]"], 401),
            (MODELS, &["host: [::ffff:192.0.2.1]"], 401),
            (MODELS, &["host: 2130706433"], 401),
            (MODELS, &["host: 0x7f.1"], 401),
            (MODELS, &["host: loc%61lhost"], 401),
            (evil, &[], 401),
            (evil, &["host: localhost"], 401),
            (
                "GET http://localhost/v1/models",
                &["host: evil.example"],
                401,
            ),
            (
                "GET http://evil@localhost/v1/models",
                &["host: localhost"],
                401,
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn without_a_key_a_request_that_came_through_anything_stays_out() {
    let door = Door::open(|_| ()).await;
    for header in [
        "Forwarded: for=127.0.0.1",
        "Via: 1.1 x",
        "X-Forwarded: x",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Host: localhost",
        "X-Forwarded-Proto: http",
        "X-Real-IP: 127.0.0.1",
        "X-Original-Host: localhost",
        "X-Original-URL: /",
        "X-Client-IP: 127.0.0.1",
        "X-Cluster-Client-IP: 127.0.0.1",
        "True-Client-IP: 127.0.0.1",
        "CF-Connecting-IP: 127.0.0.1",
        "CF-Ray: 1",
        "CDN-Loop: cloudflare",
        "Fly-Client-IP: 127.0.0.1",
        "Fastly-Client-IP: 127.0.0.1",
        "X-Envoy-External-Address: 127.0.0.1",
        "X-Amzn-Trace-Id: Root=1",
        "X-Amz-Cf-Id: 1",
        "X-Azure-ClientIP: 127.0.0.1",
        "X-Vercel-Id: 1",
        "Ngrok-Skip-Browser-Warning: 1",
        "Tailscale-User-Login: x",
        "X-Tunnel-Id: 1",
    ] {
        let status = door
            .status(LOCAL, MODELS, &["host: localhost", header])
            .await;
        assert_eq!(status, 401, "{header}");
    }
    // What clients send by themselves.
    for header in [
        "X-Stainless-Os: Linux",
        "X-Client-Info: x/1",
        "X-Request-Id: 1",
        "X-Title: x",
        "HTTP-Referer: https://app.example",
        "Proxy-Connection: keep-alive",
        "OpenAI-Organization: x",
        "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ] {
        let status = door
            .status(LOCAL, MODELS, &["host: localhost", header])
            .await;
        assert_eq!(status, 200, "{header}");
    }
}

#[tokio::test]
async fn a_name_that_leads_here_by_dns_opens_nothing() {
    for is_http2 in [false, true] {
        let service = Service::start().await;
        let client = client(|builder| {
            let builder = builder.resolve("evil.example", service.addr);
            if is_http2 {
                builder.http2_prior_knowledge()
            } else {
                builder
            }
        });
        let port = service.addr.port();
        for (host, expected) in [("localhost", 200), ("evil.example", 401)] {
            let url = format!("http://{host}:{port}/v1/models");
            let response = client.get(url).send().await.unwrap();
            assert_eq!(
                response.status(),
                expected,
                "{host} {:?}",
                response.version()
            );
        }
    }
}

#[tokio::test]
async fn a_key_is_taken_as_it_is_and_from_where_it_belongs() {
    let door = Door::open(|config| {
        let keys = [("a", "secret"), ("b", "other")];
        let keys = keys.map(|(name, key)| crate::config::ApiKey::new(name, key).unwrap());
        config.api_keys = keys.into();
    })
    .await;
    let long = format!("x-api-key: {}", "x".repeat(8000));
    let many = ["x-api-key: a"; 4];
    for (index, (headers, expected)) in [
        (&["authorization: Bearer secret"][..], 200),
        (&["AUTHORIZATION: bEARER   secret  "], 200),
        (&["api-key: other"], 200),
        (
            &["authorization: Bearer sk-wrong", "x-api-key: secret"],
            200,
        ),
        (
            &["authorization: Basic x", "authorization: Bearer other"],
            200,
        ),
        (
            &["authorization: Bearer", "api-key:", "x-api-key: secret"],
            200,
        ),
        (
            &[
                "authorization: Bearer secret",
                "host: evil.example",
                "via: 1.1 x",
            ],
            200,
        ),
        (&["authorization:"], 401),
        (&["authorization: Bearer"], 401),
        (&["authorization: secret"], 401),
        (&["authorization: Bearer\tsecret"], 401),
        (&["authorization: Bearer secret other"], 401),
        (&["authorization: Bearer secret, Bearer other"], 401),
        (&["authorization: Bearer \"secret\""], 401),
        (&["authorization: Bearer SECRET"], 401),
        (&["authorization: Bearer %73ecret"], 401),
        (&["authorization: Bearer sécret"], 401),
        (&["authorization: Bearer c2VjcmV0"], 401),
        (&["authorization: Basic OnNlY3JldA=="], 401),
        (&["proxy-authorization: Bearer secret"], 401),
        (&["x-api-key: secre"], 401),
        (&["x-api-key: secretx"], 401),
        (&["x-api-key: secret,other"], 401),
        (&["x_api_key: secret"], 401),
        (&["x-goog-api-key: secret"], 401),
        (&["cookie: codex_openai_proxy_logs=secret"], 401),
        (&[&long], 401),
        (&[many[0], many[1], many[2], "api-key: secret"], 200),
        // Nobody has so many keys. Whoever shows them is guessing.
        (
            &[many[0], many[1], many[2], many[3], "api-key: secret"],
            401,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        // Each from another address, so that nobody has shown too many wrong keys.
        let peer = format!("2001:db8:0:{index:x}::1");
        let status = door.status(&peer, MODELS, headers).await;
        assert_eq!(status, expected, "{headers:?}");
    }
}
