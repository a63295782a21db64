//! The settings, but for those of a provider.

use super::{
    Kind::{Duration, Folder, List, Number, Seconds, Size, Switch, Table, Text, Word},
    Setting,
};

const A_DAY: u64 = 86_400;
const A_WEEK: u64 = 7 * A_DAY;
const GIB: u64 = 1024 * 1024 * 1024;

/// The words of [`crate::turn::Effort`].
const EFFORTS: &[&str] = &[
    "none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra",
];

macro_rules! settings {
    ($($name:ident = $setting:expr;)*) => {
        $(pub(in crate::config) static $name: Setting = $setting;)*

        /// Every setting but those of a provider, in the order of the annotated example.
        pub static SETTINGS: &[&Setting] = &[$(&$name),*];
    };
}

settings! {
    HOME = Setting::new("home", Folder, "\"\"",
            "the folder of our own state: log, conversations and this file; by default the platform's, \
             ~/.local/state/codex-openai-proxy on Linux")
        .outside_the_file().restart();
    CODEX_HOME = Setting::new("codex_home", Folder, "\"\"",
            "the Codex CLI's folder, with its login and config.toml; by default ~/.codex")
        .aliases(&["CODEX_HOME"]).outside_the_file().restart();
    CONFIG = Setting::new("config", Text, "\"\"",
            "the configuration file; by default config.toml in `home`, if it is there")
        .flag("--config").outside_the_file().restart();
    PROFILE = Setting::new("profile", Text, "\"\"",
            "the [profiles.NAME] that is laid over the rest of the file")
        .flag("--profile");

    ADDR = Setting::new("server.addr", Text, "\"127.0.0.1:11435\"",
            "where to listen, IP:PORT; port 0 takes a free one. All but loopback addresses need a key")
        .aliases(&["CODEX_OPENAI_PROXY_ADDR"]).related(&["PORT", "HOST", "PROXY_HOST"])
        .flag("--addr").restart();
    MAX_BODY = Setting::new("server.max_body", Size(1, 4 * GIB), "\"64mb\"",
            "longer requests get 413; bytes, or with the unit kb, mb or gb")
        .aliases(&["MAX_REQUEST_SIZE"]);
    REQUEST = Setting::new("server.request_seconds", Seconds(0, A_DAY), "3600",
            "how long a request may take, from its arrival to the end of its reply; 0 is no limit")
        .aliases(&["CODEX_TIMEOUT", "SERVER_TIMEOUT", "PROXY_TIMEOUT_MS"]);
    HEAD = Setting::new("server.head_seconds", Seconds(1, 300), "30",
            "how long a client may take for the head of a request");
    BODY = Setting::new("server.body_seconds", Seconds(1, A_DAY), "120",
            "how long it may take for the body");
    IDLE = Setting::new("server.idle_seconds", Seconds(1, A_DAY), "90",
            "how long a connection without a request is kept");
    MAX_CONNECTIONS = Setting::new("server.max_connections", Number(1, 1_000_000), "4096",
            "how many connections there may be at once");
    DRAIN = Setting::new("server.drain_seconds", Seconds(0, A_DAY), "30",
            "how long running replies may go on after SIGTERM");
    // A tunnel cuts a connection that was silent for 100 s.
    KEEP_ALIVE = Setting::new("server.keep_alive_seconds", Seconds(1, 90), "15",
            "a comment in every so much silence of a stream")
        .aliases(&["PROXY_SSE_KEEPALIVE_MS"]);
    FIRST_EVENT = Setting::new("server.first_event_seconds", Seconds(0, 90), "15",
            "how long a stream's status waits for the first event");
    CORS = Setting::new("server.cors_origins", List, "[\"*\"]",
            "the web pages that may read replies: \"*\" for all, or origins, such as \
             [\"https://chat.example.com\"]")
        .aliases(&["CORS_ORIGINS", "PROXY_CORS_ALLOWED_ORIGINS"]).related(&["PROXY_ENABLE_CORS"]);

    LOCAL_ONLY = Setting::new("auth.local_only", Switch, "false",
            "ask only providers on this machine; others are refused with 400")
        .aliases(&["CODEX_LOCAL_ONLY"]);
    KEYS = Setting::new("auth.keys", Table, "{}",
            "the keys that open the API, by name: the digest that `codex-openai-proxy key new NAME` \
             prints, or the variable that holds the key, { env = \"VARIABLE\" }")
        .example("cursor = \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"")
        .related(&["PROXY_API_KEY", "API_KEYS"]).secret();

    RATE_PER_MINUTE = Setting::new("limits.rate_per_minute", Number(0, 1_000_000), "0",
            "how many requests may come in a minute with one key, or without a key from one address; 0 is no limit")
        .aliases(&["RATE_LIMIT_PER_MINUTE"]);
    RATE_MAX = Setting::new("limits.rate_max", Number(0, 1_000_000), "0",
            "how many may come in `rate_window`, in place of `rate_per_minute`; 0 is no limit")
        .aliases(&["RATE_LIMIT_MAX"]);
    RATE_WINDOW = Setting::new("limits.rate_window", Duration(1, A_DAY), "\"\"",
            "the time for `rate_max`, such as \"15m\"; a number without unit is seconds")
        .aliases(&["RATE_LIMIT_WINDOW", "RATE_LIMIT_WINDOW_MS"]);
    MAX_PARALLEL = Setting::new("limits.max_parallel", Number(0, 1_000_000), "0",
            "how many replies may be made at once; the others wait; 0 is no limit")
        .aliases(&["CODEX_MAX_PARALLEL_REQUESTS"]);
    MAX_QUEUED = Setting::new("limits.max_queued", Number(0, 1_000_000), "256",
            "how many may wait for that; beyond it they get 503");
    QUEUE = Setting::new("limits.queue_seconds", Seconds(0, A_DAY), "60",
            "how long they wait before they get 503")
        .aliases(&["CODEX_QUEUE_TIMEOUT_SECONDS"]);
    ADDRESS_HEADER = Setting::new("limits.address_header", Text, "\"\"",
            "the header in which a tunnel or reverse proxy on this machine tells the client's address, \
             such as CF-Connecting-IP");

    ALIASES = Setting::new("models.aliases", Table, "{}",
            "names of your own for models; a target may carry an effort, or name a provider")
        .example("sonnet = \"gpt-5.5-high\"");

    REASONING = Setting::new("reply.reasoning", Word(&["auto", "think", "content", "off"]), "\"auto\"",
            "how reasoning is shown: as <think> in the text, as reasoning_content, or not at all; `auto` \
             is `think` for Cursor and `content` for others")
        .related(&["CODEX_HIDE_REASONING"]);
    CONTEXT_OVERFLOW = Setting::new("reply.cursor_context_overflow", Word(&["error", "compact"]), "\"error\"",
            "what the chat routes answer where a conversation does not fit the model any more: the error, \
             or an empty reply after which Cursor compacts the chat");

    CONVERSATION_IDLE = Setting::new("conversations.idle_seconds", Seconds(1, A_WEEK), "1800",
            "how long a conversation stays in memory after its last reply");
    IDLE_THREAD = Setting::new("conversations.thread_seconds", Seconds(1, A_WEEK), "30",
            "how long of that its codex-core thread stays, which takes about half a megabyte; another is \
             started from what was said, in some milliseconds");
    PARKED = Setting::new("conversations.parked_seconds", Seconds(1, A_DAY), "900",
            "how long a turn waits for the results of its tool calls");
    MAX_LIVE = Setting::new("conversations.max_live", Number(1, 100_000), "500",
            "how many stay in memory; the least recently used goes first");
    // Whoever waits hears nothing in the meantime but comments.
    WAIT = Setting::new("conversations.wait_seconds", Seconds(0, 600), "60",
            "how long a request waits for another of its conversation, then 409");

    LOG_REQUESTS = Setting::new("logs.requests", Switch, "true",
            "whether the log channel is told of requests; if not, neither /logs nor standard error has any");
    LOG_BODIES = Setting::new("logs.bodies", Word(&["off", "redacted", "full"]), "\"redacted\"",
            "which bodies /logs keeps");
    LOG_DAYS = Setting::new("logs.days", Number(1, 3650), "7",
            "how long /logs keeps what it shows");
    LOG_MAX = Setting::new("logs.max_mib", Number(0, 1024 * 1024), "256",
            "how much of it, in MiB; 0 keeps it in memory only");
    LOG_LEVEL = Setting::new("logs.level", Word(&["error", "warn", "info", "debug", "trace"]), "\"\"",
            "how much is written to standard error: error, warn, info, debug or trace; by default info for \
             `serve`")
        .aliases(&["LOG_LEVEL"]).flag("--log-level");
    LOG_FILTER = Setting::new("logs.filter", Text, "\"\"",
            "the same for each part of the program, as tracing-subscriber's EnvFilter reads it; in the \
             same layer it wins over `level`")
        .aliases(&["RUST_LOG"]);
    LOG_FORMAT = Setting::new("logs.format", Word(&["pretty", "json"]), "\"pretty\"",
            "the form of what is written to standard error")
        .aliases(&["LOG_FORMAT"]).flag("--log-format").restart();
    PAGE_FOLDER = Setting::new("logs.page_folder", Folder, "\"\"",
            "read the log page from here each time, for work on it");

    METRICS = Setting::new("metrics.enabled", Switch, "true",
            "whether requests are counted; if not, /metrics is 404");

    DEFAULT_INSTRUCTIONS = Setting::new("codex.default_instructions", Text,
            "\"You are a helpful assistant.\"",
            "for requests without a system message");
    EFFORT = Setting::new("codex.reasoning_effort", Word(EFFORTS), "\"\"",
            "how hard models think where neither the request nor the model's name says so: none, minimal, \
             low, medium, high, xhigh, max or ultra; by default what Codex's config.toml says")
        .aliases(&["CODEX_REASONING_EFFORT"]);
    WORKDIR = Setting::new("codex.workdir", Folder, "\"\"",
            "the folder that models are told they are in, where nothing is read or run; by default an \
             empty one of ours")
        .aliases(&["CODEX_WORKDIR", "PROXY_CODEX_WORKDIR"]).restart();
    SANDBOX = Setting::new("codex.sandbox_mode", Word(&["read-only"]), "\"read-only\"",
            "only this: models run nothing on this machine")
        .aliases(&["CODEX_SANDBOX_MODE", "PROXY_SANDBOX_MODE"]);
    FETCH_IMAGES = Setting::new("codex.fetch_images", Switch, "true",
            "fetch images that are given by URL; Codex only takes inline ones");
    PRIVATE_IMAGES = Setting::new("codex.allow_private_image_hosts", Switch, "false",
            "also from hosts that only this network can reach");
    CLIENT_VERSION = Setting::new("codex.client_version", Text, "\"\"",
            "the Codex version that the backend is told; by default the one built in")
        .restart();
    USER_AGENT = Setting::new("codex.user_agent", Text, "\"\"",
            "the User-Agent that the backend is told; by default Codex's own with our version")
        .restart();
}
