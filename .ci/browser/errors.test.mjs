// Failures: they stand out in the list, and the panel says what went wrong and what to do.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { Client, user } from "./client.mjs";
import { pageTest } from "./page-test.mjs";
import { Proxy } from "./proxy.mjs";
import { Reply, Upstream } from "./upstream.mjs";
import { until } from "./until.mjs";

let upstream;
let proxy;
let client;
before(async () => {
  upstream = await Upstream.start();
  const codexConfig = upstream.config().replace("stream_max_retries = 0", "stream_max_retries = 1");
  proxy = await Proxy.start({ command: "serve", codexConfig });
  client = new Client(proxy.url);
});
after(async () => {
  await proxy.end();
  await upstream.end();
});

const hello = { model: "gpt-5.2", messages: [user("Hello")] };
const good = () => new Reply().text("Hello.").completed();

async function opened(view) {
  const viewer = await view(proxy.url);
  return viewer.live();
}

/** Waits until the request is listed as failed, opens it, and checks what the panel says. */
async function explains(viewer, id, { status, code, message, what }) {
  await viewer.listed(id, "failed");
  assert.match(await viewer.cell(id, "status").textContent(), new RegExp(status));
  await viewer.openRequest(id);
  const box = viewer.$("#error-box");
  await box.waitFor();
  if (code) assert.equal(await box.getAttribute("data-code"), code);
  assert.match(await box.locator(".error-message").textContent(), message, "the client's own message is shown");
  assert.match(await box.locator(".error-what").textContent(), what ?? /\w{4}/, "it says what went wrong");
  assert.match(await box.locator(".error-do").textContent(), /\w{4}/, "it says what to do");
}

pageTest("a failed row looks unlike one that went well", async ({ view }) => {
  const viewer = await opened(view);
  upstream.script.push(good());
  const ok = await client.chat(hello);
  const bad = await client.chat({ ...hello, n: 2 });
  await viewer.listed(ok.id, "done");
  await viewer.listed(bad.id, "failed");
  const look = (id) =>
    viewer.cell(id, "status").evaluate((cell) => {
      const inner = cell.querySelector("*") ?? cell;
      return getComputedStyle(inner).color;
    });
  assert.notEqual(await look(bad.id), await look(ok.id), "the status has another colour");
  const text = async (id) => (await viewer.cell(id, "status").textContent()).trim();
  assert.notEqual(await text(bad.id), await text(ok.id), "and another text, for those who see no colours");
});

pageTest("a bad field is named", async ({ view }) => {
  const viewer = await opened(view);
  const { id, status } = await client.chat({ ...hello, n: 2 });
  assert.equal(status, 400);
  await explains(viewer, id, { status: 400, message: /n/, what: /“n”/ });
});

pageTest("a body that is no JSON, an unknown path, an unknown model", async ({ view }) => {
  const viewer = await opened(view);
  const failed = async (method, path, body) => {
    const { headers, text } = await client.send(method, path, { body });
    return { id: headers.get("x-request-id"), error: JSON.parse(text).error };
  };
  const broken = await failed("POST", "/v1/chat/completions", '{"model": "gpt-5.2", "messages": [');
  await explains(viewer, broken.id, { status: 400, message: /JSON/i });
  const model = await failed("GET", "/v1/models/gtp-5");
  await explains(viewer, model.id, { status: 404, code: "model_not_found", message: /gtp-5/ });
  const path = await failed("POST", "/v1/completions", "{}");
  await explains(viewer, path.id, { status: 404, code: "unknown_url", message: /\/v1\/completions/ });
});

pageTest("a wrong key of a client is explained", async ({ view, serve }) => {
  const keyed = await serve({ key: "the-right-one" });
  const { id, status } = await new Client(keyed.url, { authorization: "Bearer the-wrong-one" }).chat(hello);
  assert.equal(status, 401);
  const viewer = await view(keyed.url, { expect: [/status of 401/, /WebSocket connection/] });
  await viewer.$("#key").fill("the-right-one");
  await viewer.page.keyboard.press("Enter");
  await viewer.live();
  await explains(viewer, id, { status: 401, code: "invalid_api_key", message: /key/ });
  assert.ok(!(await viewer.page.locator("body").textContent()).includes("the-wrong-one"), "the wrong key is not shown either");
});

pageTest("a plan that is used up tells when it resets", async ({ view }) => {
  const viewer = await opened(view);
  const windows = { primary: [100, 300, 5400], secondary: [41, 10080, 200_000] };
  const error = { type: "usage_limit_reached", message: "The usage limit has been reached", plan_type: "plus" };
  error.resets_at = Math.floor(Date.now() / 1000) + 5400;
  upstream.script.push(Reply.error(429, error).limits(windows));
  const { id, status } = await client.chat(hello);
  assert.equal(status, 429);
  await explains(viewer, id, { status: 429, code: "usage_limit_reached", message: /limit/ });
});

pageTest("rate limits of a good reply are shown with their reset", async ({ view }) => {
  const viewer = await opened(view);
  upstream.script.push(good().limits({ primary: [62.5, 300, 5400], secondary: [17, 10080, 200_000] }));
  await client.chat(hello);
  for (const [name, used] of [
    ["primary", "63"],
    ["secondary", "17"],
  ]) {
    const limit = viewer.$(`[data-limit="${name}"]`);
    await until(`the ${name} limit is shown`, () => limit.getByRole("meter").getAttribute("aria-valuenow", { timeout: 500 }), {
      accept: (value) => value === used || value === "62",
    });
    assert.match(await limit.textContent(), /resets .*in /);
  }
});

pageTest("an error inside of a stream is told as such, with the retry before it", async ({ view }) => {
  const viewer = await opened(view);
  // Only a reply that has said nothing yet is tried again.
  upstream.script.push(new Reply());
  upstream.script.push(new Reply().begins("It begins well,"));
  const { id, error } = await client.chat(hello);
  assert.ok(error, "the stream ends with an error");
  await explains(viewer, id, { status: 502, message: /\w/, what: /status 200/ });
  await viewer.$('#waterfall [data-waterfall="retry"]').first().waitFor();
  await viewer.tab("records");
  await viewer.$('#tabpanel [data-type="stream_codex_error"]').first().waitFor();
  const reply = (await viewer.tab("chat")).locator('[data-section="reply"]');
  await reply.filter({ hasText: "It begins well," }).waitFor();
});

pageTest("an upstream that refuses the login is not blamed on the client", async ({ view }) => {
  const viewer = await opened(view);
  const refusal = { type: "invalid_request_error", code: "invalid_api_key", message: "Bad key." };
  upstream.script.push(Reply.error(401, refusal), Reply.error(401, refusal));
  const { id } = await client.chat(hello);
  await explains(viewer, id, { status: 502, code: "upstream_auth_error", message: /\w/, what: /upstream refuses/i });
});
