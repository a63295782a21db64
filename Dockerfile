# syntax=docker/dockerfile:1

# Built by `docker build -t codex-openai-proxy .`; see docs/deployment.md. The build needs BuildKit, which
# is what `docker build` is since Docker 23, and some 8 GB of memory and 15 GB of disk.

FROM rust:1.95-slim-trixie AS build

# A C compiler for SQLite and zstd, OpenSSL's headers for codex-core.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential libssl-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /src
# .dockerignore lets in what the build reads and nothing else: no login, no settings, no history.
COPY . .
# Crates and what was compiled of them stay in caches of the builder, so that a change of the proxy
# compiles the proxy alone. The binary is copied out because caches are no part of the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --profile dist --locked --package codex-openai-proxy \
    && install -D target/dist/codex-openai-proxy /out/codex-openai-proxy


FROM debian:trixie-slim

LABEL org.opencontainers.image.title="codex-openai-proxy" \
      org.opencontainers.image.description="OpenAI-compatible API in front of Codex" \
      org.opencontainers.image.licenses="Apache-2.0"

# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libssl3t64 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 codex \
    && useradd --uid 10001 --gid codex --home-dir /data --no-create-home --shell /usr/sbin/nologin codex \
    && install -d -o codex -g codex -m 0700 /data /data/state /data/codex

COPY --from=build /out/codex-openai-proxy /usr/local/bin/codex-openai-proxy

# A container's loopback is out of reach from outside, so it listens on all addresses; for that the
# proxy wants a key, and does not start without one.
ENV HOME=/data \
    CODEX_HOME=/data/codex \
    CODEX_OPENAI_PROXY_HOME=/data/state \
    CODEX_OPENAI_PROXY_ADDR=0.0.0.0:11435

# Conversations, responses, the log, and the login, which is written when it is renewed.
VOLUME ["/data"]
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
WORKDIR /data
EXPOSE 11435

HEALTHCHECK --interval=15s --timeout=10s --start-period=30s --retries=3 \
    CMD ["codex-openai-proxy", "health", "--url", "http://127.0.0.1:11435"]

ENTRYPOINT ["codex-openai-proxy"]
