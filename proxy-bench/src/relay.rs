//! The floor: a relay on hyper that copies what it gets, and does nothing else.

use crate::listen::{Listening, raise_limits};
use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::{
    Request, Response, StatusCode, Uri,
    body::Incoming,
    header::{
        CONNECTION, HeaderMap, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
        TRANSFER_ENCODING, UPGRADE,
    },
    http::uri::{Authority, Scheme},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use std::{convert::Infallible, net::SocketAddr};
use tokio::net::TcpStream;

/// Headers that are about one connection.
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// What `proxy-bench relay` is told.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The server behind it, such as `http://127.0.0.1:8000`.
    #[arg(long, value_name = "URL")]
    to: Uri,
}

type Upstream = Client<HttpConnector, Incoming>;
type Body = Either<Incoming, Full<Bytes>>;

/// Listens, tells where on standard output, and relays until the process ends.
///
/// # Errors
/// Where it cannot listen, or the server's URL names no host.
pub async fn run(options: &Options) -> Result<()> {
    raise_limits();
    let to = options.to.authority().context("the URL names no host")?;
    let listening = Listening::bind(options.listen).await?;
    listening.announce()?;
    serve(listening, to.clone()).await;
    Ok(())
}

/// Relays to a server until it is dropped.
pub async fn serve(listening: Listening, to: Authority) {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let upstream: Upstream = Client::builder(TokioExecutor::new()).build(connector);
    listening
        .serve(move |stream| connection(stream, upstream.clone(), to.clone()))
        .await;
}

async fn connection(stream: TcpStream, upstream: Upstream, to: Authority) {
    let service = service_fn(|request| relay(request, &upstream, &to));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // A connection that breaks has told its client.
    let _ = connection.await;
}

async fn relay(
    mut request: Request<Incoming>,
    upstream: &Upstream,
    to: &Authority,
) -> Result<Response<Body>, Infallible> {
    let mut uri = std::mem::take(request.uri_mut()).into_parts();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(to.clone());
    // A path that came in a request is a path.
    *request.uri_mut() = Uri::from_parts(uri).unwrap_or_default();
    strip(request.headers_mut());
    let relayed = upstream.request(request).await;
    Ok(match relayed {
        Ok(mut response) => {
            strip(response.headers_mut());
            response.map(Either::Left)
        }
        Err(error) => {
            let mut response = Response::new(Either::Right(error.to_string().into()));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    })
}

fn strip(headers: &mut HeaderMap) {
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        pattern::Order,
        upstream::tests::{post, upstream},
    };
    use http_body_util::BodyExt;
    use serde_json::json;
    use std::time::{Duration, Instant};

    async fn relay_to(to: SocketAddr) -> SocketAddr {
        let listening = Listening::bind("127.0.0.1:0".parse().unwrap()).await;
        let listening = listening.unwrap();
        let address = listening.address();
        tokio::spawn(serve(listening, to.to_string().parse().unwrap()));
        address
    }

    #[tokio::test]
    async fn a_stream_is_relayed_while_it_is_produced() {
        let address = relay_to(upstream().await).await;
        let prompt = Order {
            deltas: 20,
            ..Order::paced(1)
        }
        .prompt();
        let body = json!({ "messages": [{ "role": "user", "content": prompt }], "stream": true });
        let mut response = post(address, "/v1/chat/completions", &body).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut times = Vec::new();
        let mut text = String::new();
        while let Some(frame) = response.body_mut().frame().await {
            times.push(Instant::now());
            text += std::str::from_utf8(frame.unwrap().data_ref().unwrap()).unwrap();
        }
        assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
        assert!(times.len() >= 20, "{times:?}");
        assert!(
            times[times.len() - 1] - times[0] > Duration::from_millis(300),
            "{times:?}"
        );
    }

    #[tokio::test]
    async fn status_headers_and_body_come_as_they_are() {
        let address = relay_to(upstream().await).await;
        let mut order = Order::paced(1);
        order.fault = Some(crate::pattern::Fault::RateLimit);
        let response = post(
            address,
            "/v1/responses",
            &json!({ "input": order.prompt() }),
        )
        .await;
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()["retry-after"], "1");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(body.starts_with(b"{\"error\":"), "{body:?}");
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_a_bad_gateway() {
        let listener = Listening::bind("127.0.0.1:0".parse().unwrap()).await;
        let nobody = listener.unwrap().address();
        let response = post(relay_to(nobody).await, "/v1/responses", &json!({})).await;
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    }
}
