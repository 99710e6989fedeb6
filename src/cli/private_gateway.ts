/**
 * A gateway for one program: on a free port, with a key that only memory holds.
 *
 * @module
 */

import { createMemoryStore } from "../credentials/memory_store.ts";
import { createClientKeyStore } from "../gateway/client_key_store.ts";
import { createClientKeys } from "../gateway/client_key_verifier.ts";
import type { Context } from "./context.ts";
import { startLocalGateway } from "./local_gateway.ts";

/** A gateway that listens. */
export interface PrivateGateway {
  /** Its base URL. */
  url: string;
  /** The key that it takes. */
  key: string;
}

/** Starts one, until the end of the run; `name` is what the books call its user. */
export async function startPrivateGateway(
  context: Context,
  name: string,
  defaultModel: string | undefined,
): Promise<PrivateGateway> {
  const { now } = context.platform;
  const store = createMemoryStore();
  const { secret } = await createClientKeyStore({ store, now }).create({ name });
  const keys = createClientKeys({ store, now });
  const gateway = await startLocalGateway(context, {
    port: 0,
    host: "127.0.0.1",
    keys: {
      isConfigured: keys.isConfigured,
      verify: async (presented) => {
        const key = await keys.verify(presented);
        // In the books every run of a client is the same user, though each has a key of its own.
        return key && { ...key, id: name };
      },
    },
    defaultModel,
  });
  // Nobody reads an answer that is still open.
  context.defer(() => gateway.close(AbortSignal.abort()));
  return { url: gateway.server.origin, key: secret.expose() };
}
