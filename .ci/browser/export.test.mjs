// What leaves the page: curl commands that run, downloads that parse, and deletion.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { promisify } from "node:util";
import { Client, user } from "./client.mjs";
import { pageTest } from "./page-test.mjs";
import { Proxy } from "./proxy.mjs";
import { until } from "./until.mjs";

const KEY = "browser-test-key";
/** What a shell could stumble over. */
const AWKWARD = "It's \"quoted\", costs $HOME and `date`;\nsecond line \\ with a backslash, ünïcödé 🎈";

let proxy;
let client;
let curlHome;
before(async () => {
  proxy = await Proxy.start({ key: KEY });
  client = new Client(proxy.url, { authorization: `Bearer ${KEY}` });
  // curl then writes the status behind the reply, whatever the command says.
  curlHome = await mkdtemp(join(tmpdir(), "logs-page-curl-"));
  await writeFile(join(curlHome, ".curlrc"), 'silent\nshow-error\nwrite-out = "\\n%{http_code}"\n');
});
after(async () => {
  await rm(curlHome, { recursive: true });
  await proxy.end();
});

async function unlocked(view, hash) {
  const viewer = await view(proxy.url, { hash, expect: [/status of 401/] });
  await viewer.$("#key").fill(KEY);
  await viewer.page.keyboard.press("Enter");
  return viewer.live();
}

async function run(command) {
  const env = { ...process.env, CURL_HOME: curlHome, PROXY_API_KEY: KEY };
  const { stdout } = await promisify(execFile)("bash", ["-c", command], { env });
  const at = stdout.lastIndexOf("\n");
  return { status: Number(stdout.slice(at)), text: stdout.slice(0, at) };
}

async function download(viewer, start) {
  const [file] = await Promise.all([viewer.page.waitForEvent("download"), start()]);
  return { name: file.suggestedFilename(), text: await readFile(await file.path(), "utf8") };
}

pageTest("the copied curl command repeats the request", async ({ view }) => {
  for (const stream of [false, true]) {
    const { id } = await client.say(AWKWARD, { stream });
    const viewer = await unlocked(view);
    await viewer.openRequest(id);
    await viewer.page.getByRole("button", { name: "Copy as curl" }).click();
    await viewer.toast(/^Copied/);
    const command = await viewer.page.evaluate(() => navigator.clipboard.readText());
    assert.ok(!command.includes(KEY), "the key is not in the command");
    const { status, text } = await run(command);
    assert.equal(status, 200, `${command}\nis answered ${text}`);
    assert.match(text, stream ? /^data: \{/m : /"object":\s*"chat\.completion"/);
    const again = await until("the repeated request is listed", async () => (await viewer.ids())[0], {
      accept: (shown) => shown !== id,
    });
    const body = ({ bodies }) => JSON.parse(bodies.find(({ kind }) => kind === "request").text);
    assert.deepEqual(body(await client.log(`/requests/${again}`)), body(await client.log(`/requests/${id}`)));
  }
});

pageTest("a request of another kind can be repeated too", async () => {
  const id = (await client.send("GET", "/v1/models")).headers.get("x-request-id");
  const command = await until("the command can be had", async () => {
    const { status, text } = await client.send("GET", `/logs/api/requests/${id}/curl`);
    return status === 200 && text;
  });
  const { status, text } = await run(command);
  assert.equal(status, 200, `${command}\nis answered ${text}`);
  assert.equal(JSON.parse(text).object, "list");
});

pageTest("a selection can be saved as JSON lines", async ({ view }) => {
  const { id } = await client.say("To be exported as lines");
  await client.say("Not to be exported");
  const viewer = await unlocked(view, "#q=exported+as+lines");
  await viewer.lists([id]);
  const { name, text } = await download(viewer, () => viewer.menu("Export as JSON lines"));
  assert.match(name, /\.(jsonl|ndjson)$/);
  const records = text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.ok(records.length > 0, "there are records in it");
  assert.ok(records.some((record) => record.request === id && record.type === "incoming_request"), text.slice(0, 500));
  assert.ok(!text.includes("Not to be exported"), "the filter counts");
});

pageTest("one request can be saved as JSON lines", async ({ view }) => {
  const { id } = await client.say("The one to be saved");
  const viewer = await unlocked(view);
  await viewer.openRequest(id);
  const { text } = await download(viewer, () => viewer.$("#panel").getByRole("button", { name: "Export JSON lines" }).click());
  const records = text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.ok(records.every((record) => record.request === id), "only its own records");
  const types = new Set(records.map((record) => record.type));
  assert.ok(types.has("incoming_request") && types.has("cursor_response"), [...types].join());
});

pageTest("a selection can be saved as HAR", async ({ view }) => {
  const { id } = await client.say(AWKWARD, { stream: false });
  await client.chat({ messages: [user("Hello")], n: 3 });
  const viewer = await unlocked(view);
  await viewer.listed(id);
  const { name, text } = await download(viewer, () => viewer.menu("Export as HAR"));
  assert.match(name, /\.har$/);
  assert.ok(!text.includes(KEY), "the key is not in the file");
  const { log } = JSON.parse(text);
  assert.equal(log.version, "1.2");
  assert.ok(log.creator.name && log.creator.version, "it names its creator");
  for (const entry of log.entries) {
    assert.ok(Number.isFinite(Date.parse(entry.startedDateTime)), entry.startedDateTime);
    for (const part of ["send", "wait", "receive"]) assert.equal(typeof entry.timings[part], "number", part);
    assert.ok(Array.isArray(entry.request.headers) && Array.isArray(entry.response.headers), "headers");
    assert.ok(new URL(entry.request.url), "an absolute address");
    assert.ok("cache" in entry && "content" in entry.response, "what HAR asks for");
  }
  assert.ok(log.entries.some(({ response }) => response.status === 400), "failures are in it");
  const mine = log.entries.filter(({ request }) => request.postData?.text.includes("ünïcödé"));
  assert.ok(mine.some(({ response }) => response.status === 200 && response.content.text.includes("You said")), "bodies are in it");
});

pageTest("clearing asks first, and then deletes everything", async ({ view, serve }) => {
  const own = await serve();
  const requests = new Client(own.url);
  const { id } = await requests.say("To be deleted");
  const viewer = await view(own.url);
  await viewer.live();
  const other = await view(own.url);
  await other.listed(id, "done");
  await viewer.listed(id, "done");
  await viewer.menu("Clear all…");
  const dialog = viewer.page.getByRole("dialog", { name: /clear all records/i });
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await dialog.waitFor({ state: "hidden" });
  await viewer.listed(id);
  await viewer.menu("Clear all…");
  await dialog.getByRole("button", { name: "Clear all" }).click();
  await viewer.toast(/^Deleted/);
  await viewer.$('#empty[data-empty="empty"]').waitFor();
  await other.$('#empty[data-empty="empty"]').waitFor();
  assert.deepEqual((await requests.log("/records")).records, []);
  const after = await requests.say("After that");
  await viewer.lists([after.id], "new ones come");
});
