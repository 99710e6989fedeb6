import { assertEquals, assertRejects } from "@std/assert";
import { CredentialError, type ErrorCode, TransportError } from "../../src/core/errors.ts";
import type { Credential } from "../../src/credentials/credential.ts";
import type { Pool } from "../../src/credentials/pool.ts";
import type { GenerateResponse } from "../../src/protocols/event.ts";
import { ZERO_USAGE } from "../../src/protocols/event.ts";
import { createFailoverTransport } from "../../src/transports/failover.ts";
import type { Transport } from "../../src/transports/transport.ts";

const REQUEST = { model: "m", messages: [], stream: false };
const OWN: readonly ErrorCode[] = [
  "rate_limited",
  "quota_exhausted",
  "unauthorized",
  "not_entitled",
];

function fakePool(ids: string[]): { pool: Pool; reported: string[] } {
  const reported: string[] = [];
  const candidates = ids.map((id) => ({ id }) as Credential);
  const pool = {
    candidates: () => Promise.resolve(candidates),
    report: (id: string, { code }: { code: ErrorCode }) => {
      reported.push(`${id} ${code}`);
      return Promise.resolve(OWN.includes(code) ? { until: 1, code, message: "" } : undefined);
    },
  } as unknown as Pool;
  return { pool, reported };
}

const answer = (id: string): GenerateResponse => ({
  id,
  model: "m",
  content: [],
  stopReason: "end_turn",
  usage: ZERO_USAGE,
});

/** A transport that fails with `code`, or answers with its account's id. */
const transportOf = (id: string, code: ErrorCode | undefined): Transport => ({
  generate: () =>
    code === undefined
      ? Promise.resolve(answer(id))
      : Promise.reject(new TransportError(code, `${id} failed`)),
} as unknown as Transport);

const CASES: {
  name: string;
  accounts: Record<string, ErrorCode | undefined>;
  answers?: string;
  fails?: string;
  reported: string[];
}[] = [
  { name: "uses the first", accounts: { a: undefined, b: undefined }, answers: "a", reported: [] },
  {
    name: "goes on when a quota is used up",
    accounts: { a: "quota_exhausted", b: undefined },
    answers: "b",
    reported: ["a quota_exhausted"],
  },
  {
    name: "goes on when a login has died",
    accounts: { a: "login_required", b: undefined },
    answers: "b",
    reported: [],
  },
  {
    name: "stays when the request is wrong",
    accounts: { a: "invalid_request", b: undefined },
    fails: "a failed",
    reported: ["a invalid_request"],
  },
  {
    name: "stays when the provider is down",
    accounts: { a: "upstream", b: undefined },
    fails: "a failed",
    reported: ["a upstream"],
  },
  {
    name: "throws what the last one failed with",
    accounts: { a: "rate_limited", b: "unauthorized" },
    fails: "b failed",
    reported: ["a rate_limited", "b unauthorized"],
  },
];

for (const { name, accounts, answers, fails, reported: expected } of CASES) {
  Deno.test(`createFailoverTransport() ${name}`, async () => {
    const { pool, reported } = fakePool(Object.keys(accounts));
    const transport = createFailoverTransport({
      pool,
      open: ({ id }) => Promise.resolve(transportOf(id, accounts[id])),
    });
    if (answers !== undefined) assertEquals((await transport.generate(REQUEST)).id, answers);
    else await assertRejects(() => transport.generate(REQUEST), TransportError, fails);
    assertEquals(reported, expected);
  });
}

Deno.test("createFailoverTransport() opens an account once, and passes cancellation on unchanged", async () => {
  const { pool, reported } = fakePool(["a"]);
  let opened = 0;
  const reason = new Error("cancelled");
  const transport = createFailoverTransport({
    pool,
    open: () => {
      opened++;
      return Promise.resolve({ generate: () => Promise.reject(reason) } as unknown as Transport);
    },
  });
  for (let i = 0; i < 2; i++) {
    assertEquals(await assertRejects(() => transport.generate(REQUEST)), reason);
  }
  assertEquals([opened, reported.length], [1, 0]);
});

Deno.test("createFailoverTransport() throws the pool's own error", async () => {
  const error = new CredentialError("rate_limited", "all rest");
  const pool = { candidates: () => Promise.reject(error) } as unknown as Pool;
  const transport = createFailoverTransport({ pool, open: () => Promise.reject(new Error("no")) });
  assertEquals(await assertRejects(() => transport.generate(REQUEST)), error);
});
