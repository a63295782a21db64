// Requests as they happen: they appear by themselves, and nobody loses the place in the list.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { Client, SLOW } from "./client.mjs";
import { pageTest } from "./page-test.mjs";
import { Proxy } from "./proxy.mjs";
import { until } from "./until.mjs";

let proxy;
let client;
before(async () => {
  proxy = await Proxy.start();
  client = new Client(proxy.url);
});
after(() => proxy.end());

pageTest("an empty log says so, and how to fill it", async ({ view, serve }) => {
  const fresh = await serve();
  const viewer = await view(fresh.url);
  await viewer.live();
  await viewer.$('#empty[data-empty="empty"]').waitFor();
  const address = await viewer.$("#base-url").textContent();
  assert.ok(address.includes(fresh.url), `the address to enter in a client is “${address}”`);
  await new Client(fresh.url).say("The first");
  await until("the empty state gives way to a row", async () => (await viewer.ids()).length === 1);
  assert.equal(await viewer.$("#empty").isVisible(), false, "the empty state is gone");
});

pageTest("a request appears within a second, runs, and ends within a second", async ({ view }) => {
  const viewer = await view(proxy.url);
  await viewer.live();
  const loaded = await viewer.page.evaluate(() => performance.timeOrigin);
  for (const stream of [true, false]) {
    const known = new Set(await viewer.ids());
    const sent = performance.now();
    let answered;
    const reply = client.say(SLOW, { stream }).finally(() => (answered = performance.now()));
    const id = await until("the request is listed", async () => (await viewer.ids()).find((id) => !known.has(id)));
    const appeared = performance.now() - sent;
    assert.ok(appeared < 1000, `it took ${appeared} ms until the request was listed`);
    await viewer.listed(id, "running");
    assert.equal(answered, undefined, "it is listed as running while it runs");
    assert.match(await viewer.cell(id, "preview").textContent(), /^Slowly, please: a a/);
    assert.equal((await reply).id, id, "the row is the request's");
    await viewer.listed(id, "done");
    const ended = performance.now() - answered;
    assert.ok(ended < 1000, `it took ${ended} ms until the end was seen`);
  }
  assert.equal(await viewer.page.evaluate(() => performance.timeOrigin), loaded, "the page was not loaded again");
});

pageTest("a list that comes late does not undo what was seen live", async ({ view }) => {
  const viewer = await view(proxy.url, { load: false });
  const old = await client.say("Seen only in the list");
  const reply = client.say(SLOW);
  let told;
  const late = new Promise((go) => (told = go));
  await viewer.page.route("**/logs/api/requests?*", async (route) => {
    const response = await route.fetch();
    await late;
    await route.fulfill({ response });
  });
  await until("the request is logged", async () => (await client.log("/requests?status=running")).requests.length > 0);
  await viewer.load();
  const { id } = await reply;
  await viewer.listed(id, "done");
  told();
  await viewer.listed(old.id, "done");
  await viewer.listed(id, "done");
});

pageTest("a row tells model, times, tokens and tools", async ({ view }) => {
  const viewer = await view(proxy.url);
  await viewer.live();
  const { question } = await client.toolLoop("Bergen", { model: "omed" });
  const row = await viewer.listed(question.id, "done");
  const text = async (name) => (await viewer.cell(question.id, name).textContent()).trim();
  assert.match(await text("time"), /\d\d:\d\d/);
  assert.match(await text("model"), /omed.*demo/s, "the model as it was sent, and as it was mapped");
  assert.match(await text("status"), /200|ok|done|tool/i);
  assert.match(await text("first-token"), /\d (ms|s)/);
  assert.match(await text("duration"), /\d (ms|s)/);
  assert.match(await text("in"), /\d/);
  assert.match(await text("out"), /\d/);
  assert.match(await text("tools"), /get_weather/);
  assert.ok((await text("chat")).length > 0, "the conversation");
  assert.equal(await row.getAttribute("data-state"), "done");
});

pageTest("the header counts", async ({ view }) => {
  const viewer = await view(proxy.url);
  await viewer.live();
  const stat = async (name) => (await viewer.$(`[data-stat="${name}"] .stat-value`).textContent()).trim();
  const reply = client.say(SLOW);
  await until("the header counts what runs", async () => Number(await stat("running")) >= 1);
  await reply;
  await until("the header counts what runs no longer", async () => Number(await stat("running")) === 0);
  await until("requests per minute are counted", async () => parseFloat(await stat("rpm")) >= 1);
  await until("the median of first tokens is told", () => stat("first-token"), { accept: (text) => /\d (ms|s)/.test(text) });
  await client.chat({ messages: [] });
  await until("the error rate rises", () => stat("error-rate"), { accept: (text) => parseFloat(text) > 0 });
  assert.equal(await stat("bodies"), "redacted");
  assert.match(await stat("version"), /\d+\.\d+/);
  assert.equal(await viewer.$('[data-stat="dropped"]').isVisible(), false, "nothing was dropped");
  assert.equal(await viewer.$('[data-stat="unsaved"]').isVisible(), false, "nothing is unsaved");
});

pageTest("a client that leaves is told from a failure", async ({ view }) => {
  const viewer = await view(proxy.url);
  await viewer.live();
  const id = await client.leave();
  await viewer.listed(id, "left");
  await viewer.openRequest(id);
  assert.match(await viewer.$("#error-box .error-what").textContent(), /closed the connection/i);
});

pageTest("new rows move nothing that is being read", async ({ view, serve }) => {
  const busy = await serve();
  const requests = new Client(busy.url);
  await requests.many(80);
  const viewer = await view(busy.url);
  await viewer.live();
  await until("the list is full", async () => (await viewer.ids()).length > 15);
  await viewer.$("#grid").evaluate((grid) => grid.scrollBy(0, 1000));
  const box = await viewer.$("#grid").boundingBox();
  const middle = async () =>
    viewer.page.evaluate(
      ([x, y]) => {
        const row = document.elementFromPoint(x, y)?.closest("[data-request-id]");
        return row && [row.dataset.requestId, Math.round(row.getBoundingClientRect().top)].join(" at ");
      },
      [box.x + 60, box.y + box.height / 2],
    );
  const before = await until("a row is in the middle of the window", middle);
  await requests.many(7);
  const pill = viewer.$("#new-pill");
  await pill.filter({ hasText: "7 new requests" }).waitFor();
  assert.equal(await middle(), before, "the row in the middle stays where it is");
  await pill.click();
  await until("the pill leads to the top", () => viewer.$("#grid").evaluate((grid) => grid.scrollTop === 0));
  assert.equal(await pill.isVisible(), false, "the pill is gone at the top");
});

pageTest("a pause holds the list, and what came meanwhile is there after it", async ({ view }) => {
  const viewer = await view(proxy.url);
  await viewer.live();
  const first = await client.say("Before the pause");
  await viewer.listed(first.id, "done");
  await viewer.page.getByRole("button", { name: "Pause" }).click();
  await viewer.connection("paused");
  const held = await viewer.ids();
  const { id } = await client.say("During the pause");
  await viewer.$("#new-pill").filter({ hasText: "1 new request" }).waitFor();
  assert.deepEqual(await viewer.ids(), held, "the list does not move");
  await viewer.page.getByRole("button", { name: "Resume" }).click();
  await viewer.live();
  await viewer.listed(id, "done");
  assert.equal((await viewer.ids())[0], id, "the newest is on top");
});
