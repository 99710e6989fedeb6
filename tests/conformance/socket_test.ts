/** The program behind `deno task conformance`, against a gateway that listens. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { createOwnGateway, OWN_MODELS } from "./own_gateway.ts";

const KEY = "gw_of-a-client";

/** This project's router behind a port, for those who have the key. */
function listen(): Deno.HttpServer<Deno.NetAddr> {
  const gateway = createOwnGateway();
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const { method, headers, url, signal } = request;
    const text = await request.text();
    if (headers.get("authorization") !== `Bearer ${KEY}`) {
      return Response.json({ error: { message: "no", type: "authentication_error" } }, {
        status: 401,
      });
    }
    const { pathname, search } = new URL(url);
    return await gateway.fetch(pathname + search, {
      method,
      headers,
      signal,
      ...(method === "POST" ? { body: text } : {}),
    });
  });
}

async function run(...args: string[]): Promise<{ code: number; text: string; problem: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-net", "--allow-env", "--allow-read", "main.ts", ...args],
    cwd: new URL(".", import.meta.url),
    env: { NO_COLOR: "1" },
  }).output();
  return {
    code,
    text: new TextDecoder().decode(stdout),
    problem: new TextDecoder().decode(stderr),
  };
}

Deno.test("deno task conformance finds nothing wrong with this project's router on a socket", async () => {
  await using server = listen();
  const models = OWN_MODELS.flatMap((model) => ["--model", model]);
  const gateway = `http://127.0.0.1:${server.addr.port}`;
  const { code, text } = await run("--gateway", gateway, "--key", KEY, ...models);
  assertStringIncludes(text, ", 0 failed", text);
  assertEquals([code, text.includes("FAILED")], [0, false]);
  for (const model of OWN_MODELS) assertStringIncludes(text, `model ${model}`);
});

Deno.test("deno task conformance fails with a key that is refused, and with nobody at home", async () => {
  await using server = listen();
  const gateway = `http://127.0.0.1:${server.addr.port}`;
  const refused = await run("--gateway", gateway, "--key", "gw_other", "--model", "my-grok");
  assertEquals([refused.code, refused.text.includes("HTTP 401")], [1, true]);
  const nobody = await run("--gateway", "http://127.0.0.1:9", "--key", KEY);
  assertEquals(nobody.code, 1);
  assertStringIncludes(nobody.problem, "Cannot list the models of http://127.0.0.1:9");
  const locked = await run("--gateway", gateway, "--key", "gw_other");
  assertEquals([locked.code, locked.problem.includes("HTTP 401")], [1, true]);
});
