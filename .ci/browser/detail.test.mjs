// One request opened: facts, waterfall, records, the conversation, bodies.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { Client, SLOW, user } from "./client.mjs";
import { pageTest } from "./page-test.mjs";
import { Proxy } from "./proxy.mjs";
import { until } from "./until.mjs";

let proxy;
let client;
let loop;
before(async () => {
  proxy = await Proxy.start();
  client = new Client(proxy.url);
  loop = await client.toolLoop("Oslo", {
    model: "omed",
    conversation_id: "weather-report",
    temperature: 0.3,
    seed: 7,
  });
});
after(() => proxy.end());

/** The waterfall's rows in their order, as `{kind, label, time, left, width}`. */
const waterfall = (viewer) =>
  viewer.$("#waterfall [data-waterfall]").evaluateAll((rows) =>
    rows.map((row) => {
      const bar = row.querySelector(".wf-bar").getBoundingClientRect();
      const text = (selector) => row.querySelector(selector)?.textContent.trim() ?? "";
      return { kind: row.dataset.waterfall, label: text(".wf-label"), time: text(".wf-time"), left: bar.left, width: bar.width };
    }),
  );

pageTest("facts tell what was asked and what became of it", async ({ view }) => {
  const viewer = await view(proxy.url);
  await viewer.openRequest(loop.question.id);
  assert.match(await viewer.fact("model"), /omed.*demo/, "the model as it was sent, and as it was mapped");
  assert.match(await viewer.fact("conversation"), /weather-report/);
  assert.match(await viewer.fact("first-token"), /\d (ms|s)/);
  assert.match(await viewer.fact("duration"), /\d (ms|s)/);
  assert.match(await viewer.fact("reasoning"), /1/);
  assert.match(await viewer.fact("calls"), /get_weather/);
  assert.match(await viewer.fact("finish"), /tool_calls/);
  assert.match(await viewer.$("#panel .badge").first().textContent(), /200/);
  const { usage } = (await client.log(`/requests/${loop.question.id}`)).request;
  const number = async (name) => Number((await viewer.fact(name)).replace(/[^\d]/g, ""));
  assert.equal(await number("input"), usage.input);
  assert.equal(await number("output"), usage.output);
  assert.equal(await number("cached"), Math.round((usage.cached / usage.input) * 100));
  await viewer.$("#panel [data-usage]").waitFor();
  await viewer.$('#panel [data-fact="dropped"]').click();
  for (const name of ["temperature", "seed"]) {
    await viewer.$(`#panel [data-dropped-field="${name}"]`).waitFor();
  }
});

pageTest("the waterfall goes from the request to the call, its wait, and the end", async ({ view }) => {
  const viewer = await view(proxy.url);
  await viewer.openRequest(loop.question.id);
  await viewer.$('#waterfall [data-waterfall="tool"]').waitFor();
  const rows = await waterfall(viewer);
  const kinds = rows.map(({ kind }) => kind);
  const order = ["received", "forwarded", "first-token", "tool", "end"];
  assert.deepEqual(
    order.map((kind) => kinds.indexOf(kind)).toSorted((a, b) => a - b),
    order.map((kind) => kinds.indexOf(kind)),
    `the waterfall's order is ${kinds.join()}`,
  );
  assert.ok(!order.some((kind) => !kinds.includes(kind)), `the waterfall shows ${kinds.join()}`);
  const lefts = ["received", "forwarded", "first-token"].map((kind) => rows.find((row) => row.kind === kind).left);
  assert.deepEqual(lefts.toSorted((a, b) => a - b), lefts, "bars stand in the order of time");
  assert.ok(rows.every(({ label, time }) => label && time), `each row has a label and a time: ${JSON.stringify(rows)}`);

  const tool = viewer.$('#waterfall [data-waterfall="tool"]');
  assert.equal(await tool.getAttribute("data-call-id"), loop.call.id);
  assert.match(await tool.textContent(), /get_weather/);
  await tool.getByRole("link").click();
  await viewer.showsRequest(loop.answer.id);
  assert.match(await viewer.fact("answers"), /1 tool call of an earlier request after \d/, "it tells what it answers");
  await viewer.page.goBack();
  await viewer.showsRequest(loop.question.id);
});

pageTest("the conversation can be read, request and reply", async ({ view }) => {
  const viewer = await view(proxy.url);
  await viewer.openRequest(loop.answer.id);
  const tab = await viewer.tab("chat");
  const request = tab.locator('[data-section="request"]');
  await request.locator('[data-role="user"]').filter({ hasText: "Use get_weather for Oslo" }).waitFor();
  const call = request.locator('[data-part="tool_call"]');
  await call.filter({ hasText: "get_weather" }).filter({ hasText: "Oslo" }).waitFor();
  await request.locator('[data-part="tool_result"]').filter({ hasText: "7 °C, light rain" }).waitFor();
  const reply = tab.locator('[data-section="reply"]');
  await reply.locator('[data-part="text"]').filter({ hasText: "get_weather answered" }).waitFor();
  await reply.locator('[data-part="reasoning"]').filter({ hasText: "Reading the message" }).waitFor();
});

