/**
 * Runs the cases against a gateway and prints a report. Started by `deno task conformance`.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { CASES, type Gateway } from "./cases.ts";
import { createOwnGateway, OWN_MODELS } from "./own_gateway.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    gateway: { type: "string" },
    key: { type: "string" },
    model: { type: "string", multiple: true },
    only: { type: "string" },
  },
});
const key = values.key ?? Deno.env.get("GRANTWAY_GATEWAY_KEY") ?? "";

/** A gateway at an address. Both ways to send a key are known; one must do. */
function remote(base: string): Gateway {
  return {
    fetch: (path, init = {}) => {
      const headers = new Headers(init.headers);
      if (key !== "") headers.set("authorization", `Bearer ${key}`);
      const signal = AbortSignal.timeout(120_000);
      return fetch(base.replace(/\/+$/, "") + path, { ...init, headers, signal });
    },
  };
}

/** The first model that a gateway lists; without one there is nothing to ask. */
async function listedModel(gateway: Gateway): Promise<string> {
  let problem: string;
  try {
    const response = await gateway.fetch("/v1/models");
    const id = response.ok ? (await response.json()).data?.[0]?.id : undefined;
    if (typeof id === "string") return id;
    problem = response.ok ? "it lists none" : `it answered with HTTP ${response.status}`;
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  console.error(`Cannot list the models of ${values.gateway}: ${problem}`);
  Deno.exit(1);
}

const gateway = values.gateway === undefined ? createOwnGateway() : remote(values.gateway);
const models = values.model ??
  (values.gateway === undefined ? OWN_MODELS : [await listedModel(gateway)]);
let failed = 0;
let passed = 0;
for (const model of models) {
  console.log(`${values.gateway ?? "Grantway's router over the sandbox"}, model ${model}`);
  for (const { name, run } of CASES) {
    if (values.only !== undefined && !name.includes(values.only)) continue;
    try {
      await run(gateway, model);
      passed++;
      console.log(`  ok      ${name}`);
    } catch (error) {
      failed++;
      const problem = error instanceof Error ? error.message : String(error);
      console.log(`  FAILED  ${name}\n          ${problem}`);
    }
  }
}
console.log(`\n${passed} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
