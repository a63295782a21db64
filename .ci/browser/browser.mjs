// Debian's Chromium, and a watch over everything that a page must not do.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";

let launched;

/** The one browser of this process. */
export function browser() {
  launched ??= chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  return launched;
}

export async function closeBrowser() {
  await (await launched)?.close();
}

/** Collects what a page of the proxy at `url` does wrong. */
export class Watch {
  #complaints = [];
  #host;
  #expected = [];

  static async over(context, url) {
    const watch = new Watch();
    watch.#host = new URL(url).host;
    context.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) {
        watch.#complain(`the console says: ${message.text()} (${message.location().url})`);
      }
    });
    context.on("weberror", (error) => watch.#complain(`an error was thrown: ${error.error().stack}`));
    context.on("dialog", (dialog) => {
      watch.#complain(`a dialog came up: ${dialog.message()}`);
      dialog.dismiss();
    });
    context.on("request", (request) => watch.#sees(request.url()));
    context.on("page", (page) => page.on("websocket", (socket) => watch.#sees(socket.url())));
    context.on("response", (response) => {
      const { pathname } = new URL(response.url());
      if (pathname !== "/logs") return;
      const policy = response.headers()["content-security-policy"] ?? "";
      if (!/default-src 'none'/.test(policy) || /unsafe/.test(policy)) {
        watch.#complain(`the page's content security policy is “${policy}”`);
      }
    });
    await context.exposeBinding("reportViolation", (_source, text) => watch.#complain(`the policy was violated: ${text}`));
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        window.reportViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
      });
    });
    return watch;
  }

  /** From now on, complaints that match are no fault: what a browser says of a server that is gone. */
  expect(pattern) {
    this.#expected.push(pattern);
  }

  assertClean() {
    assert.deepEqual(this.#complaints, [], "the page did something wrong");
  }

  #sees(address) {
    const { protocol, host } = new URL(address);
    if (!["data:", "blob:", "about:"].includes(protocol) && host !== this.#host) {
      this.#complain(`another host was asked: ${address}`);
    }
  }

  #complain(text) {
    if (!this.#expected.some((pattern) => pattern.test(text))) this.#complaints.push(text);
  }
}
