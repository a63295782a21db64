// Finding requests: by text, status, model, conversation and type, and in the records view.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { Client, user } from "./client.mjs";
import { pageTest } from "./page-test.mjs";
import { Proxy } from "./proxy.mjs";
import { until } from "./until.mjs";

let proxy;
let client;
/** Ids by a name of ours; listed newest first. */
const ids = {};
before(async () => {
  proxy = await Proxy.start();
  client = new Client(proxy.url);
  ids.plain = (await client.say("Tell me of zebras")).id;
  ids.other = (await client.say("Tell me of walruses and zebras", { model: "omed" })).id;
  ids.bad = (await client.chat({ messages: [user("Two answers")], n: 2 })).id;
  const loop = await client.toolLoop("Turku", { conversation_id: "finland" });
  ids.question = loop.question.id;
  ids.answer = loop.answer.id;
  ids.unknown = (await client.send("GET", "/v1/models/nonesuch")).headers.get("x-request-id");
});
after(() => proxy.end());

const all = () => [ids.unknown, ids.answer, ids.question, ids.bad, ids.other, ids.plain];

async function opened(view, hash) {
  const viewer = await view(proxy.url, { hash });
  await viewer.live();
  if (!hash) await viewer.lists(all(), "without a filter");
  return viewer;
}

pageTest("text finds requests by what they say, and by their ids", async ({ view }) => {
  const viewer = await opened(view);
  const search = viewer.page.getByRole("searchbox", { name: "Search" });
  await search.fill("ZEBRAS");
  await viewer.lists([ids.other, ids.plain], "of zebras");
  assert.equal(viewer.hash().get("q"), "ZEBRAS");
  assert.match(await viewer.$("#count").textContent(), /^2 requests/);
  await search.fill("only one choice");
  await viewer.lists([ids.bad], "by its error");
  await search.fill(ids.other);
  await viewer.lists([ids.other], "by id");
  await search.fill("get_weather");
  await viewer.lists([ids.answer, ids.question], "by the tool's name");
  await search.fill("no such thing");
  await viewer.$('#empty[data-empty="no-match"]').waitFor();
  await viewer.$("#empty").getByRole("button", { name: "Clear filters" }).click();
  await viewer.lists(all(), "after clearing");
  assert.equal(viewer.hash().get("q"), null);
});

pageTest("status, model and conversation narrow the list, together too", async ({ view }) => {
  const viewer = await opened(view);
  const status = viewer.$("#filter-status");
  await status.selectOption("error");
  await viewer.lists([ids.unknown, ids.bad], "errors");
  await viewer.page.getByRole("searchbox", { name: "Search" }).fill("choice");
  await viewer.lists([ids.bad], "errors about a choice");
  await viewer.$("#filter-reset").click();
  await status.selectOption("ok");
  await viewer.lists([ids.answer, ids.question, ids.other, ids.plain], "those that went well");
  await viewer.$("#filter-model").fill("omed");
  await viewer.lists([ids.other], "of a model");
  await viewer.$("#filter-reset").click();
  await viewer.$("#filter-chat").fill("finland");
  await viewer.lists([ids.answer, ids.question], "of a conversation");
});

pageTest("types choose requests with such a record", async ({ view }) => {
  const viewer = await opened(view);
  await viewer.page.getByRole("button", { name: "Types" }).click();
  await viewer.$('#types input[value="tool_result_received"]').check();
  await viewer.lists([ids.answer], "with a tool result");
  await viewer.$('#types input[value="tool_call_forwarded"]').check();
  await viewer.lists([ids.answer, ids.question], "with a call or a result");
  assert.equal(viewer.hash().get("types"), "tool_call_forwarded,tool_result_received");
});

pageTest("the address keeps filters, and back goes back", async ({ view }) => {
  const viewer = await opened(view, "#status=error&q=choice");
  await viewer.lists([ids.bad], "from the address");
  assert.equal(await viewer.$("#search").inputValue(), "choice");
  assert.equal(await viewer.$("#filter-status").inputValue(), "error");
  await viewer.$("#filter-reset").click();
  await viewer.lists(all(), "cleared");
  await viewer.page.goBack();
  await viewer.lists([ids.bad], "after going back");
  assert.equal(await viewer.$("#search").inputValue(), "choice");
  await viewer.page.reload();
  await viewer.lists([ids.bad], "after a reload");
});

pageTest("new requests keep to the filter", async ({ view }) => {
  const viewer = await opened(view, "#q=ostrich");
  await viewer.$('#empty[data-empty="no-match"]').waitFor();
  const wanted = await client.say("Tell me of an ostrich");
  const unwanted = await client.say("Tell me of an otter");
  await viewer.lists([wanted.id], "with an ostrich");
  await viewer.$("#filter-reset").click();
  await viewer.lists([unwanted.id, wanted.id, ...all()], "without the filter");
});

pageTest("the records view lists what happened, by type", async ({ view }) => {
  const viewer = await view(proxy.url);
  await viewer.live();
  await viewer.page.getByRole("button", { name: "Records" }).click();
  const types = () => viewer.$("#grid [role=row][data-record-seq]:visible").evaluateAll((rows) => rows.map((row) => row.dataset.type));
  await until("records are listed", async () => (await types()).includes("incoming_request"));
  await viewer.page.getByRole("button", { name: "Types" }).click();
  await viewer.$('#types input[value="parked"]').check();
  await until("only parked turns are listed", types, { accept: (shown) => shown.join() === "parked" });
  await viewer.page.keyboard.press("Escape");
  await viewer.$("#grid [data-record-seq]:visible").first().click();
  await viewer.showsRequest(ids.question);
  assert.equal(viewer.hash().get("view"), "records");
});
