//! Event streams.

#![no_main]

codex_openai_proxy_fuzz::target!(codex_openai_proxy_fuzz::checks::streams::check);
