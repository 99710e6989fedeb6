/**
 * A gateway for one program: on a free port, with a key that only memory holds.
 *
 * @module
 */

import { createMemoryStore } from "../credentials/memory_store.ts";
import { createGateway } from "../gateway/app.ts";
import { createClientKeyStore } from "../gateway/client_key_store.ts";
import { createClientKeys } from "../gateway/client_key_verifier.ts";
import { DEFAULT_SETTINGS } from "../gateway/settings.ts";
import type { Context } from "./context.ts";
import { openUpstreams } from "./upstream.ts";

/** A gateway that listens. */
export interface PrivateGateway {
  /** Its base URL. */
  url: string;
  /** The key that it takes. */
  key: string;
  /** Ends it, without waiting for answers that nobody reads any more. */
  close(): Promise<void>;
}

/** Starts one. */
export async function startPrivateGateway(
  context: Context,
  defaultModel: string | undefined,
): Promise<PrivateGateway> {
  const { platform } = context;
  const { now, sleep } = platform;
  const store = createMemoryStore();
  const { secret } = await createClientKeyStore({ store, now }).create({ name: "run" });
  const gateway = createGateway({
    version: "",
    upstreams: openUpstreams(context),
    keys: createClientKeys({ store, now }),
    settings: { read: () => Promise.resolve({ ...DEFAULT_SETTINGS, defaultModel }) },
    now,
    sleep,
  });
  const server = await platform.serve((request) => gateway.fetch(request), { port: 0 });
  return { url: server.origin, key: secret.expose(), close: () => server.close() };
}
