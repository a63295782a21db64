// Text of models and clients is text, whatever it says: no markup, no script, no hidden characters.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { Client, user } from "./client.mjs";
import { pageTest } from "./page-test.mjs";
import { Proxy } from "./proxy.mjs";
import { Reply } from "./upstream.mjs";
import { until } from "./until.mjs";

const MARKUP = "<script>window.hit=1</script><img src=x onerror=window.hit=2><svg onload=window.hit=3><b class=planted>bold</b>";
/** The same without blanks and quotes, for names. */
const NAME = "\"><img/src=x/onerror=window.hit=4><b/class=planted>";
const HIDDEN = "\u202Egnp.exe\u202C \u2066x\u2069 \u200B \u0007\u001B[31mred\u001B[0m \u0000nul \u009Bc1 \uFEFF";
const HOSTILE = `${MARKUP} ${HIDDEN} javascript:alert(1) &lt;i&gt; {{7*7}} \${7*7}`;

/** What must be nowhere in the page as it is: it would be obeyed instead of shown. */
const OBEYED = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u200B\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/u;

let proxy;
let client;
before(async () => {
  proxy = await Proxy.start();
  client = new Client(proxy.url);
});
after(() => proxy.end());

/** Nothing ran, nothing was built, nothing is hidden. */
async function harmless(viewer, where) {
  const found = await viewer.page.evaluate((pattern) => {
    const obeyed = new RegExp(pattern, "u");
    const wrong = [];
    if (window.hit !== undefined) wrong.push(`a script ran: ${window.hit}`);
    for (const element of document.querySelectorAll("*")) {
      if (element.matches(".planted, img:not([src^='data:']), iframe, object, embed, base, [onerror], [onload]")) {
        wrong.push(`an element was built: ${element.outerHTML.slice(0, 200)}`);
      }
      if (element.matches("script") && !element.getAttribute("src")?.startsWith("/logs/assets/")) {
        wrong.push(`a script was built: ${element.textContent}`);
      }
      for (const { name, value } of element.attributes) {
        if (["href", "src"].includes(name) && /^\s*javascript:/i.test(value)) wrong.push(`a link runs: ${value}`);
        if (["title", "aria-label"].includes(name) && obeyed.test(value)) {
          wrong.push(`the ${name} of ${element.tagName} hides characters: ${JSON.stringify(value).slice(0, 200)}`);
        }
      }
    }
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const { data, parentElement } = walker.currentNode;
      if (obeyed.test(data)) wrong.push(`hidden characters in ${parentElement.outerHTML.slice(0, 200)}`);
    }
    if (obeyed.test(document.title)) wrong.push("hidden characters in the title");
    return wrong;
  }, OBEYED.source);
  assert.deepEqual(found, [], `hostile text took effect in ${where}`);
}

async function everywhere(viewer, id) {
  await harmless(viewer, "the list");
  await viewer.openRequest(id);
  for (const name of ["chat", "records", "raw"]) {
    const tab = await viewer.tab(name);
    await until(`the tab ${name} is filled`, async () => (await tab.textContent()).length > 10);
    await tab.evaluate((panel) => {
      for (const closed of panel.querySelectorAll("[aria-expanded=false], details:not([open]) > summary")) closed.click();
    });
    await harmless(viewer, `the tab ${name}`);
  }
  if (await viewer.$("#open-conversation").count()) {
    await viewer.$("#open-conversation").click();
    await viewer.$('#panel[data-panel="conversation"] [data-turn]').first().waitFor();
    await harmless(viewer, "the conversation");
  }
}

