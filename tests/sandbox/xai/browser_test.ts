// The consent page in a real browser: each way in which the code reaches a listener on loopback.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createSandbox, type SandboxQuirks } from "../../../src/sandbox/mod.ts";
import { launchBrowser } from "../../support/browser.ts";
import { testIf } from "../../support/requires.ts";
import { AUTHORIZE_QUERY } from "./support.ts";

/** A listener of a client: keeps the callbacks, and answers pages of `origin`. */
function listen(origin: string) {
  const callbacks: URL[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const url = new URL(request.url);
    if (url.pathname !== "/callback") return new Response(null, { status: 404 });
    callbacks.push(url);
    return new Response("<h1>Back in the app</h1>", {
      headers: {
        "content-type": "text/html",
        "access-control-allow-origin": origin,
        "access-control-allow-private-network": "true",
      },
    });
  });
  return { callbacks, server, uri: `http://127.0.0.1:${server.addr.port}/callback` };
}

interface Step {
  name: string;
  quirks: Partial<SandboxQuirks>;
  decision: "Approve" | "Deny";
  /** Whether the listener is gone when the page calls it. */
  isUnreachable?: boolean;
  /** What the user sees at the end. */
  sees: string;
  /** Whether a code is shown. */
  showsCode: boolean;
  /** Parameter that the listener gets. */
  gets?: "code" | "error";
}

const STEPS: Step[] = [
  {
    name: "approve, by redirect",
    quirks: {},
    decision: "Approve",
    sees: "Back in the app",
    showsCode: false,
    gets: "code",
  },
  {
    name: "deny, by redirect",
    quirks: {},
    decision: "Deny",
    sees: "Back in the app",
    showsCode: false,
    gets: "error",
  },
  {
    name: "approve, by fetch",
    quirks: { delivery: "fetch" },
    decision: "Approve",
    sees: "has your answer",
    showsCode: false,
    gets: "code",
  },
  {
    name: "approve, by a fetch that fails",
    quirks: { delivery: "fetch" },
    decision: "Approve",
    isUnreachable: true,
    sees: "We couldn't reach your app.",
    showsCode: true,
  },
  {
    name: "approve, by code",
    quirks: { delivery: "code" },
    decision: "Approve",
    sees: "Copy this code",
    showsCode: true,
  },
];

// One browser for all steps: it takes longer to start than everything else.
testIf("chromium", "xai consent page in a browser", async (executablePath, context) => {
  const sandbox = createSandbox();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, sandbox.handle);
  const origin = `http://127.0.0.1:${server.addr.port}`;
  const browser = await launchBrowser(executablePath);
  try {
    for (const { name, quirks, decision, isUnreachable, sees, showsCode, gets } of STEPS) {
      await context.step(name, async () => {
        sandbox.setQuirks({ delivery: "redirect", ...quirks });
        const app = listen(origin);
        if (isUnreachable) await app.server.shutdown();
        const query = new URLSearchParams({ ...AUTHORIZE_QUERY, redirect_uri: app.uri });
        const page = await browser.newPage();
        try {
          await page.goto(`${origin}/auth.x.ai/oauth2/authorize?${query}`);
          assertStringIncludes(await page.locator("h1").innerText(), "Grok Build");
          await page.getByRole("button", { name: decision }).click();
          await page.getByText(sees).waitFor();
          const code = page.locator("#code");
          assertEquals(await code.isVisible(), showsCode);
          if (showsCode) assertMatch(await code.innerText(), /^sbx_ac_/);
          assertEquals(app.callbacks.length, gets === undefined ? 0 : 1);
          if (gets !== undefined) {
            const { searchParams } = app.callbacks[0]!;
            assert(searchParams.has(gets));
            assertEquals(searchParams.get("state"), AUTHORIZE_QUERY["state"]);
          }
        } finally {
          await page.close();
          if (!isUnreachable) await app.server.shutdown();
        }
      });
    }
  } finally {
    await browser.close();
    await server.shutdown();
  }
});
