/**
 * A web page in a real browser, and a gateway on the same machine. Faults X02 (simple requests), X04
 * (WebSocket).
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { serve } from "../../src/adapters/deno/serve.ts";
import { launchBrowser } from "../support/browser.ts";
import { testIf } from "../support/requires.ts";
import { ask, createWorld, KEY } from "./support.ts";

testIf("chromium", "a page X02, X04: it changes nothing, and reads nothing", async (path) => {
  const world = await createWorld();
  const seen: { method: string; path: string; status: number }[] = [];
  const gateway = await serve(async (request) => {
    const response = await world.gateway.fetch(request);
    const { pathname } = new URL(request.url);
    seen.push({ method: request.method, path: pathname, status: response.status });
    return response;
  }, { port: 0 });
  const evil = { page: "" };
  const hostile = await serve(
    () =>
      new Response(`<!DOCTYPE html><title>evil</title>${evil.page}`, {
        headers: { "content-type": "text/html" },
      }),
    { port: 0 },
  );
  const browser = await launchBrowser(path);
  const body = JSON.stringify(ask("messages", "grok-4.3", "hi"));
  const url = `${gateway.origin}/v1/messages`;
  const script = (code: string) =>
    `<script type="module">
      const tell = (what) => { document.title = what; };
      const body = ${JSON.stringify(body)};
      ${code}
    </script>`;
  const send = (init: string) =>
    script(
      `await fetch("${url}", { method: "POST", body, ${init} })
        .then(async (answer) => tell(answer.type + await answer.text()), () => tell("refused"));`,
    );
  const PAGES: { name: string; page: string; title: string; reaches: string[] }[] = [
    { name: "fetch", page: send(""), title: "refused", reaches: ["POST 401"] },
    { name: "no-cors", page: send(`mode: "no-cors"`), title: "opaque", reaches: ["POST 401"] },
    {
      // It would need leave, even with a key that it had found.
      name: "a key",
      page: send(`headers: { "x-api-key": "${KEY}" }`),
      title: "refused",
      reaches: ["OPTIONS 403"],
    },
    {
      name: "GET with credentials",
      page: script(
        `await fetch("${gateway.origin}/v1/usage", { credentials: "include" })
          .then(() => tell("read"), () => tell("refused"));`,
      ),
      title: "refused",
      reaches: ["GET 401"],
    },
    {
      name: "a form",
      page: `<form method="post" enctype="text/plain" action="${url}"><input name='{"a":"'
        value='"}'></form><iframe name="f"></iframe>
        ${
        script(
          `document.querySelector("iframe").onload = () => tell("sent");
          document.forms[0].target = "f"; document.forms[0].submit();`,
        )
      }`,
      title: "sent",
      reaches: ["POST 401"],
    },
    {
      name: "an image",
      page: `<img src="${url}?model=grok-4.3" onerror="document.title = 'refused'">`,
      title: "refused",
      reaches: ["GET 401"],
    },
    {
      name: "a WebSocket",
      page: script(
        `const socket = new WebSocket("${gateway.origin.replace("http", "ws")}/v1/responses");
        socket.onopen = () => tell("open");
        socket.onclose = () => tell("refused");`,
      ),
      title: "refused",
      reaches: ["GET 401"],
    },
  ];
  try {
    const context = await browser.newContext();
    // Another site, and another port of the same one.
    for (const host of ["localhost", "127.0.0.1"]) {
      for (const { name, page, title, reaches } of PAGES) {
        evil.page = page;
        seen.length = 0;
        const opened = await context.newPage();
        await opened.goto(hostile.origin.replace("127.0.0.1", host));
        await opened.waitForFunction(`document.title !== "evil"`);
        assertEquals(await opened.title(), title, name);
        await opened.close();
        assertEquals(seen.map(({ method, status }) => `${method} ${status}`), reaches, name);
      }
    }
    assert(seen.every(({ path }) => path.startsWith("/v1/")));
    assertEquals([world.sent.length, world.counted.length], [0, 0]);
  } finally {
    await browser.close();
    await Promise.all([gateway.close(), hostile.close()]);
  }
});
