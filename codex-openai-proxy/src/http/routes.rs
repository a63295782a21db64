//! Which path and method leads where.

use http::{HeaderValue, Method};
use std::{borrow::Cow, collections::BTreeMap};

use Access::{Guarded, Open, Page, Viewer};
use Endpoint::{
    ChatCompletions, DeleteConversation, Health, Logs, Metrics, Model, Models, OpenApi, Responses,
    StoredResponse,
};

/// Every route. `HEAD` is served wherever `GET` is, `OPTIONS` is answered by the CORS layer, and a
/// slash at the end of a path is ignored. Clients set the base URL with or without `/v1`, and some
/// know Azure's paths only, where the model is a part of the path.
pub(super) const TABLE: &[(Method, &str, Endpoint, Access)] = &[
    (
        Method::POST,
        "/v1/chat/completions",
        ChatCompletions,
        Guarded,
    ),
    (Method::POST, "/chat/completions", ChatCompletions, Guarded),
    (
        Method::POST,
        "/openai/deployments/{id}/chat/completions",
        ChatCompletions,
        Guarded,
    ),
    (
        Method::POST,
        "/v1/openai/deployments/{id}/chat/completions",
        ChatCompletions,
        Guarded,
    ),
    (
        Method::GET,
        "/v1/responses/{id}",
        StoredResponse(ResponseAction::Get),
        Guarded,
    ),
    (
        Method::GET,
        "/responses/{id}",
        StoredResponse(ResponseAction::Get),
        Guarded,
    ),
    (
        Method::DELETE,
        "/v1/responses/{id}",
        StoredResponse(ResponseAction::Delete),
        Guarded,
    ),
    (
        Method::DELETE,
        "/responses/{id}",
        StoredResponse(ResponseAction::Delete),
        Guarded,
    ),
    (
        Method::GET,
        "/v1/responses/{id}/input_items",
        StoredResponse(ResponseAction::InputItems),
        Guarded,
    ),
    (
        Method::GET,
        "/responses/{id}/input_items",
        StoredResponse(ResponseAction::InputItems),
        Guarded,
    ),
    (
        Method::POST,
        "/v1/responses/{id}/cancel",
        StoredResponse(ResponseAction::Cancel),
        Guarded,
    ),
    (
        Method::POST,
        "/responses/{id}/cancel",
        StoredResponse(ResponseAction::Cancel),
        Guarded,
    ),
    (Method::POST, "/v1/responses", Responses, Guarded),
    (Method::POST, "/responses", Responses, Guarded),
    (Method::GET, "/v1/models", Models, Guarded),
    (Method::GET, "/models", Models, Guarded),
    (Method::GET, "/v1/models/{*id}", Model, Guarded),
    (Method::GET, "/models/{*id}", Model, Guarded),
    (
        Method::DELETE,
        "/v1/conversations/{*id}",
        DeleteConversation,
        Guarded,
    ),
    (
        Method::DELETE,
        "/conversations/{*id}",
        DeleteConversation,
        Guarded,
    ),
    (Method::GET, "/health", Health(HealthView::Report), Open),
    (Method::GET, "/health/live", Health(HealthView::Live), Open),
    (
        Method::GET,
        "/health/ready",
        Health(HealthView::Ready),
        Open,
    ),
    (Method::GET, "/metrics", Metrics, Guarded),
    (Method::GET, "/openapi.json", OpenApi, Guarded),
    (Method::GET, "/logs", Logs(LogView::Page), Page),
    (
        Method::GET,
        "/logs/assets/{*id}",
        Logs(LogView::Asset),
        Page,
    ),
    (Method::POST, "/logs/login", Logs(LogView::Login), Page),
    (Method::POST, "/logs/logout", Logs(LogView::Logout), Page),
    (
        Method::GET,
        "/logs/api/records",
        Logs(LogView::Records),
        Viewer,
    ),
    (
        Method::DELETE,
        "/logs/api/records",
        Logs(LogView::Clear),
        Viewer,
    ),
    (
        Method::GET,
        "/logs/api/requests",
        Logs(LogView::Requests),
        Viewer,
    ),
    (
        Method::GET,
        "/logs/api/requests/{id}",
        Logs(LogView::Request),
        Viewer,
    ),
    (
        Method::GET,
        "/logs/api/requests/{id}/curl",
        Logs(LogView::Curl),
        Viewer,
    ),
    (
        Method::GET,
        "/logs/api/export",
        Logs(LogView::Export),
        Viewer,
    ),
    (Method::GET, "/logs/api/ws", Logs(LogView::Socket), Viewer),
    (
        Method::POST,
        "/logs/api/stream",
        Logs(LogView::Stream),
        Viewer,
    ),
];

/// What a route does; each is a function in [`handlers`](super::handlers).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// Answers a Chat Completions request. An `{id}` names the model where the body does not.
    ChatCompletions,
    /// Does something with the response `{id}`, which is stored or running.
    StoredResponse(ResponseAction),
    /// Answers a Responses request.
    Responses,
    /// Lists the models.
    Models,
    /// Describes the model `{id}`.
    Model,
    /// Forgets the conversation `{id}`.
    DeleteConversation,
    /// Tells whether the service is up.
    Health(HealthView),
    /// Tells figures, for Prometheus.
    Metrics,
    /// Describes this API.
    OpenApi,
    /// Shows the log.
    Logs(LogView),
}

/// What is done with a response; each is a module of
/// [`handlers::responses`](super::handlers::responses).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseAction {
    /// Shows it.
    Get,
    /// Forgets it.
    Delete,
    /// Lists what came with the request for it.
    InputItems,
    /// Stops it.
    Cancel,
}

