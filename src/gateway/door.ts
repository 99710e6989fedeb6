/**
 * What every request passes before anything is done for it: host name, origin, client key, limits, and
 * what the key is for. It fails closed: what no check lets in is refused.
 *
 * @module
 */

import { displayText } from "../core/redact.ts";
import type { ClientKeys, KeyRoute } from "./client_keys.ts";
import { NO_RETRY, Refusal } from "./error_response.ts";
import { answerPreflight } from "./middleware/cross_origin.ts";
import { createHeldBytes } from "./middleware/held_bytes.ts";
import { createHostCheck, type Reach } from "./middleware/host.ts";
import { createKeyLimiter } from "./middleware/key_limits.ts";
import { createKeyCheck } from "./middleware/presented_key.ts";
import type { Visit } from "./visit.ts";

/** What a route asks of who enters: nothing, any key, or a key that is for it. */
export type Need = "nothing" | "any_key" | KeyRoute;

/** What the door is made of. */
export interface DoorOptions {
  /** Who may enter. */
  keys: ClientKeys;
  /** Wall clock, ms since the epoch. */
  now: () => number;
  /** Who can reach the gateway. */
  reach: Reach;
  /** How many bytes of bodies all requests may hold at once. */
  heldBytes: number;
}

/** The door. */
export interface Door {
  /**
   * Lets a request in; the answer, where it asks for no more than that.
   *
   * @throws {Refusal} Why it does not get in.
   */
  admit(request: Request, visit: Visit, need: Need): Promise<Response | undefined>;
}

/** Creates the door. */
export function createDoor({ keys, now, reach, heldBytes }: DoorOptions): Door {
  const checkHost = createHostCheck(reach);
  const checkKey = createKeyCheck(keys, now);
  const limiter = createKeyLimiter();
  const openHold = createHeldBytes(heldBytes);
  return {
    admit: async (request, visit, need) => {
      const { hosts, origins, limits } = visit.settings;
      const refusal = checkHost(request, hosts);
      if (refusal !== undefined) throw refusal;
      const preflight = answerPreflight(request, origins);
      if (preflight !== undefined) return preflight;
      if (need === "nothing") return undefined;
      const key = await checkKey(request);
      visit.key = key;
      const leave = limiter.enter(key, limits, now());
      const hold = openHold();
      visit.hold = hold;
      visit.leave = () => {
        hold.release();
        leave();
      };
      if (need !== "any_key" && key.scope.routes?.includes(need) === false) {
        throw new Refusal(
          403,
          "access_denied",
          `The client key "${displayText(key.name, 60)}" is not for this route`,
          { headers: NO_RETRY },
        );
      }
      return undefined;
    },
  };
}
