//! What a provider in `[[upstreams]]` is made of.

use super::{
    Kind::{List, Number, Seconds, Switch, Table, Text, Word},
    Setting,
};

const A_DAY: u64 = 86_400;

macro_rules! settings {
    ($($name:ident = $setting:expr;)*) => {
        $(pub(in crate::config) static $name: Setting = $setting;)*

        /// Every setting of a provider, in the order of the annotated example.
        pub static PROVIDER_SETTINGS: &[&Setting] = &[$(&$name),*];
    };
}

settings! {
    NAME = Setting::new("name", Text, "\"\"",
            "what it is called: letters, digits, - _ and .; must be there")
        .example("\"ollama\"");
    BASE_URL = Setting::new("base_url", Text, "\"\"",
            "what /chat/completions, /responses and /models are added to; must be there")
        .example("\"http://localhost:11434/v1\"").related(&["UPSTREAM_BASE_URL"]);
    WIRE_API = Setting::new("wire_api", Word(&["chat", "responses"]), "\"chat\"",
            "what it speaks: Chat Completions or Responses")
        .related(&["UPSTREAM_SUPPORTS_RESPONSES"]);
    API_KEY_ENV = Setting::new("api_key_env", Text, "\"\"",
            "the name of the variable that holds its key; keys never stand in the file")
        .related(&["UPSTREAM_API_KEY"]);
    API_KEY_HEADER = Setting::new("api_key_header",
            Word(&["authorization", "api-key", "x-api-key"]), "\"authorization\"",
            "the header that its key is sent in; authorization as a bearer");
    MODELS = Setting::new("models", List, "[]",
            "the models that are its own; * and ? stand for what may be there");
    CONNECT_TIMEOUT = Setting::new("connect_timeout_seconds", Seconds(1, A_DAY), "10",
            "how long a connection may take");
    TIMEOUT = Setting::new("timeout_seconds", Seconds(1, A_DAY), "600",
            "how long a reply's head and the first byte of its body may take together")
        .related(&["UPSTREAM_TIMEOUT"]);
    IDLE_TIMEOUT = Setting::new("idle_timeout_seconds", Seconds(1, A_DAY), "300",
            "how long a reply may be silent after that");
    RETRIES = Setting::new("retries", Number(0, 10), "2",
            "how often a failed call is repeated; 0 hands every failure on")
        .related(&["UPSTREAM_RETRIES"]);
    SEND_REASONING = Setting::new("send_reasoning", Switch, "\"\"",
            "whether past replies carry their reasoning; by default told from its host and the model")
        .example("true");
    PROMPT_CACHE_KEY = Setting::new("prompt_cache_key", Switch, "\"\"",
            "whether prompt_cache_key is sent; by default told from its host")
        .example("true");
    REASONING_EFFORTS = Setting::new("reasoning_efforts", List, "\"\"",
            "the words that reasoning_effort may be; [] sends none; by default what was asked for")
        .example("[\"low\", \"medium\", \"high\"]");
    MAX_TOKENS_FIELD = Setting::new("max_tokens_field",
            Word(&["max_tokens", "max_completion_tokens"]), "\"\"",
            "what the limit of a reply is called; by default told from its host and the model")
        .example("\"max_tokens\"");
    ALIASES = Setting::new("aliases", Table, "{}", "names of your own for its models")
        .example("fast = \"qwen3:8b\"");
    HEADERS = Setting::new("headers", Table, "{}", "headers to send besides")
        .example("X-Title = \"proxy\"").secret();
    QUERY = Setting::new("query", Table, "{}", "the query of each URL")
        .example("api-version = \"2024-10-21\"").secret();
}