/// Who asks how the service is, and so what they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthView {
    /// A person: all there is to tell.
    Report,
    /// Whoever restarts the process: whether it still answers.
    Live,
    /// Whoever sends requests: whether they would be answered.
    Ready,
}

/// What of the log; each is a function in [`handlers::logs`](super::handlers::logs).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogView {
    /// The page.
    Page,
    /// The style or a script `{id}` of the page.
    Asset,
    /// Takes a key and gives a cookie for it.
    Login,
    /// Takes the cookie back.
    Logout,
    /// Records.
    Records,
    /// Forgets all records.
    Clear,
    /// Requests in short.
    Requests,
    /// The request `{id}` with all that is known of it.
    Request,
    /// A command that repeats the request `{id}`.
    Curl,
    /// Records or requests as a file.
    Export,
    /// What happens, through a WebSocket.
    Socket,
    /// What happens, as an event stream.
    Stream,
}

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whoever [`access`](super::access) lets in.
    Guarded,
    /// The same, and whoever has logged in to the log viewer.
    Viewer,
    /// What holds no data, such as the page that asks for the key: everyone where there is a key.
    Page,
    /// Everyone.
    Open,
}

/// The table, ready to be asked.
pub struct Routes(matchit::Router<Path>);

/// What one path offers.
#[derive(Debug)]
struct Path {
    methods: Vec<(Method, Endpoint)>,
    access: Access,
}

/// A path that exists.
#[derive(Debug)]
pub struct Found<'a> {
    path: &'a Path,
    /// The `{id}` of the path, decoded.
    pub id: Option<Cow<'a, str>>,
}

impl Routes {
    /// Reads the table.
    ///
    /// # Errors
    ///
    /// When two rows contradict each other.
    pub fn new() -> Result<Self, matchit::InsertError> {
        let mut paths: BTreeMap<&str, Path> = BTreeMap::new();
        for (method, path, endpoint, access) in TABLE {
            let entry = paths.entry(path).or_insert_with(|| Path {
                methods: Vec::new(),
                access: *access,
            });
            entry.methods.push((method.clone(), *endpoint));
        }
        let mut router = matchit::Router::new();
        for (path, entry) in paths {
            router.insert(path, entry)?;
        }
        Ok(Self(router))
    }

    /// Looks up the path of a request, without its query.
    #[must_use]
    pub fn find<'a>(&'a self, path: &'a str) -> Option<Found<'a>> {
        let found = self.0.at(path.trim_end_matches('/')).ok()?;
        let id = found
            .params
            .get("id")
            .map(|id| percent_encoding::percent_decode_str(id).decode_utf8_lossy());
        Some(Found {
            path: found.value,
            id,
        })
    }
}

impl Found<'_> {
    /// Who may use it.
    #[must_use]
    pub fn access(&self) -> Access {
        self.path.access
    }

    /// What this method does here.
    #[must_use]
    pub fn endpoint(&self, method: &Method) -> Option<Endpoint> {
        let method = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        self.path
            .methods
            .iter()
            .find_map(|(offered, endpoint)| (offered == method).then_some(*endpoint))
    }

    /// The `Allow` header for a method that does nothing here.
    #[must_use]
    pub fn allow(&self) -> HeaderValue {
        let mut names = Vec::new();
        for (method, _) in &self.path.methods {
            names.push(method.as_str());
            if method == Method::GET {
                names.push("HEAD");
            }
        }
        names.push("OPTIONS");
        // Method names are header text.
        HeaderValue::try_from(names.join(", "))
            .unwrap_or_else(|_| HeaderValue::from_static("OPTIONS"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_with_and_without_a_slash() {
        let routes = Routes::new().unwrap();
        for (method, path, endpoint, access) in TABLE {
            let path = path.replace("{*id}", "x").replace("{id}", "x");
            for path in [path.clone(), format!("{path}/")] {
                let found = routes.find(&path).unwrap();
                assert_eq!(found.endpoint(method), Some(*endpoint), "{path}");
                assert_eq!(found.access(), *access, "{path}");
            }
        }
    }

    #[test]
    fn ids_are_decoded_and_may_hold_slashes() {
        let routes = Routes::new().unwrap();
        for (path, id) in [
            ("/v1/models/gpt-5.2", "gpt-5.2"),
            ("/models/openai/gpt-5.2/", "openai/gpt-5.2"),
            ("/v1/models/my%20model%2Fx", "my model/x"),
            ("/conversations/a/b", "a/b"),
            ("/v1/responses/resp_1", "resp_1"),
            ("/responses/a%2Fb/cancel", "a/b"),
            ("/openai/deployments/my%2Fgpt/chat/completions", "my/gpt"),
            ("/logs/api/requests/a%2Fb", "a/b"),
            ("/logs/api/requests/a/curl", "a"),
            ("/logs/assets/logs/x.js", "logs/x.js"),
        ] {
            assert_eq!(routes.find(path).unwrap().id.as_deref(), Some(id));
        }
    }

    #[test]
    fn strangers_are_not_found() {
        let routes = Routes::new().unwrap();
        for path in [
            "",
            "/",
            "/v1",
            "/v1/chat",
            "/v1/chat/completions/x",
            "/V1/models",
            "/conversations",
            "/responses/resp_1/x",
            "/openai/deployments/gpt-5.2",
            "/openai/deployments//chat/completions",
            "/logs/api",
            "/logs/assets",
            "/logs/x",
        ] {
            assert!(routes.find(path).is_none(), "{path}");
        }
        let found = routes.find("/v1/models").unwrap();
        assert_eq!(found.endpoint(&Method::POST), None);
        assert_eq!(found.endpoint(&Method::HEAD), Some(Models));
        assert_eq!(found.allow(), "GET, HEAD, OPTIONS");
    }
}
