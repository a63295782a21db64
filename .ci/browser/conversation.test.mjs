// One conversation opened: its turns, what they took, and where an edit broke the prefix.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { Client, user } from "./client.mjs";
import { pageTest } from "./page-test.mjs";
import { Proxy } from "./proxy.mjs";
import { until } from "./until.mjs";

const NAME = "novel";
let proxy;
let client;
const ids = [];
before(async () => {
  proxy = await Proxy.start();
  client = new Client(proxy.url);
  const messages = [];
  const turn = async (text) => {
    messages.push(user(text));
    const { id, message } = await client.say("", { messages, conversation_id: NAME });
    messages.push({ role: "assistant", content: message.content });
    ids.push(id);
  };
  await turn("Chapter one, please");
  await turn("Chapter two, please");
  await turn("Chapter three, please");
  // The user goes back to the second message.
  messages.splice(2, 4);
  await turn("Chapter two again, but shorter");
  await turn("Chapter three, then");
});
after(() => proxy.end());

const turns = (viewer) =>
  viewer.$("#panel [data-turn]").evaluateAll((rows) => rows.map((row) => [row.dataset.requestId, row.dataset.origin]));

async function opened(view, hash = `#conversation=${NAME}`) {
  const viewer = await view(proxy.url, { hash });
  await viewer.$('#panel[data-panel="conversation"]').waitFor();
  await until("all turns are shown", async () => (await turns(viewer)).length >= ids.length);
  return viewer;
}

pageTest("turns stand in order, and tell where each came from", async ({ view }) => {
  const viewer = await opened(view);
  assert.deepEqual(await turns(viewer), [
    [ids[0], "new"],
    [ids[1], "continued"],
    [ids[2], "continued"],
    [ids[3], "rebuilt"],
    [ids[4], "continued"],
  ]);
});

pageTest("the point where an edit broke the prefix is marked and explained", async ({ view }) => {
  const viewer = await opened(view);
  const marks = viewer.$("#panel [data-break]");
  assert.equal(await marks.count(), 1, "one edit, one mark");
  assert.match(await marks.textContent(), /changed the history/i);
});

pageTest("cache hits per turn, and a chart that can be read without seeing it", async ({ view }) => {
  const viewer = await opened(view);
  const { requests } = await client.log(`/requests?conversation=${NAME}`);
  const cached = requests.find(({ id }) => id === ids[2]).usage;
  assert.ok(cached.cached > 0, "the demo model reports cached tokens");
  const share = Math.round((cached.cached / cached.input) * 100);
  const text = await viewer.$(`#panel [data-turn][data-request-id="${ids[2]}"]`).textContent();
  assert.ok(text.includes(`${share}%`), `the turn tells ${share}% cached: ${text}`);
  const chart = viewer.$("#chart");
  assert.equal(await chart.getAttribute("role"), "img");
  const described = await chart.evaluate((svg) => svg.getAttribute("aria-label") ?? svg.querySelector("title, desc")?.textContent ?? "");
  assert.match(described, /token/i);
  const { width, height } = await chart.boundingBox();
  assert.ok(width > 100 && height > 30, `the chart measures ${width} × ${height}`);
});

pageTest("from a request to its conversation, to a turn, and back", async ({ view }) => {
  const viewer = await view(proxy.url);
  await viewer.openRequest(ids[1]);
  await viewer.$("#open-conversation").click();
  await viewer.$('#panel[data-panel="conversation"]').waitFor();
  assert.equal(viewer.hash().get("conversation"), NAME);
  const turn = viewer.$(`#panel [data-turn][data-request-id="${ids[3]}"]`);
  await turn.waitFor();
  const link = turn.getByRole("link").first();
  await ((await link.count()) ? link : turn).click();
  await viewer.showsRequest(ids[3]);
  await viewer.page.goBack();
  await viewer.$('#panel[data-panel="conversation"]').waitFor();
  await viewer.page.goBack();
  await viewer.showsRequest(ids[1]);
});

pageTest("a turn that comes while the conversation is open is added", async ({ view }) => {
  const viewer = await opened(view);
  await viewer.live();
  const { id } = await client.say("And an epilogue", { conversation_id: NAME });
  await until("the new turn is shown last", async () => (await turns(viewer)).at(-1)?.[0], { accept: (last) => last === id });
  ids.push(id);
});
