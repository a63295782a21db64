//! Replies of providers that speak Chat Completions.

#![no_main]

codex_openai_proxy_fuzz::target!(codex_openai_proxy_fuzz::checks::chat_replies::check, json);
