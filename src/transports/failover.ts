/**
 * One request over several accounts: the next one is asked when the failure is an account's own, and
 * nothing of an answer has been seen.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import type { Credential } from "../credentials/credential.ts";
import type { Pool } from "../credentials/pool.ts";
import type { GenerateRequest, GenerateResponse } from "../protocols/event.ts";
import type { EventStream } from "./event_stream.ts";
import type { ForwardedAnswer, ForwardRequest } from "./relayed_answer.ts";
import type { Transport, TransportRequestOptions } from "./transport.ts";

/** What a fail-over transport is made of. */
export interface FailoverOptions {
  /** The accounts. */
  pool: Pick<Pool, "candidates" | "report">;
  /** The transport of one account. Called once for each that is tried. */
  open: (credential: Credential) => Promise<Transport>;
  /** Told which account is left, and why. */
  onFailover?: ((credential: Credential, error: GrantwayError) => void) | undefined;
}

/** Creates a transport over the accounts of a pool. It throws what the last account failed with. */
export function createFailoverTransport(options: FailoverOptions): Transport {
  const { pool, open, onFailover = () => {} } = options;
  const opened = new Map<string, Promise<Transport>>();

  async function attempt<T>(run: (transport: Transport) => Promise<T>): Promise<T> {
    const candidates = await pool.candidates();
    for (const [index, credential] of candidates.entries()) {
      try {
        const transport = opened.get(credential.id) ?? open(credential);
        opened.set(credential.id, transport);
        return await run(await transport);
      } catch (error) {
        if (!(error instanceof GrantwayError)) throw error;
        // A login that has just died is skipped by itself from now on: its record says so.
        const isOwn = error.code === "login_required" ||
          await pool.report(credential.id, error) !== undefined;
        if (!isOwn || index === candidates.length - 1) throw error;
        onFailover(credential, error);
      }
    }
    throw new RangeError("A pool without candidates");
  }

  return {
    stream: (request: GenerateRequest, options?: TransportRequestOptions): Promise<EventStream> =>
      attempt((transport) => transport.stream(request, options)),
    generate: (
      request: GenerateRequest,
      options?: TransportRequestOptions,
    ): Promise<GenerateResponse> => attempt((transport) => transport.generate(request, options)),
    forward: (
      request: ForwardRequest,
      options?: TransportRequestOptions,
    ): Promise<ForwardedAnswer | undefined> =>
      attempt((transport) => transport.forward(request, options)),
    countTokens: (request: GenerateRequest, options?: TransportRequestOptions): Promise<number> =>
      attempt((transport) => transport.countTokens(request, options)),
  };
}
