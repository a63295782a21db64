// Waiting for something that a user would see happen.

import assert from "node:assert/strict";
import { inspect } from "node:util";

/** How long a test waits unless it says otherwise. */
const PATIENCE_MS = 8000;

const PAUSE_MS = 25;

/**
 * Asks `probe` again and again until its answer satisfies `accept`, and gives that answer. What it
 * throws counts as an answer that does not. `what` completes the sentence "it did not happen that …".
 */
export async function until(what, probe, { accept = Boolean, within = PATIENCE_MS } = {}) {
  const end = performance.now() + within;
  let last;
  do {
    try {
      last = await probe();
      if (accept(last)) return last;
    } catch (error) {
      last = error;
    }
    await new Promise((next) => setTimeout(next, PAUSE_MS));
  } while (performance.now() < end);
  assert.fail(`within ${within} ms it did not happen that ${what}; last seen: ${inspect(last, { depth: 4 })}`);
}
