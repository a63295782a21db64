// A scripted model server that speaks the Responses API: failures, rate limits, and answers that
// are worth a picture. The demo's own model always answers well.

import { createServer } from "node:http";

export class Upstream {
  #server;
  /** The replies to come, in order, or what makes one of a request's body. */
  script = [];
  /** What makes one when the script is at its end. */
  otherwise = () => new Reply().text("Hello.").completed();

  static async start() {
    const upstream = new Upstream();
    upstream.#server = createServer((request, response) => upstream.#answer(request, response));
    await new Promise((bound) => upstream.#server.listen(0, "127.0.0.1", bound));
    return upstream;
  }

  /** Codex's config.toml for a proxy in front of it. `extra` are lines of the provider. */
  config(extra = "") {
    const { port } = this.#server.address();
    return `model_provider = "lab"

[model_providers.lab]
name = "Lab"
base_url = "http://127.0.0.1:${port}/v1"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
${extra}`;
  }

  async end() {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }

  async #answer(request, response) {
    let text = "";
    for await (const data of request) text += data;
    if (request.method !== "POST" || request.url !== "/v1/responses") {
      response.writeHead(404).end();
      return;
    }
    const body = JSON.parse(text);
    const next = this.script.shift() ?? this.otherwise;
    const reply = next instanceof Reply ? next : next(body);
    await reply.send(response, body);
  }
}

let serial = 0;

/** One reply, as the steps that make it up. */
export class Reply {
  #status = 200;
  #headers = { "content-type": "text/event-stream" };
  #steps = [];
  #items = [];
  #number = (serial += 1);
  #events = 0;

  /** An error in place of a stream. */
  static error(status, error, headers = {}) {
    const reply = new Reply();
    reply.#status = status;
    reply.#headers = { "content-type": "application/json", ...headers };
    reply.#steps = [JSON.stringify({ error: { param: null, ...error } })];
    return reply;
  }

  constructor() {
    this.#event("response.created", { response: this.#response("in_progress") });
  }

  header(name, value) {
    this.#headers[name] = String(value);
    return this;
  }

  /** The plan's windows, as the ChatGPT backend tells them: `{primary: [percent, minutes, resets in s]}`. */
  limits(windows) {
    for (const [name, [percent, minutes, seconds]] of Object.entries(windows)) {
      this.header(`x-codex-${name}-used-percent`, percent);
      this.header(`x-codex-${name}-window-minutes`, minutes);
      this.header(`x-codex-${name}-reset-at`, Math.floor(Date.now() / 1000) + seconds);
    }
    return this;
  }

  /** Nothing for a while. */
  pause(ms) {
    this.#steps.push(ms);
    return this;
  }

  /** Reasoning with that summary. `pace` is the time between two words. */
  reasoning(summary, pace = 0) {
    const id = this.#id("rs");
    const place = { item_id: id, output_index: this.#items.length, summary_index: 0 };
    const part = (text) => ({ type: "summary_text", text });
    this.#added({ id, type: "reasoning", summary: [] });
    this.#event("response.reasoning_summary_part.added", { ...place, part: part("") });
    for (const delta of words(summary)) {
      this.pause(pace).#event("response.reasoning_summary_text.delta", { ...place, delta });
    }
    this.#event("response.reasoning_summary_text.done", { ...place, text: summary });
    this.#event("response.reasoning_summary_part.done", { ...place, part: part(summary) });
    return this.#done({ id, type: "reasoning", summary: [part(summary)], encrypted_content: "sealed" });
  }

  /** A message that has only begun. */
  begins(text, pace = 0) {
    const { item, part, place } = this.#message();
    this.#added(item("in_progress", []));
    this.#event("response.content_part.added", { ...place, part: part("") });
    for (const delta of words(text)) {
      this.pause(pace).#event("response.output_text.delta", { ...place, delta, logprobs: [] });
    }
    return this;
  }

  text(text, pace = 0) {
    const { item, part, place } = this.#message();
    this.begins(text, pace);
    this.#event("response.output_text.done", { ...place, text, logprobs: [] });
    this.#event("response.content_part.done", { ...place, part: part(text) });
    return this.#done(item("completed", [part(text)]));
  }

  call(name, args) {
    const id = this.#id("fc");
    const text = JSON.stringify(args);
    const call_id = `call_${this.#number.toString(36).padStart(4, "0")}${this.#items.length}Kq7Zt2Vw9Xb4`;
    const item = (status, text) => ({ id, type: "function_call", status, call_id, name, arguments: text });
    const place = { item_id: id, output_index: this.#items.length };
    this.#added(item("in_progress", ""));
    this.#event("response.function_call_arguments.delta", { ...place, delta: text });
    this.#event("response.function_call_arguments.done", { ...place, name, arguments: text });
    return this.#done(item("completed", text));
  }

  /** The end of a reply that went well. */
  completed({ input = 1200, cached = 0, output = 60, reasoning = 0 } = {}) {
    const usage = {
      input_tokens: input,
      input_tokens_details: { cached_tokens: cached, cache_write_tokens: 0 },
      output_tokens: output,
      output_tokens_details: { reasoning_tokens: reasoning },
      total_tokens: input + output,
    };
    this.#event("response.completed", { response: { ...this.#response("completed"), output: this.#items, usage } });
    return this;
  }

  /** The end of one that failed in the middle. */
  failed(code, message) {
    this.#event("response.failed", { response: { ...this.#response("failed"), error: { code, message } } });
    return this;
  }

  /** Sends it. One that is not ended breaks the connection off. */
  async send(response) {
    response.writeHead(this.#status, this.#headers);
    response.flushHeaders();
    for (const step of this.#steps) {
      if (response.destroyed) return;
      if (typeof step === "number") await new Promise((next) => setTimeout(next, step));
      else response.write(step);
    }
    response.end();
  }

  #message() {
    const id = this.#id("msg");
    return {
      place: { item_id: id, output_index: this.#items.length, content_index: 0 },
      part: (text) => ({ type: "output_text", text, annotations: [], logprobs: [] }),
      item: (status, content) => ({ id, type: "message", role: "assistant", status, content }),
    };
  }

  #added(item) {
    this.#event("response.output_item.added", { output_index: this.#items.length, item });
  }

  #done(item) {
    this.#event("response.output_item.done", { output_index: this.#items.length, item });
    this.#items.push(item);
    return this;
  }

  #id(kind) {
    return `${kind}_${this.#number}_${this.#items.length}`;
  }

  #event(type, fields) {
    const event = { type, sequence_number: this.#events++, ...fields };
    this.#steps.push(`event: ${type}\ndata: ${JSON.stringify(event)}\n\n`);
  }

  #response(status) {
    return {
      id: `resp_${this.#number}`,
      object: "response",
      created_at: Math.floor(Date.now() / 1000),
      status,
      error: null,
      incomplete_details: null,
      model: "lab-model",
      output: [],
      usage: null,
    };
  }
}

/** The words of a text, each with the white space behind it. */
const words = (text) => text.match(/\S+\s*|\s+/g) ?? [];
