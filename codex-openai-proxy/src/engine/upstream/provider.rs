//! One provider, and calls to it.

use super::{
    breaker::{Breaker, Change, Outcome, Permit},
    client::{self, Urls},
    models::ModelList,
    names::Names,
    refusal,
    reply::{Reply, ReplyBody, cause},
    retry::{self, Again, Failure},
    trace,
    vitals::{Check, Standing, Vitals},
};
use crate::{
    config::{DialectSettings, Secret, UpstreamSettings, WireApi, is_on_this_machine},
    traffic::{Event, RequestLog},
    turn::TurnError,
};
use backon::Retryable;
use bytes::Bytes;
use chrono::Utc;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use reqwest::{Client, Response};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// A media type of requests and replies.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The media type of streams.
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// Headers of a client that concern whoever answers in the end: which parts of the API are wanted that
/// are no part of it yet, and which requests are one and the same.
const PASSED_ON: [HeaderName; 3] = [
    HeaderName::from_static("openai-beta"),
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("x-client-request-id"),
];

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
    /// Those headers that it always gets.
    own_headers: Box<[HeaderName]>,
    /// Whether a call was ever answered: before that there is no kept connection.
    has_answered: AtomicBool,
    /// Cancelled when the process stops.
    stop: CancellationToken,
    pub(super) breaker: Breaker,
    vitals: Arc<Vitals>,
    pub(super) dialect: DialectSettings,
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
    /// What goes with it besides the provider's own headers, which come first: see [`passed_on`].
    pub headers: HeaderMap,
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
        let vitals = Arc::<Vitals>::default();
        Ok(Self {
            name: settings.name.clone(),
            wire_api: settings.wire_api,
            whom: whom.into(),
            list: Arc::new(ModelList::new(
                client.clone(),
                urls.models.clone(),
                Arc::clone(&vitals),
            )),
            client,
            urls,
            timeout: settings.timeout,
            idle_timeout: settings.idle_timeout,
            retries: settings.retries,
            secrets: settings.secrets().cloned().collect(),
            own_headers: settings
                .headers
                .keys()
                .filter_map(|name| name.parse().ok())
                .collect(),
            has_answered: AtomicBool::new(false),
            stop,
            breaker: Breaker::new(),
            vitals,
            dialect: settings.dialect.clone(),
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

    /// Whether it is on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        is_on_this_machine(&self.urls.call)
    }

    /// Whether its settings name this model of it, or it has listed it or answered for it.
    #[must_use]
    pub fn knows(&self, model: &str) -> bool {
        let mut targets = self.names.aliases.values();
        self.names.plain.contains(model)
            || targets.any(|target| target == model)
            || self.list.has(model)
            || self.vitals.has_answered_for(model)
    }

    /// Whether it is asked now.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.breaker.standing(Instant::now().into_std())
    }

    /// What was seen of it last; `None` before it was asked for anything.
    #[must_use]
    pub fn last_check(&self) -> Option<Check> {
        self.vitals.last()
    }

    /// How many calls to it were made again because they had failed.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.vitals.retries()
    }

    /// Where it is.
    pub(super) fn host(&self) -> &str {
        self.urls.call.host_str().unwrap_or_default()
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
        let mut permit = self.admit()?;
        let mut attempts = 0;
        let attempt = || {
            attempts += 1;
            // It moves into what repeats it, and holds a whole request of HTTP.
            Box::pin(self.attempt(&call, attempts, log))
        };
        let answer = attempt
            .retry(retry::pauses(self.retries))
            .when(|failure| failure.again != Again::Never)
            .adjust(|failure, pause| failure.again.pause(pause))
            .notify(|failure, pause| {
                // A refusal is good news, and not to be kept for the end of a pause.
                if failure.outcome == Outcome::Alive {
                    self.report(&mut permit, Outcome::Alive, log);
                }
                self.vitals.retried();
                let seconds = pause.as_secs_f32();
                let failure = self.describe(failure);
                retried(log, format!("{failure}, once more in {seconds:.1} s"));
            });
        let answer = tokio::select! {
            biased;
            answer = answer => answer,
            () = self.stop.cancelled() => return Err(TurnError::stopping()),
        };
        let outcome = match &answer {
            Ok(_) => {
                self.vitals.answered(call.model);
                Outcome::Alive
            }
            Err(failure) => {
                self.vitals.failed(&failure.error, failure.outcome);
                failure.outcome
            }
        };
        self.report(&mut permit, outcome, log);
        answer.map_err(|failure| failure.error)
    }

    /// The leave to call it, with all repetitions.
    fn admit(&self) -> Result<Permit<'_>, TurnError> {
        let permit = self.breaker.admit(Instant::now().into_std());
        permit.map_err(|retry_after| TurnError::ProviderUnavailable {
            provider: self.name.clone(),
            retry_after,
        })
    }

    fn report(&self, permit: &mut Permit<'_>, outcome: Outcome, log: &RequestLog) {
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
    }

    /// One try.
    async fn attempt(
        &self,
        call: &Call<'_>,
        attempt: u32,
        log: &RequestLog,
    ) -> Result<Reply, Failure> {
        log.publish(Event::UpstreamForward {
            mapped_model: call.model.to_owned(),
            provider: self.name.clone(),
            wire_api: self.wire_api.as_str(),
            relayed: call.handling == Handling::Relayed,
            attempt,
        });
        let deadline = Instant::now() + self.timeout;
        let mut sent = timeout_at(deadline, self.send(call)).await;
        // A server may close a kept connection at the moment at which it is used again. That is no
        // failure of anybody's, and nothing to count.
        let is_first = attempt == 1 && self.has_answered.load(Relaxed);
        if is_first && matches!(&sent, Ok(Err(error)) if retry::has_hung_up(error)) {
            let whom = &self.whom;
            retried(log, format!("{whom} closed a kept connection, once more"));
            sent = timeout_at(deadline, self.send(call)).await;
        }
        match sent {
            Ok(Ok(response)) => {
                self.has_answered.store(true, Relaxed);
                self.read(response, deadline).await
            }
            Ok(Err(error)) => Err(self.unsent(&error)),
            Err(_) => {
                let seconds = self.timeout.as_secs();
                let message = format!("{} did not answer for {seconds} seconds", self.whom);
                let error = TurnError::Timeout { message };
                Err(Failure::last(error, Outcome::Unclear))
            }
        }
    }

    async fn send(&self, call: &Call<'_>) -> reqwest::Result<Response> {
        let accept = match call.expects {
            Expects::Stream => EVENT_STREAM,
            Expects::Whole => JSON,
        };
        let mut headers = call.headers.clone();
        for name in &self.own_headers {
            headers.remove(name);
        }
        headers.insert(header::CONTENT_TYPE, JSON);
        headers.insert(header::ACCEPT, accept);
        self.client
            .post(self.urls.call.clone())
            .headers(headers)
            .body(call.body.clone())
            .send()
            .await
    }

    /// Reads as much of a reply as tells what it is. Its first bytes must be there by the deadline.
    async fn read(&self, response: Response, deadline: Instant) -> Result<Reply, Failure> {
        let status = response.status();
        let headers = response.headers().clone();
        let mut body = ReplyBody::new(
            response,
            Arc::clone(&self.whom),
            self.timeout,
            self.idle_timeout,
            self.stop.clone(),
        );
        body.expect_by(deadline);
        if status.is_success() {
            return match body.form(&headers).await {
                Ok(Some(form)) => Ok(Reply {
                    status: status.as_u16(),
                    headers,
                    form,
                    body,
                }),
                Ok(None) => {
                    let error = self.strange(status, &headers);
                    Err(Failure::last(error, Outcome::Alive))
                }
                Err(error) => Err(Failure::last(error, Outcome::Unclear)),
            };
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
            outcome: Outcome::of(status),
        })
    }

    /// A success that is neither of the forms of a reply.
    fn strange(&self, status: StatusCode, headers: &HeaderMap) -> TurnError {
        let value = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let kind = value(header::CONTENT_TYPE).unwrap_or("no content type");
        let encoding = value(header::CONTENT_ENCODING).map_or_else(String::new, |encoding| {
            format!(" (content encoding {encoding})")
        });
        let message = format!(
            "{} answered {} with {kind}{encoding}, which is neither events nor JSON",
            self.whom,
            status.as_u16(),
        );
        TurnError::Upstream { message }
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
            outcome: Outcome::Failed,
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

/// What of a client's headers goes on to a provider that its request is relayed to, and the trace that
/// it belongs to.
#[must_use]
pub fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for name in &PASSED_ON {
        for value in headers.get_all(name) {
            kept.append(name, value.clone());
        }
    }
    if let Some(context) = trace::of(headers) {
        trace::tell(&context, &mut kept);
    }
    kept
}

fn retried(log: &RequestLog, detail: String) {
    log.publish(Event::Warning {
        what: "upstream_retried",
        detail,
    });
}
