/** Routes, methods and the paths that lead to none. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { createWorld, KEY, messageOf } from "./support.ts";

const world = await createWorld({ signedIn: [] });

const ROUTES: { path: string; allow: string; others: string[] }[] = [
  { path: "/healthz", allow: "GET, HEAD", others: ["POST", "DELETE", "OPTIONS"] },
  { path: "/readyz", allow: "GET, HEAD", others: ["POST"] },
  { path: "/v1/messages", allow: "POST", others: ["GET", "HEAD", "PUT", "OPTIONS"] },
  { path: "/v1/messages/count_tokens", allow: "POST", others: ["GET"] },
  { path: "/v1/chat/completions", allow: "POST", others: ["GET", "PATCH"] },
  { path: "/v1/responses", allow: "POST", others: ["GET", "DELETE"] },
  { path: "/v1/responses/input_tokens", allow: "POST", others: ["GET"] },
  { path: "/v1/models", allow: "GET, HEAD", others: ["POST"] },
  { path: "/v1/models/grok-4.3", allow: "GET, HEAD", others: ["DELETE"] },
  { path: "/v1/usage", allow: "GET, HEAD", others: ["POST"] },
];
for (const { path, allow, others } of ROUTES) {
  for (const method of others) {
    Deno.test(`createGateway() answers ${method} ${path} with 405 and what it takes`, async () => {
      const response = await world.send(path, { method });
      assertEquals([response.status, response.headers.get("allow")], [405, allow]);
      await response.body?.cancel();
    });
  }
}

const NOWHERE = [
  "/",
  "/v1",
  "/v1/",
  "/v2/messages",
  "/v1/messages/",
  "//v1/messages",
  "/v1//messages",
  "/v1/./messages",
  "/v1/../v1/messages",
  "/v1/%2e%2e/v1/messages",
  "/v1/%6dessages",
  "/V1/messages",
  "/v1/Messages",
  "/v1/messages%00",
  "/v1/messages;x=1",
  "/v1/messages%2fcount_tokens",
  "/v1\\messages",
  "/v1/chat/completions/",
  "/v1/models/",
  "/healthz/",
  "/healthz/../v1/messages",
  "/http://evil.example/v1/messages",
];
for (const path of NOWHERE) {
  Deno.test(`createGateway() knows no route ${path}, as it is sent`, async () => {
    // `new Request` would resolve the path; off the wire it comes as it was sent.
    const request = new Request("http://localhost:8645/", {
      method: "POST",
      headers: { host: "localhost:8645", "x-api-key": KEY },
    });
    Object.defineProperty(request, "url", { value: `http://localhost:8645${path}` });
    const response = await world.gateway.fetch(request);
    assertEquals(response.status, 404);
    assertEquals(messageOf(await response.json()), "No such route");
  });
}

Deno.test("createGateway() routes by the path alone, whatever the query says", async () => {
  const response = await world.send("/v1/messages/count_tokens?beta=true", { body: "{}" });
  assertEquals(response.status, 400);
  assertEquals(world.logged.at(-1)!.route, "/v1/messages/count_tokens");
  await response.body?.cancel();
});

Deno.test("createGateway() tells its health without a key, and its version", async () => {
  const response = await world.send("/healthz", { headers: {} });
  assertEquals(await response.json(), { status: "ok", version: "1.2.3" });
  const head = await world.send("/healthz", { headers: {}, method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
});

Deno.test("createGateway() is ready once there is a key and a login, and says what is missing", async () => {
  const empty = await createWorld({ signedIn: [], keys: {} });
  const ready = async () => await (await empty.send("/readyz", { headers: {} })).json();
  const missing = (await ready()).missing.join(" ");
  assertStringIncludes(missing, "grantway gateway keys create");
  assertStringIncludes(missing, "grantway auth add");
  empty.keys.set(KEY, { id: "key_1", name: "one", scope: {}, createdAt: 0 });
  await empty.signIn("minimax-oauth");
  empty.clock.now += 1_000;
  assertEquals(await ready(), { status: "ready" });
});

Deno.test("createGateway() gives every answer its id and no chance to be cached or sniffed", async () => {
  for (const path of ["/healthz", "/v1/models", "/nope", "/v1/messages"]) {
    const { headers, body } = await world.send(path, { headers: {} });
    assertEquals(headers.get("cache-control"), "no-store", path);
    assertEquals(headers.get("x-content-type-options"), "nosniff", path);
    assertEquals(headers.get("vary"), "authorization, x-api-key, origin", path);
    const name = path === "/v1/messages" ? "request-id" : "x-request-id";
    assertEquals(/^req_[0-9a-f]{32}$/.test(headers.get(name) ?? ""), true, path);
    assertEquals(headers.get("access-control-allow-origin"), null, path);
    await body?.cancel();
  }
});

Deno.test("createGateway() refuses everything while its settings cannot be read", async () => {
  const broken = await createWorld({
    signedIn: [],
    gateway: { settings: { read: () => Promise.reject(new Error("the disk says gw_secret")) } },
  });
  const response = await broken.send("/v1/models");
  assertEquals(response.status, 500);
  assertEquals((await response.json()).error.message, "Internal error");
});
