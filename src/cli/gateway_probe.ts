/**
 * Asks a gateway how it is, with no key: does it run, could it answer a client.
 *
 * @module
 */

import { parseJsonObject, readBoundedText } from "../core/http.ts";
import { displayText } from "../core/redact.ts";
import type { Context } from "./context.ts";

/** How a gateway is. */
export interface GatewayState {
  /** Its version; undefined when no gateway answers. */
  version: string | undefined;
  /** Why none answers, as far as that is known. */
  problem: string | undefined;
  /** What `/healthz` took, ms. */
  healthMs: number;
  /** What a client needs and is not there yet; empty when it is ready. */
  missing: string[];
}

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 16 * 1024;

/** Asks the gateway at `url`. */
export async function probe(context: Context, url: string): Promise<GatewayState> {
  const { monotonicNow } = context.platform;
  const start = monotonicNow();
  const health = await ask(context, `${url}/healthz`);
  const healthMs = monotonicNow() - start;
  const version = health.body?.["version"];
  if (typeof version !== "string" || health.body?.["status"] !== "ok") {
    const problem = health.problem ?? `another program answers there, with ${health.status}`;
    return { version: undefined, problem, healthMs, missing: [] };
  }
  const { status, body, problem } = await ask(context, `${url}/readyz`);
  const listed = Array.isArray(body?.["missing"]) ? body["missing"].map(String) : [];
  const missing = status === 200 || listed.length > 0
    ? listed
    : [problem ?? `/readyz answered ${status}`];
  return {
    version: displayText(version, 40),
    problem: undefined,
    healthMs,
    missing: missing.map((text) => displayText(text, 300)),
  };
}

async function ask(
  { platform, interrupts, runtime }: Context,
  url: string,
): Promise<{ status?: number; body?: Record<string, unknown> | undefined; problem?: string }> {
  const end = new AbortController();
  const late = new AbortController();
  platform.sleep(TIMEOUT_MS, end.signal).then(() => late.abort(), () => {});
  const signal = AbortSignal.any([late.signal, interrupts.signal]);
  try {
    const response = await runtime.fetch!(url, { redirect: "manual", signal });
    const body = parseJsonObject(await readBoundedText(response.body, MAX_BYTES));
    return { status: response.status, body };
  } catch {
    if (interrupts.signal.aborted) throw interrupts.signal.reason;
    return { problem: late.signal.aborted ? "no answer in time" : "nothing answers there" };
  } finally {
    end.abort();
  }
}