pageTest("the reply of a tool call shows the call", async ({ view }) => {
  const viewer = await view(proxy.url);
  await viewer.openRequest(loop.question.id);
  const reply = (await viewer.tab("chat")).locator('[data-section="reply"]');
  await reply.locator('[data-part="tool_call"]').filter({ hasText: "get_weather" }).filter({ hasText: "Oslo" }).waitFor();
});

pageTest("records are listed in order, each with its JSON", async ({ view }) => {
  const viewer = await view(proxy.url);
  await viewer.openRequest(loop.answer.id);
  const tab = await viewer.tab("records");
  const rows = tab.locator("[data-record-seq][data-type]");
  await rows.first().waitFor();
  const types = await rows.evaluateAll((all) => all.map((row) => row.dataset.type));
  assert.equal(types[0], "incoming_request");
  assert.equal(types.at(-1), "cursor_response");
  for (const type of ["tool_result_received", "resumed", "codex_forward", "first_token", "reasoning_detected"]) {
    assert.ok(types.includes(type), `${type} is among ${types.join()}`);
  }
  const opener = rows.first().locator("[aria-expanded]");
  await opener.click();
  assert.equal(await opener.getAttribute("aria-expanded"), "true");
  await tab.getByText('"incoming_request"').first().waitFor();
});

pageTest("raw bodies are there as they are kept, and can be copied", async ({ view }) => {
  const viewer = await view(proxy.url);
  await viewer.openRequest(loop.answer.id);
  const tab = await viewer.tab("raw");
  for (const kind of ["headers", "request", "reply"]) {
    const text = await tab.locator(`[data-body="${kind}"] .code`).textContent();
    assert.ok(JSON.parse(text), `the ${kind} are JSON`);
  }
  await tab.locator('[data-body="request"]').getByRole("button", { name: /copy/i }).click();
  await viewer.toast(/^Copied/);
  const copied = JSON.parse(await viewer.page.evaluate(() => navigator.clipboard.readText()));
  assert.equal(copied.conversation_id, "weather-report");
  assert.equal(copied.messages.length, loop.messages.length);
});

pageTest("secrets in a request are not kept", async ({ view }) => {
  const secret = "sk-proj-Q7vT2mXk9Lw4Rz8Nb3Hc6Jd1Yf5Gs0Pa";
  const { id } = await client.chat(
    { messages: [user(`My key is ${secret}, and DB_PASSWORD=hunter2hunter2`)], metadata: { api_key: secret } },
    { headers: { authorization: `Bearer ${secret}`, cookie: "session=abcdef0123456789" } },
  );
  const viewer = await view(proxy.url);
  await viewer.openRequest(id);
  for (const name of ["chat", "records", "raw"]) {
    const tab = await viewer.tab(name);
    await until(`the tab ${name} is filled`, async () => (await tab.textContent()).length > 40);
    const text = await viewer.page.locator("body").textContent();
    for (const hidden of [secret, "hunter2hunter2", "abcdef0123456789"]) {
      assert.ok(!text.includes(hidden), `“${hidden}” can be read in the tab ${name}`);
    }
  }
  assert.match(await viewer.$("#tabpanel").textContent(), /redacted/);
});

pageTest("a link leads to the same request and tab, also after a reload", async ({ view }) => {
  const viewer = await view(proxy.url);
  await viewer.openRequest(loop.question.id);
  await viewer.tab("raw");
  await viewer.page.getByRole("button", { name: "Copy link" }).click();
  await viewer.toast(/^Copied/);
  const link = await viewer.page.evaluate(() => navigator.clipboard.readText());
  const other = await view(proxy.url, { hash: new URL(link).hash });
  await other.showsRequest(loop.question.id);
  await other.$('#tabpanel[data-tab="raw"]').waitFor();
  await other.page.reload();
  await other.showsRequest(loop.question.id);
  await other.$('#tabpanel[data-tab="raw"]').waitFor();
});

pageTest("an opened request that runs is completed by itself", async ({ view }) => {
  const viewer = await view(proxy.url);
  await viewer.live();
  const known = new Set(await viewer.ids());
  const reply = client.say(SLOW);
  const id = await until("the request is listed", async () => (await viewer.ids()).find((id) => !known.has(id)));
  await viewer.openRequest(id);
  await viewer.$('#waterfall [data-waterfall="end"]').filter({ hasText: "Running" }).waitFor();
  await reply;
  await viewer.$('#waterfall [data-waterfall="end"]').filter({ hasText: "Done" }).waitFor();
  await viewer.$('#tabpanel [data-section="reply"]').filter({ hasText: "I am the demo model" }).waitFor();
});
