import { assert, assertEquals, assertRejects } from "@std/assert";
import { type TraceEntry, traceFetch } from "../../src/cli/trace.ts";

const CANARY = "canary-3f9c1d";

async function trace(
  input: string,
  init: RequestInit,
  answer: () => Response | Promise<Response>,
): Promise<TraceEntry[]> {
  const entries: TraceEntry[] = [];
  const traced = traceFetch(() => Promise.resolve().then(answer), () => 0, (e) => entries.push(e));
  try {
    await (await traced(input, init)).text();
  } catch { /* recorded in the entry */ }
  return entries;
}

const CASES = [
  {
    name: "a form",
    init: { method: "POST", body: new URLSearchParams({ client_id: CANARY, state: CANARY }) },
    answer: () => Response.json({ user_code: CANARY, nested: { list: [{ token: CANARY }] } }),
    requestFields: ["client_id", "state"],
    responseFields: ["user_code: string", "nested.list[].token: string"],
  },
  {
    name: "JSON whose names carry data",
    init: {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${CANARY}` },
      body: JSON.stringify({ model: CANARY, map: { [`${CANARY} x`]: 1 } }),
    },
    answer: () => Response.json({ [`${CANARY}@x`]: true }),
    requestFields: ["model: string", "map.?: number"],
    responseFields: ["?: boolean"],
  },
  {
    name: "HTML",
    init: {},
    answer: () => new Response(CANARY, { headers: { "content-type": "text/html" } }),
    requestFields: undefined,
    responseFields: undefined,
  },
];

for (const { name, init, answer, requestFields, responseFields } of CASES) {
  Deno.test(`traceFetch() writes names and never values: ${name}`, async () => {
    const [entry] = await trace(`https://api.minimax.io/x?code=${CANARY}`, init, answer);
    assertEquals(entry!.requestFields, requestFields);
    assertEquals(entry!.responseFields, responseFields);
    assertEquals(entry!.url, "https://api.minimax.io/x?code=…");
    assert(!JSON.stringify(entry).includes(CANARY));
  });
}

Deno.test("traceFetch() keeps the answer readable and records a failure without its text", async () => {
  const entries: TraceEntry[] = [];
  const traced = traceFetch(
    () => Promise.reject(new TypeError(CANARY)),
    () => 0,
    (entry) => entries.push(entry),
  );
  await assertRejects(() => traced("https://api.minimax.io/"), TypeError, CANARY);
  assertEquals(entries[0]!.failure, "TypeError");
  assert(!JSON.stringify(entries).includes(CANARY));
});
