//! Requests that pass to a provider.

#![no_main]

codex_openai_proxy_fuzz::target!(codex_openai_proxy_fuzz::checks::bodies::check, json);
