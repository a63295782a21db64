//! `GET /metrics`: figures for Prometheus.

use crate::{
    engine::{Readiness, Threads, Window, upstream},
    http::{AppState, body::ReplyBody, error::ErrorReply, reply},
    metrics::{Breaker, Form, ProviderFigures, Snapshot, ThreadFigures, WindowFigures},
    turn::TurnError,
};
use http::{HeaderMap, Response, header, request::Parts};

/// All figures, as they stand, in the form that the client asks for.
///
/// # Errors
///
/// 404 where nothing is counted.
pub fn get(state: &AppState, head: &Parts) -> Result<Response<ReplyBody>, ErrorReply> {
    if !state.config.metrics {
        return Err(ErrorReply::unknown_path(&head.method, head.uri.path()));
    }
    let form = form(&head.headers);
    let text = state.metrics.write(&snapshot(state), form);
    let text = text.map_err(TurnError::internal)?;
    Ok(reply::whole(form.media_type(), text.into()))
}

/// `OpenMetrics`, unless the client takes the older form and does not say that it knows this one.
fn form(headers: &HeaderMap) -> Form {
    let mut takes_text = false;
    for accepted in headers.get_all(header::ACCEPT) {
        for range in accepted.as_bytes().split(|&byte| byte == b',') {
            let media = range.split(|&byte| byte == b';').next().unwrap_or(range);
            let media = media.trim_ascii();
            if media.eq_ignore_ascii_case(b"application/openmetrics-text") {
                return Form::OpenMetrics;
            }
            takes_text |= media.eq_ignore_ascii_case(b"text/plain");
        }
    }
    if takes_text {
        Form::Text
    } else {
        Form::OpenMetrics
    }
}

fn snapshot(state: &AppState) -> Snapshot {
    let report = state.engine.report();
    let engine = report.provider.map(|provider| ProviderFigures {
        name: provider.name,
        breaker: None,
        retries: report.retries,
    });
    let providers = state.upstreams.iter().map(|provider| ProviderFigures {
        name: provider.name().to_owned(),
        breaker: Some(breaker(provider.standing())),
        retries: provider.retries(),
    });
    let Threads {
        live,
        parked,
        waiting,
    } = report.threads;
    Snapshot {
        version: env!("CARGO_PKG_VERSION"),
        started: state.started,
        engine_ready: state.engine.readiness() == Readiness::Ready,
        threads: ThreadFigures {
            live,
            parked,
            waiting,
        },
        windows: report.windows.into_iter().map(window).collect(),
        providers: engine.into_iter().chain(providers).collect(),
        log_dropped: state.traffic.channel().dropped(),
    }
}

fn breaker(standing: upstream::Standing) -> Breaker {
    match standing {
        upstream::Standing::Closed => Breaker::Closed,
        upstream::Standing::HalfOpen => Breaker::HalfOpen,
        upstream::Standing::Open => Breaker::Open,
    }
}

fn window(window: Window) -> WindowFigures {
    let Window {
        name,
        used_percent,
        resets_at,
    } = window;
    WindowFigures {
        name,
        used_percent,
        resets_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn scrapers_get_the_form_that_they_know() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,\
                          text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
        for (accept, expected) in [
            (None, Form::OpenMetrics),
            (Some("*/*"), Form::OpenMetrics),
            (Some(prometheus), Form::OpenMetrics),
            (
                Some("text/plain, application/openmetrics-text"),
                Form::OpenMetrics,
            ),
            (Some("text/plain;version=0.0.4"), Form::Text),
            (Some("TEXT/PLAIN"), Form::Text),
            (Some("text/html, */*"), Form::OpenMetrics),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            }
            assert_eq!(form(&headers), expected, "{accept:?}");
        }
    }
}
