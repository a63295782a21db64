//! One provider, and calls to it.

use super::{
    breaker::{Breaker, Change, Outcome},
    client::{self, Urls},
    models::ModelList,
    names::Names,
    refusal,
    reply::{Reply, ReplyBody, cause},
    retry::{self, Again, Failure},
};
use crate::{
    config::{Secret, UpstreamSettings, WireApi},
    traffic::{Event, RequestLog},
    turn::TurnError,
};
use backon::Retryable;
use bytes::Bytes;
use chrono::Utc;
use http::{HeaderValue, header};
use reqwest::Client;
use std::{fmt, sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A media type of requests and replies.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The media type of streams.
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// An HTTP provider.
pub struct Provider {
    name: String,
    wire_api: WireApi,
    /// The provider in messages: its name and its host. The rest of the URL may hold a key.
    whom: Arc<str>,
    client: Client,
    urls: Urls,
    timeout: Duration,
    idle_timeout: Duration,
    retries: u32,
    /// What is sent to it, and must not come back to clients.
    secrets: Box<[Secret]>,
    /// Cancelled when the process stops.
    stop: CancellationToken,
    breaker: Breaker,
    pub(super) names: Names,
    pub(super) list: Arc<ModelList>,
}

/// What a provider is asked.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// The model's name in `body`, for the log.
    pub model: &'a str,
    /// The request as JSON, in the provider's own protocol.
    pub body: Bytes,
    /// What `body` asks for.
    pub expects: Expects,
    /// Where `body` comes from.
    pub handling: Handling,
}

/// The form of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expects {
    /// Events.
    Stream,
    /// One JSON document.
    Whole,
}

/// What was done to a request before it goes to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// It is the client's, but for the model's name.
    Relayed,
    /// It was written from a turn.
    Translated,
}

impl Provider {
    /// A provider of these settings. No connection is made.
    pub(super) fn new(
        settings: &UpstreamSettings,
        stop: CancellationToken,
    ) -> Result<Self, reqwest::Error> {
        let client = client::build(settings)?;
        let urls = Urls::of(settings);
        let host = urls.call.host_str().unwrap_or_default();
        let whom = match urls.call.port() {
            Some(port) => format!("the provider '{}' ({host}:{port})", settings.name),
            None => format!("the provider '{}' ({host})", settings.name),
        };
        Ok(Self {
            name: settings.name.clone(),
            wire_api: settings.wire_api,
            whom: whom.into(),
            list: Arc::new(ModelList::new(client.clone(), urls.models.clone())),
            client,
            urls,
            timeout: settings.timeout,
            idle_timeout: settings.idle_timeout,
            retries: settings.retries,
            secrets: settings.secrets().cloned().collect(),
            stop,
            breaker: Breaker::new(),
            names: Names::of(settings),
        })
    }

    /// Its name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it speaks.
    #[must_use]
    pub fn wire_api(&self) -> WireApi {
        self.wire_api
    }

    /// Calls it and waits for the beginning of its reply, again and again where it is busy, fails or
    /// cannot be reached, as often as the configuration says. What of it happens is told to `log`.
    /// Dropping the future ends the call.
    ///
    /// A call is repeated only as long as nothing of a reply has come. One that took too long is not:
    /// the provider would begin the same work anew.
    ///
    /// # Errors
    ///
    /// [`TurnError::Provider`] with what the provider says for itself;
    /// [`TurnError::ProviderUnavailable`] where it has failed so often that it is left alone;
    /// [`TurnError::Timeout`] and [`TurnError::Upstream`] where it does not answer;
    /// [`TurnError::Unavailable`] where the process stops.
    pub async fn call(&self, call: Call<'_>, log: &RequestLog) -> Result<Reply, TurnError> {
        let mut attempts = 0;
        let attempt = || {
            attempts += 1;
            self.attempt(&call, attempts, log)
        };
        let answer = attempt
            .retry(retry::pauses(self.retries))
            .when(|failure| failure.again != Again::Never && self.breaker.is_closed())
            .adjust(|failure, pause| failure.again.pause(pause))
            .notify(|failure, pause| {
                let seconds = pause.as_secs_f32();
                let detail = format!("{}, once more in {seconds:.1} s", self.describe(failure));
                log.publish(Event::Warning {
                    what: "upstream_retried",
                    detail,
                });
            });
        tokio::select! {
            biased;
            answer = answer => answer.map_err(|failure| failure.error),
            () = self.stop.cancelled() => Err(TurnError::stopping()),
        }
    }

