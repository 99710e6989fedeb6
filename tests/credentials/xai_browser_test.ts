// The loopback flow in a real browser, against the sandbox's consent page (oauth.md 2.3;
// faults L08, L10, X02-X04, X07).

import { assert, assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { createLoopbackBinder } from "../../src/adapters/deno/loopback_listener.ts";
import { createDeferred } from "../../src/core/deferred.ts";
import { login, type LoginEvent, type LoginGrant } from "../../src/credentials/mod.ts";
import { findProvider } from "../../src/providers/mod.ts";
import { createSandbox, type SandboxQuirks } from "../../src/sandbox/mod.ts";
import { launchBrowser } from "../support/browser.ts";
import { testIf } from "../support/requires.ts";

const XAI = findProvider("xai-oauth")!;

type Authorize = LoginEvent & { type: "authorize" };

/** Starts a login by loopback and opens its page in a browser. */
async function inBrowser(
  executablePath: string,
  quirks: Partial<SandboxQuirks>,
  run: (opened: {
    page: Page;
    event: Authorize;
    grant: Promise<LoginGrant>;
    paste: (line: string) => void;
  }) => Promise<void>,
): Promise<void> {
  const sandbox = createSandbox({ quirks });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => sandbox.handle(request),
  );
  const browser = await launchBrowser(executablePath);
  const controller = new AbortController();
  try {
    const authorize = createDeferred<Authorize>();
    const pasted = createDeferred<string>();
    const grant = login(XAI, XAI.regions[0]!, {
      overrides: { sandbox: `http://127.0.0.1:${server.addr.port}` },
      flow: "loopback",
      bindLoopback: createLoopbackBinder(),
      readPaste: () => pasted.promise,
      signal: controller.signal,
      onEvent: (event) => event.type === "authorize" && authorize.resolve(event),
    });
    grant.catch(() => {});
    const event = await Promise.race([authorize.promise, grant.then(() => Promise.reject())]);
    const page = await (await browser.newContext()).newPage();
    await page.goto(event.url);
    await run({ page, event, grant, paste: pasted.resolve });
  } finally {
    controller.abort();
    await browser.close();
    await server.shutdown();
  }
}

testIf("chromium", "xAI in a browser: the code comes by redirect", async (path) => {
  await inBrowser(path, {}, async ({ page, grant, event }) => {
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByText("The sign-in goes on in the terminal").waitFor();
    assert(page.url().startsWith(`${event.redirectUri}?code=`));
    assert((await grant).tokenSet.refreshToken);
  });
});

testIf(
  "chromium",
  "xAI in a browser: the code comes by a fetch of the consent page",
  async (path) => {
    await inBrowser(path, { delivery: "fetch" }, async ({ page, grant }) => {
      await page.getByRole("button", { name: "Approve" }).click();
      await page.getByText("has your answer").waitFor();
      assertEquals(await page.getByText("Could not establish connection").isVisible(), false);
      assert((await grant).tokenSet.refreshToken);
    });
  },
);

testIf("chromium", "xAI in a browser: the page shows the code, which is pasted", async (path) => {
  await inBrowser(path, { delivery: "code" }, async ({ page, grant, paste }) => {
    await page.getByRole("button", { name: "Approve" }).click();
    paste(await page.locator("#code").innerText());
    assert((await grant).tokenSet.refreshToken);
  });
});

testIf("chromium", "xAI in a browser: no other page gets anywhere at the port", async (path) => {
  await inBrowser(path, {}, async ({ page, event, grant }) => {
    const attacker = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => new Response("<!doctype html>", { headers: { "content-type": "text/html" } }),
    );
    try {
      const evil = await page.context().newPage();
      // localhost is another site than 127.0.0.1.
      await evil.goto(`http://localhost:${attacker.addr.port}/`);
      const outcomes = await evil.evaluate(async (uri) => {
        const forged = `${uri}?code=evil&state=evil`;
        const attempt = (promise: Promise<{ type: string }>) =>
          promise.then(({ type }) => type, () => "refused");
        // deno-lint-ignore no-explicit-any -- runs in the browser
        const { document, WebSocket, Image } = globalThis as any;
        const image = new Image();
        const loaded = new Promise<{ type: string }>((resolve, reject) => {
          image.onload = () => resolve({ type: "loaded" });
          image.onerror = reject;
        });
        image.src = forged;
        const socket = new WebSocket(forged.replace("http:", "ws:"));
        const connected = new Promise<{ type: string }>((resolve, reject) => {
          socket.onopen = () => resolve({ type: "open" });
          socket.onerror = reject;
        });
        const form = document.createElement("form");
        form.method = "post";
        form.action = forged;
        form.target = "_blank";
        document.documentElement.append(form);
        form.submit();
        return await Promise.all([
          attempt(fetch(forged)),
          attempt(fetch(forged, { headers: { "content-type": "application/json" } })),
          attempt(fetch(forged, { method: "POST", mode: "no-cors", body: "x" })),
          attempt(loaded),
          attempt(connected),
        ]);
      }, event.redirectUri);
      // An opaque answer tells a page nothing.
      assertEquals(outcomes, ["refused", "refused", "opaque", "refused", "refused"]);
    } finally {
      await attacker.shutdown();
    }
    await page.getByRole("button", { name: "Approve" }).click();
    assert((await grant).tokenSet.refreshToken);
  });
});
