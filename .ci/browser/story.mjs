// Traffic worth a picture: some chats of an editor and of scripts, with what goes wrong in a day.

import assert from "node:assert/strict";
import { Client, user } from "./client.mjs";
import { Reply } from "./upstream.mjs";

const SYSTEM = `You are an AI coding assistant that works with the user in their editor.

Follow the user's instructions. When you change code, keep to the style of the file, and say briefly what you did. Use the tools to look before you answer; never guess what a file contains.`;

const tool = (name, description, ...fields) => ({
  type: "function",
  function: {
    name,
    description,
    parameters: {
      type: "object",
      properties: Object.fromEntries(fields.map((field) => [field, { type: "string" }])),
      required: fields.slice(0, 1),
    },
  },
});

const TOOLS = [
  tool("read_file", "Reads a file of the workspace.", "path", "lines"),
  tool("grep_search", "Searches the workspace with a regular expression.", "query", "include"),
  tool("edit_file", "Changes a file.", "path", "instructions", "edit"),
  tool("list_dir", "Lists a folder.", "path"),
  tool("run_terminal_cmd", "Runs a command in the terminal.", "command"),
];

const rest = (ms) => new Promise((next) => setTimeout(next, ms));

/** Numbers that look like measurements, the same each time. */
function numbers(seed) {
  return (least, most) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return Math.round(least + ((most - least) * seed) / 2 ** 31);
  };
}

/** Tells the story to a proxy in front of `upstream`. */
export class Story {
  #upstream;
  #editor;
  #script;
  #between = numbers(20);
  #used = 38;
  /** Ids that pictures are taken of. */
  ids = {};

  constructor(url, upstream) {
    this.#upstream = upstream;
    this.#editor = new Client(url, { "user-agent": "Cursor/2.1" });
    this.#script = new Client(url, { "user-agent": "OpenAI/Python 2.8.0" });
  }

  /** Everything but the request that still runs. */
  async tell() {
    await this.#models();
    await this.#novel();
    await this.#scripts();
    await this.#bug();
    await this.#failures();
    await this.#afterwards();
    assert.equal(this.#upstream.script.length, 0, "each reply went to its request");
  }

  /** Begins a reply that takes a while, and gives a promise of its end. */
  runs() {
    const answer = "The settings page becomes four components: `Profile`, `Keys`, `Limits` and `Danger`. ".repeat(12);
    this.#next(new Reply().reasoning("**Planning the split**\n\nFour parts share one store.", 20).text(answer, 60), { input: 31_400, cached: 29_952, output: 402, reasoning: 61 });
    const messages = [{ role: "system", content: SYSTEM }, user("Split the settings page into smaller components, and keep how it behaves")];
    return this.#editor.chat({ model: "hgih-5.5-tpg", messages, tools: TOOLS, conversation_id: "settings-page" });
  }

  async #models() {
    await this.#editor.send("GET", "/v1/models");
  }