    /// One try, as far as the provider is not left alone.
    async fn attempt(
        &self,
        call: &Call<'_>,
        attempt: u32,
        log: &RequestLog,
    ) -> Result<Reply, Failure> {
        let permit = self.breaker.admit(Instant::now().into_std());
        let permit = permit.map_err(|retry_after| {
            Failure::last(TurnError::ProviderUnavailable {
                provider: self.name.clone(),
                retry_after,
            })
        })?;
        log.publish(Event::UpstreamForward {
            mapped_model: call.model.to_owned(),
            provider: self.name.clone(),
            wire_api: self.wire_api.as_str(),
            relayed: call.handling == Handling::Relayed,
            attempt,
        });
        let reply = self.send(call).await;
        let outcome = match &reply {
            Err(failure) if is_failure_of_provider(&failure.error) => Outcome::Failed,
            _ => Outcome::Alive,
        };
        match permit.report(outcome, Instant::now().into_std()) {
            Some(Change::Down(pause)) => log.publish(Event::Warning {
                what: "provider_down",
                detail: format!(
                    "{} keeps failing and is not asked for {} seconds",
                    self.whom,
                    pause.as_secs()
                ),
            }),
            Some(Change::Up) => log.publish(Event::Warning {
                what: "provider_up",
                detail: format!("{} answers again", self.whom),
            }),
            None => {}
        }
        reply
    }

    async fn send(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        let accept = match call.expects {
            Expects::Stream => EVENT_STREAM,
            Expects::Whole => JSON,
        };
        let request = self
            .client
            .post(self.urls.call.clone())
            .header(header::CONTENT_TYPE, JSON)
            .header(header::ACCEPT, accept)
            .body(call.body.clone());
        let response = match tokio::time::timeout(self.timeout, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.unsent(&error)),
            Err(_) => {
                let seconds = self.timeout.as_secs();
                let message = format!("{} did not answer for {seconds} seconds", self.whom);
                return Err(Failure::last(TurnError::Timeout { message }));
            }
        };
        let status = response.status();
        let headers = response.headers().clone();
        let body = ReplyBody::new(
            response,
            Arc::clone(&self.whom),
            self.timeout,
            self.idle_timeout,
            self.stop.clone(),
        );
        if status.is_success() {
            return Ok(Reply {
                status: status.as_u16(),
                headers,
                body,
            });
        }
        let error = refusal::read(&self.name, status, &headers, body, &self.secrets).await;
        let again = if refusal::is_of_quota(&error) {
            Again::Never
        } else {
            Again::of(status, &headers, Utc::now())
        };
        Err(Failure {
            error: TurnError::Provider(Box::new(error)),
            again,
        })
    }

    /// A call that got no reply at all.
    fn unsent(&self, error: &reqwest::Error) -> Failure {
        let (whom, cause) = (&self.whom, cause(error));
        let error = if error.is_connect() && error.is_timeout() {
            let message = format!("{whom} took too long to connect to");
            TurnError::Timeout { message }
        } else if error.is_connect() {
            let message = format!("{whom} cannot be reached: {cause}");
            TurnError::Upstream { message }
        } else {
            let message = format!("{whom} closed the connection without an answer: {cause}");
            TurnError::Upstream { message }
        };
        Failure {
            error,
            again: Again::Soon,
        }
    }

    /// A failure for the log: its message, and the status where it has one.
    fn describe(&self, failure: &Failure) -> String {
        match &failure.error {
            TurnError::Provider(error) => {
                format!("{} answered {}: {}", self.whom, error.status, error.message)
            }
            error => error.to_string(),
        }
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client and the URLs hold keys.
        f.debug_struct("Provider")
            .field("name", &self.name)
            .field("wire_api", &self.wire_api)
            .field("breaker", &self.breaker)
            .finish_non_exhaustive()
    }
}

/// Whether an error says that the provider is not well. A refusal, and be it of too many requests,
/// shows that it lives.
fn is_failure_of_provider(error: &TurnError) -> bool {
    match error {
        TurnError::Provider(error) => error.status >= 500,
        _ => true,
    }
}
