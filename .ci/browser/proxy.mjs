// Starts the proxy in folders of its own, ends it in several ways, and starts it again.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** How long a start or an end may take. */
const PATIENCE_MS = 60_000;

/** So much of what the proxy logs is kept for the message of a failure. */
const KEPT_LOG = 16 * 1024;

export class Proxy {
  /** `http://127.0.0.1:PORT`; the port stays the same over restarts. */
  url;
  #settings;
  #home;
  #process;
  #ended;
  #log = "";

  /**
   * Settings: `command` ("demo", or "serve" for a provider in `codexConfig`), `key`
   * (PROXY_API_KEY), `config` and `codexConfig` (texts of the two config.toml), `port`. With
   * PAGE_FOLDER in the environment it serves the page from there.
   */
  static async start(settings = {}) {
    const proxy = new Proxy();
    proxy.#settings = { command: "demo", config: "", codexConfig: "", port: 0, ...settings };
    const page = process.env.PAGE_FOLDER;
    if (page) proxy.#settings.config += `\n[logs]\npage_folder = ${JSON.stringify(page)}\n`;
    proxy.#home = await mkdtemp(join(tmpdir(), "logs-page-"));
    for (const [folder, text] of [
      ["codex", proxy.#settings.codexConfig],
      ["state", proxy.#settings.config],
    ]) {
      await mkdir(join(proxy.#home, folder));
      await writeFile(join(proxy.#home, folder, "config.toml"), text);
    }
    await proxy.start();
    return proxy;
  }

  /** Starts it, again on the same port and with the same folders. */
  async start() {
    const binary = process.env.PROXY_BINARY;
    assert.ok(binary, "PROXY_BINARY names the proxy to test");
    const { command, key, port } = this.#settings;
    const env = {
      ...process.env,
      CODEX_HOME: join(this.#home, "codex"),
      CODEX_OPENAI_PROXY_HOME: join(this.#home, "state"),
      CODEX_OPENAI_PROXY_ADDR: `127.0.0.1:${port}`,
      RUST_LOG: "warn",
    };
    for (const name of ["PROXY_API_KEY", "LOG_FORMAT"]) delete env[name];
    if (key) env.PROXY_API_KEY = key;
    const child = spawn(binary, [command], { env, stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    this.#ended = new Promise((ended) => child.once("close", (code, signal) => ended({ code, signal })));
    child.stderr.on("data", (data) => {
      this.#log = (this.#log + data).slice(-KEPT_LOG);
    });
    this.url = await this.#address(child);
    this.#settings.port = new URL(this.url).port;
  }

  #address(child) {
    return new Promise((found, failed) => {
      const fail = (why) => failed(new Error(`the proxy ${why}\n${this.#log}`));
      const timer = setTimeout(() => fail("does not say where it listens"), PATIENCE_MS);
      this.#ended.then(({ code }) => fail(`ended with ${code} instead of listening`));
      createInterface({ input: child.stdout }).on("line", (line) => {
        const address = /^listening on (http:\/\/\S+)$/.exec(line)?.[1];
        if (!address) return;
        clearTimeout(timer);
        found(address);
      });
    });
  }

  /** Ends it at once, as a power cut would. */
  async kill() {
    this.#process.kill("SIGKILL");
    await this.#ended;
  }

  /** Asks it to stop; its exit code must be 0. */
  async stop() {
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), PATIENCE_MS);
    const { code, signal } = await this.#ended;
    clearTimeout(timer);
    assert.equal(code, 0, `the proxy ended with ${signal ?? code}\n${this.#log}`);
  }

  /** Stops it and removes its folders. */
  async end() {
    try {
      if (this.#process.exitCode === null && this.#process.signalCode === null) await this.stop();
    } finally {
      await rm(this.#home, { recursive: true, force: true });
    }
  }
}
