//! Requests for a reply.

#![no_main]

codex_openai_proxy_fuzz::target!(codex_openai_proxy_fuzz::checks::requests::check, json);
