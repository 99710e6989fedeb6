import { assertEquals } from "@std/assert";
import { createGateway } from "../../src/gateway/mod.ts";

const gateway = createGateway({ version: "1.2.3" });

const CASES = [
  {
    method: "GET",
    path: "/healthz",
    status: 200,
    allow: null,
    body: `{"status":"ok","version":"1.2.3"}`,
  },
  { method: "HEAD", path: "/healthz", status: 200, allow: null, body: "" },
  {
    method: "POST",
    path: "/healthz",
    status: 405,
    allow: "GET, HEAD",
    body: `{"error":{"type":"method_not_allowed","message":"This route takes GET, HEAD"}}`,
  },
  {
    method: "GET",
    path: "/nope?key=gw_secret",
    status: 404,
    allow: null,
    body: `{"error":{"type":"not_found","message":"No such route"}}`,
  },
  {
    method: "DELETE",
    path: "/",
    status: 404,
    allow: null,
    body: `{"error":{"type":"not_found","message":"No such route"}}`,
  },
];

for (const { method, path, status, allow, body } of CASES) {
  Deno.test(`createGateway() answers ${method} ${path} with ${status}`, async () => {
    const response = await gateway.fetch(new Request(`http://localhost${path}`, { method }));
    assertEquals(response.status, status);
    assertEquals(response.headers.get("allow"), allow);
    assertEquals(response.headers.get("cache-control"), "no-store");
    assertEquals(response.headers.get("content-type"), "application/json");
    assertEquals(await response.text(), body);
  });
}