  /** A chat that is edited in its middle. */
  async #novel() {
    const chat = this.#chat("5.5-tpg", "b7c1e0d2-91aa-4c5e-8f1d-3a6b52c0e714");
    const turn = (question, answer, usage) => this.#turn(chat, question, answer, usage);
    await turn("What does the retry loop in upload.ts do when the server answers 503?", "It tries again at once, up to six times, and then throws the last error. There is no pause that grows, so a server in trouble gets six requests within half a second.", { input: 6180, cached: 0, output: 212 });
    await turn("Make it back off exponentially, with jitter", "Done: the pause doubles from 100 ms up to 5 s, and a random part of it is left out so that clients do not come back together.", { input: 8420, cached: 6144, output: 640 });
    await turn("Add a test for it", "I added `upload.retry.test.ts`: with a fake clock it checks the pauses, the jitter's bounds and that the last error is the one that is thrown.", { input: 11_930, cached: 8320, output: 1105 });
    await turn("The test is flaky on CI", "The jitter used the real random source. The test now hands in its own.", { input: 15_280, cached: 11_904, output: 480 });
    // The user goes back to the second question and asks it anew.
    chat.messages.splice(3);
    this.ids.rebuilt = await turn("Use the retry helper of the http package instead", "`upload.ts` now calls `retry()` of `@lab/http`, which backs off by itself; the loop is gone. The helper's default of five tries is one less than before.", { input: 8610, cached: 2048, output: 530 });
    await turn("Set it to six tries, as before", "`retry(send, { tries: 6 })` it is.", { input: 9820, cached: 8576, output: 96 });
    await turn("And log each try at debug level", "Each try is logged with its number, the pause before it and the status that caused it.", { input: 11_240, cached: 9728, output: 420 });
    this.ids.conversation = chat.name;
  }

  async #failures() {
    const say = (text, body) => this.#editor.chat({ model: "hgih-5.5-tpg", stream: true, messages: [user(text)], ...body });
    await this.#editor.chat({ model: "sonnet", messages: [user("Compare three ways to do this")], n: 3 });
    const error = { type: "rate_limit_error", code: "slow_down", message: "Too many requests." };
    this.#upstream.script.push(Reply.error(429, error));
    await say("Why is the build slower since Friday?", { conversation_id: "slow-build" });
    this.#upstream.script.push(new Reply().pause(240), new Reply().pause(400).begins("The build is slower because ", 30));
    this.ids.error = (await say("Why is the build slower since Friday?", { conversation_id: "slow-build" })).id;
    this.#next(new Reply().pause(500).reasoning("**Comparing builds**\n\nThe cache key changed on Friday.", 15).text("Since Friday the cache key contains the commit, so nothing is ever found in the cache. Use the lock file's hash.", 15), { input: 7420, cached: 7168, output: 310, reasoning: 128 });
    await say("Why is the build slower since Friday?", { conversation_id: "slow-build" });
    await this.#editor.send("POST", "/v1/completions", { body: { prompt: "Hello" } });
    this.#upstream.script.push(new Reply().pause(300).text("A long answer that nobody waits for. ".repeat(40), 30));
    await this.#editor.leave("Explain every line of this file", "hgih-5.5-tpg");
    await rest(600);
  }

  async #scripts() {
    const ask = (content, answer, usage) => {
      this.#next(new Reply().pause(this.#between(200, 700)).text(answer, 8), usage);
      return this.#script.chat({ model: "gpt-5.4-mini", stream: false, temperature: 0, messages: [user(content)] });
    };
    await ask("Translate into German: Your session has expired.", "Ihre Sitzung ist abgelaufen.", { input: 92, output: 9 });
    await ask("Translate into Japanese: Your session has expired.", "セッションの有効期限が切れました。", { input: 92, output: 14 });
    await ask("Translate into Arabic: Your session has expired.", "انتهت صلاحية جلستك.", { input: 92, output: 11 });
    await ask("Summarise in one line: fix(upload): back off between tries, with jitter, and give up after six", "Uploads are retried with growing pauses, six times at most.", { input: 121, output: 16 });
  }

  /** A loop of tool calls until the work is done. */
  async #bug() {
    const chat = this.#chat("hgih-5.5-tpg", "3f0a77c4-5d1e-4b09-a4d6-0c9e8b1f2a65");
    const { ids } = this;
    const calls = (thought, list, usage) => {
      const reply = new Reply().pause(this.#between(250, 500)).reasoning(thought, 12);
      for (const [name, args] of list) reply.call(name, args);
      this.#next(reply, usage);
    };
    calls("**Finding the parser**\n\nThe message names a string that ends in the middle. I look for the tokenizer and for its tests before I touch anything.", [
      ["grep_search", { query: "unterminated|readString", include: "src/**/*.ts" }],
      ["list_dir", { path: "src/parser" }],
    ], { input: 12_480, cached: 3072, output: 310, reasoning: 148 });
    ids.detail = await this.#ask(chat, user("The parser hangs when the input ends in the middle of a string. Find out why, fix it and add a test."));
    calls("**Reading the tokenizer**\n\n`readString` looks like the place.", [["read_file", { path: "src/parser/tokenizer.ts", lines: "88-140" }]], { input: 13_260, cached: 12_416, output: 120, reasoning: 40 });
    await this.#results(chat, ["src/parser/tokenizer.ts:97:  private readString(quote: string) {\nsrc/parser/tokenizer.ts:121:  // unterminated strings run to the end", "ast.ts\nparser.ts\nparser.test.ts\ntokenizer.ts"], 900);
    calls("**The loop never ends**\n\nAt the end of the input `peek()` gives an empty string, which is never the quote.", [
      ["edit_file", { path: "src/parser/tokenizer.ts", instructions: "Stop at the end of the input", edit: "while (this.peek() !== quote) {\n  if (this.atEnd()) throw new ParseError('unterminated string', start);\n  …" }],
      ["edit_file", { path: "src/parser/parser.test.ts", instructions: "Add a test", edit: "it('reports a string without its end', …" }],
    ], { input: 14_870, cached: 13_184, output: 540, reasoning: 96 });
    await this.#results(chat, ["  private readString(quote: string) {\n    const start = this.pos;\n    let text = '';\n    while (this.peek() !== quote) {\n      text += this.next();\n    }\n    this.next();\n    return { kind: 'string', text, start };\n  }"], 400);
    calls("**Running the tests**", [["run_terminal_cmd", { command: "npm test -- parser" }]], { input: 15_620, cached: 14_848, output: 64, reasoning: 12 });
    await this.#results(chat, ["The file was changed.", "The file was changed."], 700);
    this.#next(new Reply().pause(300).text("The parser hung because `readString` waited for a quote that never came: at the end of the input `peek()` returns an empty string. It now throws `ParseError: unterminated string` with the position where the string began, and `parser.test.ts` checks that. All 48 tests pass.", 15), { input: 16_040, cached: 15_616, output: 118 });
    ids.answer = await this.#results(chat, [" ✓ src/parser/parser.test.ts (48 tests) 212ms\n\n Test Files  1 passed (1)\n      Tests  48 passed (48)"], 1800);
  }

  async #afterwards() {
    const chat = this.#chat("sonnet", "docs-review");
    await this.#turn(chat, "Which of our docs still mention the old CLI flags?", "Three do: `README.md` (line 41), `docs/install.md` and `docs/ci.md`. The flag `--fast` is gone since 3.0.", { input: 18_200, cached: 2048, output: 190, reasoning: 64 });
    await this.#turn(chat, "Update them", "All three now name `--profile fast`.", { input: 19_040, cached: 18_176, output: 350 });
  }

  #chat(model, name) {
    return { model, name, messages: [{ role: "system", content: SYSTEM }], open: [] };
  }

  async #turn(chat, question, answer, usage) {
    const reply = new Reply().pause(this.#between(150, 600));
    if (usage.reasoning) reply.reasoning("**Looking at what is there**\n\nI compare the text with the list of flags.", 12);
    this.#next(reply.text(answer, this.#between(8, 22)), usage);
    return this.#ask(chat, user(question));
  }

  async #results(chat, results, waited) {
    await rest(waited);
    const messages = chat.open.map((call, index) => ({ role: "tool", tool_call_id: call.id, content: results[index] ?? "" }));
    return this.#ask(chat, ...messages);
  }

  async #ask(chat, ...messages) {
    chat.messages.push(...messages);
    const { id, message } = await this.#editor.chat({
      model: chat.model,
      messages: chat.messages,
      tools: TOOLS,
      temperature: 0.2,
      metadata: { cursorConversationId: chat.name },
      user: "user-7f3a",
    });
    const { content, tool_calls: calls } = message;
    chat.messages.push({ role: "assistant", content, ...(calls.length ? { tool_calls: calls } : {}) });
    chat.open = calls;
    return id;
  }

  #next(reply, usage) {
    this.#used += 0.35;
    reply.limits({ primary: [this.#used.toFixed(1), 300, 6900], secondary: [17.2, 10_080, 262_000] });
    this.#upstream.script.push(reply.completed(usage));
  }
}
