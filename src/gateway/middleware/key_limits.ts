/**
 * How much one client key may ask: requests a minute, and at once. One key's hunger is not another's.
 *
 * @module
 */

import type { ClientKey } from "../client_keys.ts";
import { Refusal } from "../error_response.ts";
import type { GatewayLimits } from "../settings.ts";
import { createRateWindow, type RateWindow } from "./rate_window.ts";

/** What one key does. */
interface Meter {
  active: number;
  window: { limit: number; rate: RateWindow } | undefined;
}

/** Beyond so many keys, those that do nothing are forgotten. */
const MAX_METERS = 10_000;
/** A request that ends makes place; nobody knows when. */
const BUSY_RETRY_MS = 1_000;

/** Lets requests in, key by key. */
export interface KeyLimiter {
  /**
   * Takes a place for a request; the function that is returned gives it back, once.
   *
   * @throws {Refusal} 429 where there is none.
   */
  enter(key: ClientKey, limits: GatewayLimits, now: number): () => void;
}

/** Creates a limiter. */
export function createKeyLimiter(): KeyLimiter {
  const meters = new Map<string, Meter>();

  function meterOf(id: string): Meter {
    let meter = meters.get(id);
    if (meter === undefined) {
      if (meters.size >= MAX_METERS) {
        for (const [other, { active }] of meters) if (active === 0) meters.delete(other);
      }
      meters.set(id, meter = { active: 0, window: undefined });
    }
    return meter;
  }

  return {
    enter: (key, limits, now) => {
      const meter = meterOf(key.id);
      const concurrent = key.limits?.concurrent ?? limits.concurrent;
      if (meter.active >= concurrent) {
        throw new Refusal(
          429,
          "rate_limited",
          `This client key has ${concurrent} requests under way, which is all it may have`,
          { retryAfterMs: BUSY_RETRY_MS },
        );
      }
      const perMinute = key.limits?.requestsPerMinute ?? limits.requestsPerMinute;
      if (perMinute !== undefined) {
        if (meter.window?.limit !== perMinute) {
          meter.window = { limit: perMinute, rate: createRateWindow(perMinute) };
        }
        const waitMs = meter.window.rate.take(now);
        if (waitMs !== undefined) {
          throw new Refusal(
            429,
            "rate_limited",
            `This client key has made its ${perMinute} requests of this minute`,
            { retryAfterMs: waitMs },
          );
        }
      }
      meter.active++;
      let hasLeft = false;
      return () => {
        if (hasLeft) return;
        hasLeft = true;
        meter.active--;
      };
    },
  };
}
