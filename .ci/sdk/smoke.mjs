// The official Node SDK against the demo: `smoke.mjs PROXY_PY PYTHON BINARY` starts the demo and
// runs itself again with its address.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import OpenAI, { APIError } from "openai";
import { VERSION } from "openai/version";

const [proxy, python, binary] = process.argv.slice(2);
if (!process.env.PROXY_URL) {
  const self = fileURLToPath(import.meta.url);
  const command = [proxy, binary, process.execPath, self];
  const done = spawnSync(python, command, { stdio: "inherit" });
  process.exit(done.status ?? 1);
}

const tools = [
  {
    type: "function",
    function: {
      name: "get_weather",
      parameters: {
        type: "object",
        properties: { city: { type: "string" } },
        required: ["city"],
      },
    },
  },
];
const hello = [{ role: "user", content: "Hello" }];

async function checkResponses(client) {
  const { responses } = client;
  const reply = await responses.create({ model: "demo", input: "Hello" });
  assert.equal(reply.status, "completed");
  assert.equal(reply.model, "demo");
  assert.match(reply.output_text, /Hello/);
  assert.deepEqual(await responses.retrieve(reply.id), reply);
  const items = await responses.inputItems.list(reply.id);
  assert.deepEqual(
    items.data.map((item) => item.content[0].text),
    ["Hello"],
  );

  await checkStreams(responses);
  await checkLoop(responses);

  const schema = {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  };
  const format = { type: "json_schema", name: "place", schema, strict: true };
  const placed = await responses.create({ model: "demo", input: "Oslo", text: { format } });
  assert.deepEqual(Object.keys(JSON.parse(placed.output_text)), ["city"]);

  await refused(responses.cancel(reply.id), 400);
  await refused(responses.create({ model: "demo", input: "Hi", background: true }), 400);
  await responses.delete(reply.id);
  await refused(responses.retrieve(reply.id), 404);
  await refused(responses.cancel(reply.id), 404);
  const following = { model: "demo", input: "Hi", previous_response_id: reply.id };
  const error = await refused(responses.create(following), 400);
  assert.equal(error.code, "previous_response_not_found");
}

async function checkStreams(responses) {
  const asked = { model: "omed", input: "Hello", reasoning: { summary: "auto" } };
  let text = "";
  let thought = "";
  let last;
  const kinds = [];
  for await (const event of await responses.create({ ...asked, stream: true })) {
    assert.equal(event.sequence_number, kinds.length);
    kinds.push(event.type);
    if (event.type === "response.output_text.delta") text += event.delta;
    if (event.type === "response.reasoning_summary_text.delta") thought += event.delta;
    if (event.response) assert.equal(event.response.model, "omed");
    last = event;
  }
  assert.deepEqual(kinds.slice(0, 2), ["response.created", "response.in_progress"]);
  assert.equal(last.type, "response.completed");
  assert.equal(kinds.filter((kind) => kind === last.type).length, 1);
  assert.match(text, /Hello/);
  // The SDK adds the text up by itself only where it reads the whole response.
  const message = last.response.output.find((item) => item.type === "message");
  assert.equal(message.content[0].text, text);
  const reasoning = last.response.output.find((item) => item.type === "reasoning");
  assert.ok(thought);
  assert.equal(reasoning.summary.map((part) => part.text).join(""), thought);

  // The SDK's own accumulator.
  const final = await responses.stream(asked).finalResponse();
  assert.equal(final.status, "completed");
  assert.equal(final.output_text, text);
}

async function checkLoop(responses) {
  const flat = [{ type: "function", strict: false, ...tools[0].function }];
  const reply = await responses.create({
    model: "demo",
    input: "Use get_weather for Oslo",
    tools: flat,
  });
  const call = reply.output.find((item) => item.type === "function_call");
  assert.equal(call.name, "get_weather");
  assert.ok("city" in JSON.parse(call.arguments));
  const told = await responses.create({
    model: "demo",
    input: [{ type: "function_call_output", call_id: call.call_id, output: "rain, 7 degrees" }],
    previous_response_id: reply.id,
    tools: flat,
  });
  assert.match(told.output_text, /rain, 7 degrees/);
  assert.equal(told.previous_response_id, reply.id);
}

async function refused(asking, status) {
  const error = await asking.then(
    () => assert.fail(`no status ${status}`),
    (error) => error,
  );
  assert.ok(error instanceof APIError && error.status === status, error);
  return error;
}

for (const baseURL of [`${process.env.PROXY_URL}/v1`, process.env.PROXY_URL]) {
  const client = new OpenAI({ baseURL, apiKey: "unused", maxRetries: 0 });

  const ids = (await client.models.list()).data.map((model) => model.id);
  assert.ok(ids.includes("demo") && ids.includes("omed"), ids.join());

  const reply = await client.chat.completions.create({ model: "demo", messages: hello });
  assert.equal(reply.model, "demo");
  assert.match(reply.choices[0].message.content, /Hello/);

  let text = "";
  let finish = [];
  const stream = await client.chat.completions.create({
    model: "omed",
    messages: hello,
    stream: true,
  });
  for await (const chunk of stream) {
    assert.equal(chunk.model, "omed");
    for (const choice of chunk.choices) {
      text += choice.delta.content ?? "";
      if (choice.finish_reason) finish.push(choice.finish_reason);
    }
  }
  assert.match(text, /^<think>[^]*<\/think>[^]*Hello/);
  assert.deepEqual(finish, ["stop"]);

  // The SDK's own accumulator is strict about the order of fragments.
  const runner = client.chat.completions.stream({
    model: "demo",
    messages: [{ role: "user", content: "Use get_weather for Oslo" }],
    tools,
  });
  const final = await runner.finalChatCompletion();
  assert.equal(final.choices[0].finish_reason, "tool_calls");
  assert.equal(final.choices[0].message.tool_calls[0].function.name, "get_weather");

  await assert.rejects(
    client.chat.completions.create({ model: "demo", messages: [] }),
    (error) => error instanceof APIError && error.status === 400 && error.param === "messages",
  );

  await checkResponses(client);
}
console.log(`openai ${VERSION} for Node: passed`);
