/**
 * What gateways and credential objects say to each other: a POST of JSON to one path per method.
 *
 * Both come from one script, but for some seconds after a deployment either may be older than the
 * other. So each call names its protocol; an object that does not know it says so, changes nothing,
 * and the caller goes on with what it has until it is replaced as well.
 *
 * @module
 */

import { CredentialError, type ErrorCode, GrantwayError } from "../../core/errors.ts";
import { isJsonObject } from "../../core/http.ts";
import type { Credential } from "../../credentials/credential.ts";
import { bounded } from "./bounded.ts";
import type { CredentialName, CredentialRecord } from "./credential_record.ts";
import type { ObjectNamespace } from "./durable_object.ts";
import type { TokenRequest } from "./object_keeper.ts";

/** Counts up with every change that the other side has to know. */
export const PROTOCOL = 1;

/** The methods of a credential object. */
export interface CredentialCalls {
  /** What is fresh now. */
  token: { arguments: TokenRequest; result: CredentialRecord };
  /** Refreshes now. */
  refresh: { arguments: Record<never, never>; result: CredentialRecord };
  /** What is stored; null when nothing ever was. */
  read: { arguments: Record<never, never>; result: CredentialRecord | null };
  /** Stores, if `generation` is what is stored now; null when it is not. */
  write: {
    arguments: { credential: Credential; generation: number };
    result: CredentialRecord | null;
  };
  /** Seals anew what an older key has sealed, or only counts; how many records each key has sealed. */
  reseal: {
    arguments: { isChanging: boolean };
    result: { counts: Record<string, number>; changed: number };
  };
  /** Removes and revokes; what was removed, without secrets; null when there was nothing. */
  remove: { arguments: Record<never, never>; result: CredentialRecord | null };
}

/** A method's name. */
export type CredentialMethod = keyof CredentialCalls;

/** The body of a call. */
export interface CallBody {
  /** {@linkcode PROTOCOL} of the caller. */
  protocol: number;
  /** Whose object it is: an object that holds nothing yet does not know. */
  name: CredentialName;
  /** The method's own. */
  arguments: unknown;
}

/** The body of an answer. */
export type AnswerBody =
  | { result: unknown }
  | { error: WireError }
  /** The object speaks only this one. */
  | { protocol: number };

/** An error as it travels. */
export interface WireError {
  /** The stable code. */
  code: ErrorCode;
  /** For a person. */
  message: string;
  /** What mends it. */
  hint?: string | undefined;
  /** Whether the same call may succeed later. */
  retryable: boolean;
  /** How long to wait, ms. */
  retryAfterMs?: number | undefined;
}

/** An error in the form in which it travels. Of one that is none of ours nothing is told. */
export function toWireError(error: unknown): WireError {
  if (!(error instanceof GrantwayError)) {
    const message = "Cannot use this login: its object failed";
    return { code: "storage_read", message, retryable: true };
  }
  const { code, message, hint, retryable, retryAfterMs } = error;
  return { code, message, hint, retryable, retryAfterMs };
}

const TRIES = 3;
const FIRST_DELAY_MS = 100;
/** Longer than an object keeps anyone waiting; for all tries together. */
const CALL_TIMEOUT_MS = 65_000;

/** What a caller is made of. */
export interface CredentialCallerOptions {
  /** The objects; undefined where the deployment has no binding for them. */
  objects: ObjectNamespace | undefined;
  /** Waits. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Uniform in [0, 1). */
  random: () => number;
}

/** Calls a credential's object. */
export type CredentialCaller = <Method extends CredentialMethod>(
  name: CredentialName,
  method: Method,
  args: CredentialCalls[Method]["arguments"],
  signal?: AbortSignal,
) => Promise<CredentialCalls[Method]["result"]>;

/**
 * Creates what calls objects.
 *
 * The function rejects with `no_mutual_exclusion` where there is no binding, with `overloaded` or
 * `timeout` when the object cannot be reached, and with whatever the object says.
 */
export function createCredentialCaller(options: CredentialCallerOptions): CredentialCaller {
  const { objects, sleep, random } = options;
  return async (name, method, args, signal) => {
    if (objects === undefined) throw noObjects(name);
    const body: CallBody = { protocol: PROTOCOL, name, arguments: args };
    const init = { method: "POST", body: JSON.stringify(body) };
    const send = async (): Promise<AnswerBody> => {
      // A stub that has failed once may stay broken.
      const stub = objects.get(objects.idFromName(`${name.provider}/${name.id}`));
      return await (await stub.fetch(`https://object/${method}`, init)).json();
    };
    const end = new AbortController();
    const tryAgain = async (): Promise<AnswerBody> => {
      for (let tries = 1;; tries++) {
        try {
          return await send();
        } catch (error) {
          // More calls are the last thing that an overloaded object needs.
          const { overloaded } = error as { overloaded?: boolean };
          if (overloaded === true || tries === TRIES) throw unreachable(name, error);
          await sleep(FIRST_DELAY_MS * 2 ** (tries - 1) * (1 + random()), end.signal);
        }
      }
    };
    try {
      const action = `reach the object of ${name.provider}/${name.id}`;
      const answer = await bounded(tryAgain(), CALL_TIMEOUT_MS, action, sleep, signal);
      // deno-lint-ignore no-explicit-any -- the object's word for what its method gives
      return readAnswer(answer, name) as any;
    } finally {
      end.abort();
    }
  };
}

function readAnswer(answer: AnswerBody, name: CredentialName): unknown {
  if (isJsonObject(answer)) {
    if ("result" in answer) return answer.result;
    if ("error" in answer) {
      const { code, message, ...details } = answer.error as WireError;
      throw new CredentialError(code, message, details);
    }
  }
  throw new CredentialError(
    "overloaded",
    `Cannot use ${name.provider}/${name.id} just now: a new version is being deployed`,
    { retryable: true, retryAfterMs: 5_000 },
  );
}

function noObjects({ provider, id }: CredentialName): CredentialError {
  return new CredentialError(
    "no_mutual_exclusion",
    `Cannot refresh ${provider}/${id}: this deployment has no Durable Objects, and over KV alone ` +
      "two isolates could spend one refresh token",
    {
      hint: "Add the binding CREDENTIALS of class CredentialObject and its migration to " +
        "wrangler.toml, as in the one of this project, and deploy again",
    },
  );
}

function unreachable({ provider, id }: CredentialName, cause: unknown): CredentialError {
  return new CredentialError(
    "overloaded",
    `Cannot reach the object of ${provider}/${id} just now`,
    { cause, retryable: true, retryAfterMs: 2_000 },
  );
}
