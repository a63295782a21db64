//! Bodies that the log keeps.

#![no_main]

codex_openai_proxy_fuzz::target!(codex_openai_proxy_fuzz::checks::secrets::check, json);
