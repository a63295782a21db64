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
}
console.log(`openai ${VERSION} for Node: passed`);
