// What an API client does: chats, tool loops, mistakes, and leaving early.

import assert from "node:assert/strict";
import { Agent, request } from "node:http";

/** A tool that the demo model calls where a message names it. */
export const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather in a city.",
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
    },
  },
};

/** Words that the demo model takes more than two seconds to repeat. */
export const SLOW = `Slowly, please: ${"a ".repeat(90)}`.trim();

/** So many requests at once stay within what the log channel holds. */
const MANY = 1000;

export const user = (content) => ({ role: "user", content });

export class Client {
  /** `headers` go with each request. */
  constructor(url, headers = {}) {
    this.url = url;
    this.headers = headers;
  }

  /** The raw reply to any request: `{status, headers, text}`. */
  async send(method, path, { body, headers, signal } = {}) {
    const response = await fetch(this.url + path, {
      method,
      headers: { "content-type": "application/json", ...this.headers, ...headers },
      body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
      signal,
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  /**
   * A chat, streamed unless `body` says otherwise: `{status, id, conversation, message, error}`.
   * `id` is what the log calls the request.
   */
  async chat(body, options = {}) {
    const whole = { model: "demo", stream: true, ...body };
    const { status, headers, text } = await this.send("POST", "/v1/chat/completions", { body: whole, ...options });
    const reply = { status, id: headers.get("x-request-id"), conversation: headers.get("x-conversation-id") };
    if (status !== 200) return { ...reply, error: JSON.parse(text).error };
    if (!whole.stream) return { ...reply, message: JSON.parse(text).choices[0].message };
    const events = text.split("\n\n").filter((event) => event.startsWith("data: {"));
    const chunks = events.map((event) => JSON.parse(event.slice("data: ".length)));
    const error = chunks.find((chunk) => chunk.error)?.error;
    return { ...reply, message: joined(chunks), error };
  }

  /** A chat that says `text`. Its reply must be 200. */
  async say(text, body = {}) {
    const reply = await this.chat({ messages: [user(text)], ...body });
    assert.equal(reply.status, 200, JSON.stringify(reply.error));
    return reply;
  }

  /** A call of the weather tool, and its result: `{question, call, answer, messages}`. */
  async toolLoop(city, body = {}) {
    const messages = [user(`Use get_weather for ${city}`)];
    const tools = [WEATHER];
    const question = await this.chat({ messages, tools, ...body });
    assert.equal(question.status, 200, JSON.stringify(question.error));
    const call = question.message.tool_calls[0];
    messages.push({ role: "assistant", content: null, tool_calls: question.message.tool_calls });
    messages.push({ role: "tool", tool_call_id: call.id, content: `${city}: 7 °C, light rain` });
    const answer = await this.chat({ messages, tools, ...body });
    assert.equal(answer.status, 200, JSON.stringify(answer.error));
    return { question, call, answer, messages };
  }

  /** Begins a slow chat and leaves as soon as the reply has begun. */
  async leave(text = SLOW, model = "demo") {
    const controller = new AbortController();
    const response = await fetch(`${this.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...this.headers },
      body: JSON.stringify({ model, stream: true, messages: [user(text)] }),
      signal: controller.signal,
    });
    const id = response.headers.get("x-request-id");
    await response.body.getReader().read();
    controller.abort();
    return id;
  }

  /** `count` quick requests over a few connections, no faster than the log can write them. */
  async many(count, connections = 8) {
    for (let left = count; left > 0; left -= MANY) {
      await this.#flood(Math.min(left, MANY), connections);
      // Reading waits for what was published before.
      await this.log("/records?limit=1");
    }
  }

  async #flood(count, connections) {
    const agent = new Agent({ keepAlive: true, maxSockets: connections });
    let left = count;
    const one = () =>
      new Promise((done, failed) => {
        request(`${this.url}/v1/models`, { agent, headers: this.headers }, (response) => {
          response.on("end", done).on("error", failed).resume();
        })
          .on("error", failed)
          .end();
      });
    const lane = async () => {
      while (left-- > 0) await one();
    };
    await Promise.all(Array.from({ length: connections }, lane));
    agent.destroy();
  }

  /** A JSON reply of the log's own API. */
  async log(path) {
    const { status, text } = await this.send("GET", `/logs/api${path}`);
    assert.equal(status, 200, `GET /logs/api${path}: ${text}`);
    return JSON.parse(text);
  }
}

/** The message that a stream's chunks make up. */
function joined(chunks) {
  const message = { role: "assistant", content: "", tool_calls: [] };
  for (const { delta } of chunks.flatMap((chunk) => chunk.choices ?? [])) {
    message.content += delta.content ?? "";
    for (const { index, id, function: part } of delta.tool_calls ?? []) {
      const call = (message.tool_calls[index] ??= { id, type: "function", function: { name: "", arguments: "" } });
      call.function.name += part.name ?? "";
      call.function.arguments += part.arguments ?? "";
    }
  }
  return message;
}