pageTest("messages and replies", async ({ view }) => {
  const viewer = await view(proxy.url);
  await viewer.live();
  const { id } = await client.say("", {
    messages: [{ role: "system", content: `System ${HOSTILE}` }, user(HOSTILE)],
  });
  await viewer.listed(id, "done");
  const preview = await viewer.cell(id, "preview").textContent();
  assert.ok(preview.includes("<script>window.hit=1</script>"), `the markup is shown as it was written: ${preview}`);
  await everywhere(viewer, id);
  await viewer.page.goBack();
  const tab = await viewer.tab("chat");
  const said = await tab.locator('[data-role="user"]').first().textContent();
  for (const shown of ["<img src=x onerror=window.hit=2>", "⟨U+202E⟩", "[31mred", "&lt;i&gt;"]) {
    assert.ok(said.includes(shown), `${shown} can be read in the message: ${said}`);
  }
  assert.match(said, /(␛|⟨ESC⟩)\[31mred/, "a control character is shown as a symbol");
  const reply = await tab.locator('[data-section="reply"]').textContent();
  assert.ok(reply.includes("<script>window.hit=1</script>"), `and in the reply: ${reply}`);
});

pageTest("tools: names, arguments, results", async ({ view, serve, script }) => {
  const upstream = await script();
  const lab = await serve({ command: "serve", codexConfig: upstream.config() });
  const viewer = await view(lab.url);
  const requests = new Client(lab.url);
  const name = `tool${NAME}`;
  const parameters = { type: "object", properties: { [NAME]: { type: "string" } }, required: [NAME] };
  const tools = [{ type: "function", function: { name, description: HOSTILE, parameters } }];
  // The name goes upstream in a form that is allowed there.
  upstream.script.push((body) => new Reply().call(functions(body)[0], { [NAME]: HOSTILE }).completed());
  upstream.script.push(() => new Reply().text(HOSTILE).completed());
  const messages = [user(HOSTILE)];
  const ask = () => requests.say("", { model: "gpt-5.2", messages, tools });
  const question = await ask();
  const calls = question.message.tool_calls;
  assert.equal(calls[0]?.function.name, name, "the model calls the tool");
  messages.push({ role: "assistant", content: HOSTILE, tool_calls: calls });
  messages.push({ role: "tool", tool_call_id: calls[0].id, content: HOSTILE });
  const answer = await ask();
  await viewer.live();
  await viewer.listed(question.id, "done");
  assert.ok((await viewer.cell(question.id, "tools").textContent()).includes("<img/src=x/onerror"), "the name is shown as it is");
  await everywhere(viewer, question.id);
  await viewer.page.keyboard.press("Escape");
  await everywhere(viewer, answer.id);
});

/** The names of the functions that a request upstream offers, in either of its shapes. */
function functions(body) {
  const lists = [body.tools, ...body.input.map((item) => item.tools)];
  return lists.flatMap((tools) => tools ?? []).filter(({ type }) => type === "function").map((tool) => tool.name);
}

pageTest("model names, conversations, user agents, ids, unknown fields", async ({ view }) => {
  const viewer = await view(proxy.url);
  await viewer.live();
  const clientId = `id${NAME}`;
  const body = { model: `model-${HOSTILE}`, messages: [user("Hello")], conversation_id: `chat${NAME}` };
  const options = { headers: { "user-agent": MARKUP, "x-request-id": clientId, "x-planted": MARKUP } };
  await client.chat({ ...body, [HOSTILE]: HOSTILE, [MARKUP]: 1 }, options);
  const id = await until("the request is listed", async () => {
    const { requests } = await client.log("/requests?limit=1");
    return requests[0]?.client_id === clientId && requests[0].id;
  });
  await viewer.listed(id);
  await everywhere(viewer, id);
  await viewer.load(`#conversation=${encodeURIComponent(`chat${NAME}`)}`);
  await viewer.$('#panel[data-panel="conversation"]').waitFor();
  await harmless(viewer, "the conversation by its name");
});

pageTest("error messages and paths", async ({ view }) => {
  const viewer = await view(proxy.url);
  await viewer.live();
  const { id, status } = await client.chat({ messages: [user("Hello")], tool_choice: HOSTILE, reasoning_effort: MARKUP });
  assert.equal(status, 400);
  await viewer.listed(id, "failed");
  await everywhere(viewer, id);
  const path = await client.send("GET", `/v1/${NAME}`);
  await viewer.listed(path.headers.get("x-request-id"), "failed");
  await everywhere(viewer, path.headers.get("x-request-id"));
});

pageTest("the address, and the records view", async ({ view }) => {
  await client.chat({ model: NAME, messages: [user(HOSTILE)] });
  const all = new URLSearchParams({ q: HOSTILE, model: HOSTILE, chat: NAME, status: NAME, types: NAME, request: MARKUP, tab: NAME });
  const viewer = await view(proxy.url, { hash: `#${all}`, expect: [/status of 40[04]/] });
  await viewer.live();
  await until("the panel tells that there is no such request", async () => (await viewer.$("#panel").textContent()).length > 10);
  await harmless(viewer, "a page whose address is hostile");
  await viewer.load("#view=records");
  await until("records are listed", async () => (await viewer.$("#grid [data-record-seq]:visible").count()) > 0);
  await harmless(viewer, "the records view");
});
