/**
 * Classes of Durable Objects whose code is loaded with the first call of one. An isolate loads every
 * class that its Worker exports; most hold no object of most of them.
 *
 * @module
 */

import type { ObjectState } from "./durable_object.ts";

/** What the runtime calls of an object. */
export interface LazyObject {
  /** Answers a call. */
  fetch(request: Request): Promise<Response>;
  /** Called when the alarm goes off; only of objects that set one. */
  alarm(): Promise<void>;
}

/** An object as its own class makes it. */
interface LoadedObject {
  fetch(request: Request): Promise<Response>;
  alarm?(): Promise<void>;
}

/** Makes a class for a binding out of the one that `load` loads. */
export function lazyObject<Env>(
  load: () => Promise<new (state: ObjectState, env: Env) => LoadedObject>,
): new (state: ObjectState, env: Env) => LazyObject {
  return class {
    readonly #state: ObjectState;
    readonly #env: Env;
    #loading: Promise<LoadedObject> | undefined;

    constructor(state: ObjectState, env: Env) {
      this.#state = state;
      this.#env = env;
    }

    #load(): Promise<LoadedObject> {
      return this.#loading ??= load().then((Loaded) => new Loaded(this.#state, this.#env))
        .catch((error) => {
          // An object that is called without pause lives on: its next call tries again.
          this.#loading = undefined;
          throw error;
        });
    }

    async fetch(request: Request): Promise<Response> {
      return await (await this.#load()).fetch(request);
    }

    async alarm(): Promise<void> {
      await (await this.#load()).alarm?.();
    }
  };
}
