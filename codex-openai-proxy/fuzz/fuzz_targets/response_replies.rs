//! Replies of providers that speak Responses.

#![no_main]

codex_openai_proxy_fuzz::target!(
    codex_openai_proxy_fuzz::checks::response_replies::check,
    json
);
