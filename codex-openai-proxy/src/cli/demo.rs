//! `demo`: the real engine before a model of our own.

use super::{
    CliError, reachable,
    serve::{self, Setup},
};
use crate::{
    app::{engines, reload::Hangups},
    engine::demo::MODEL,
    traffic,
};
use std::net::SocketAddr;

pub(super) async fn run(mut setup: Setup, hangups: Hangups) -> Result<(), CliError> {
    let config = &mut setup.loaded.config;
    // Its own conversations and its own log.
    config.home.push("demo");
    let (channel, inbox) = traffic::channel(config.logs.bodies);
    let (engine, _model) = engines::for_demo(config, &channel).await?;
    let keyed = !config.api_keys.is_empty();
    let hint = |addr| curl_commands(addr, keyed);
    serve::with(setup, hangups, engine, inbox, hint).await
}

/// Two commands to try, one a line: a reply in one piece, and a stream.
fn curl_commands(addr: SocketAddr, keyed: bool) -> String {
    let addr = reachable(addr);
    let key = if keyed {
        " -H \"authorization: Bearer $PROXY_API_KEY\""
    } else {
        ""
    };
    let command = |flag: &str, stream: bool| {
        format!(
            "curl{flag} http://{addr}/v1/chat/completions{key} -d '{{\"model\":\"{MODEL}\",\
             \"stream\":{stream},\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'\n"
        )
    };
    command("", false) + &command(" -N", true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_can_be_pasted() {
        let addr = "0.0.0.0:8080".parse().unwrap();
        let text = curl_commands(addr, true);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "curl http://127.0.0.1:8080/v1/chat/completions \
                 -H \"authorization: Bearer $PROXY_API_KEY\" \
                 -d '{\"model\":\"demo\",\"stream\":false,\
                 \"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'",
                "curl -N http://127.0.0.1:8080/v1/chat/completions \
                 -H \"authorization: Bearer $PROXY_API_KEY\" \
                 -d '{\"model\":\"demo\",\"stream\":true,\
                 \"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'",
            ]
        );
        let text = curl_commands("[::1]:80".parse().unwrap(), false);
        assert!(text.starts_with("curl http://[::1]:80/v1/"), "{text}");
        assert!(!text.contains("authorization"), "{text}");
    }
}
