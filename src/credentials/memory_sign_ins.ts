/**
 * Sign-ins of a program that stays: in memory, each waiting for its next step.
 *
 * @module
 */

import { encodeBase64Url } from "../core/base64url.ts";
import { GrantwayError } from "../core/errors.ts";
import { resolveRuntime } from "../core/runtime.ts";
import { createSignIn, type SignIn, type SignInOptions, type SignIns } from "./sign_in.ts";

/** What the sign-ins are made of. */
export interface MemorySignInsOptions extends Omit<SignInOptions, "id" | "host" | "storage"> {
  /** Id of what the logins are made on, asked when one is. */
  host: () => Promise<string>;
  /** Ends every wait. */
  signal?: AbortSignal | undefined;
}

const ID_BYTES = 16;

/** Creates the sign-ins of one program. */
export function createMemorySignIns(options: MemorySignInsOptions): SignIns {
  const { onWarning, signal } = options;
  const { now, sleep } = resolveRuntime(options);
  const all = new Map<string, SignIn>();

  function open(id: string, host: string): SignIn {
    let saved: string | null = null;
    let waiting = new AbortController();

    async function wakeAt(at: number): Promise<void> {
      waiting.abort();
      const own = waiting = new AbortController();
      const signals = signal === undefined ? own.signal : AbortSignal.any([own.signal, signal]);
      try {
        await sleep(at - now(), signals);
      } catch {
        return;
      }
      await signIn.wake().catch((error: Error) => onWarning(error.message));
    }

    const signIn = createSignIn({
      ...options,
      id,
      host,
      storage: {
        load: () => Promise.resolve(saved),
        save: (text, at) => {
          saved = text;
          wakeAt(at);
          return Promise.resolve();
        },
        clear: () => {
          saved = null;
          waiting.abort();
          all.delete(id);
          return Promise.resolve();
        },
      },
    });
    return signIn;
  }

  return {
    start: async (request) => {
      const id = encodeBase64Url(crypto.getRandomValues(new Uint8Array(ID_BYTES)));
      const signIn = open(id, await options.host());
      const view = await signIn.start(request);
      all.set(id, signIn);
      return view;
    },
    read: async (id) => await all.get(id)?.read() ?? null,
    confirm: async (id, account) => {
      const signIn = all.get(id);
      if (signIn === undefined) throw new GrantwayError("not_found", "There is no such sign-in");
      return await signIn.confirm(account);
    },
    cancel: async (id) => await all.get(id)?.cancel() ?? false,
  };
}
