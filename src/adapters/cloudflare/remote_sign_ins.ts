/**
 * How a gateway reaches its sign-ins, each of which is an object: `sign_in_object.ts`.
 *
 * @module
 */

import { encodeBase64Url } from "../../core/base64url.ts";
import { CredentialError, GrantwayError } from "../../core/errors.ts";
import { isJsonObject } from "../../core/http.ts";
import type { SignIns } from "../../credentials/sign_in.ts";
import type { SignInRequest, SignInView } from "../../credentials/sign_in_record.ts";
import { bounded } from "./bounded.ts";
import { type AnswerBody, PROTOCOL, type WireError } from "./credential_call.ts";
import type { CredentialName } from "./credential_record.ts";
import type { ObjectNamespace } from "./durable_object.ts";

/** What is sent to the object. */
export interface SignInCall {
  /** The version of what is sent. */
  protocol: number;
  /** The sign-in. */
  id: string;
  /** Of `start`: what is asked for. */
  request?: SignInRequest;
  /** Of `confirm`: the account that was shown. */
  account?: string;
}

const ID_BYTES = 16;
const ID = /^[\w-]{22}$/;
const TRIES = 3;
const RETRY_MS = 200;
/** Longer than a code takes to be asked for, and a login to be stored. */
const CALL_TIMEOUT_MS = 100_000;

/** How a gateway reaches its sign-ins. */
export interface RemoteSignInsOptions {
  /** The objects; undefined where the deployment has no binding for them. */
  objects: ObjectNamespace | undefined;
  /** Waits. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Told of a login that is stored: KV may take a minute to show it. */
  onStored: (name: CredentialName) => Promise<unknown>;
}

/** The sign-ins of the objects, for an isolate. Every method rejects where there is no binding. */
export function createRemoteSignIns(options: RemoteSignInsOptions): SignIns {
  const { objects, sleep, onStored } = options;

  async function send(method: string, call: Omit<SignInCall, "protocol">): Promise<AnswerBody> {
    if (objects === undefined) {
      throw new GrantwayError("invalid_configuration", "This deployment cannot sign in by itself", {
        hint: "Add the binding SIGN_INS of class SignInObject and its migration to wrangler.toml",
      });
    }
    const body = JSON.stringify({ protocol: PROTOCOL, ...call });
    for (let tries = 1;; tries++) {
      try {
        // A stub that has failed once may stay broken.
        const stub = objects.get(objects.idFromName(call.id));
        return await (await stub.fetch(`https://object/${method}`, { method: "POST", body }))
          .json();
      } catch (cause) {
        if (tries === TRIES) {
          const state = "Cannot reach the object of this sign-in just now";
          throw new GrantwayError("overloaded", state, { cause, retryable: true });
        }
        await sleep(RETRY_MS * tries);
      }
    }
  }

  async function call<T>(method: string, body: Omit<SignInCall, "protocol">): Promise<T> {
    const action = "reach the object of this sign-in";
    const answer = await bounded(send(method, body), CALL_TIMEOUT_MS, action, sleep);
    if (isJsonObject(answer)) {
      if ("result" in answer) return answer.result as T;
      if ("error" in answer) {
        const { code, message, ...details } = answer.error as WireError;
        throw new CredentialError(code, message, details);
      }
    }
    const state = "Cannot sign in just now: a new version is being deployed";
    throw new GrantwayError("overloaded", state, { retryable: true, retryAfterMs: 5_000 });
  }

  async function told<View extends SignInView | null>(view: View): Promise<View> {
    const { state, credential } = view ?? {};
    if (state === "stored" && credential !== undefined) await onStored(credential).catch(() => {});
    return view;
  }

  // What is no id of ours makes no object.
  const isId = (id: string) => ID.test(id);
  return {
    start: (request) => {
      const id = encodeBase64Url(crypto.getRandomValues(new Uint8Array(ID_BYTES)));
      return call<SignInView>("start", { id, request });
    },
    read: async (id) => isId(id) ? await told(await call("read", { id })) : null,
    confirm: async (id, account) => {
      if (!isId(id)) throw new GrantwayError("not_found", "There is no such sign-in");
      const confirmed = { id, ...(account === undefined ? {} : { account }) };
      return await told(await call<SignInView>("confirm", confirmed));
    },
    cancel: (id) => isId(id) ? call("cancel", { id }) : Promise.resolve(false),
  };
}
