//! Replies that pass to a client.

#![no_main]

codex_openai_proxy_fuzz::target!(codex_openai_proxy_fuzz::checks::relays::check, json);
