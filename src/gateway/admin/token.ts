/**
 * The admin token: checked in constant time, and so often a minute at most.
 *
 * @module
 */

import type { Secret } from "../../core/secret.ts";
import { sha256 } from "../../core/sha256.ts";
import { equalDigests } from "../client_key_record.ts";
import { NO_RETRY, Refusal } from "../error_response.ts";
import { createRateWindow } from "../middleware/rate_window.ts";

/** Who can guess less than this has guessed it soon. */
const MIN_LENGTH = 16;
const MAX_WRONG_PER_MINUTE = 30;

/** Checks what is presented as the admin token. */
export interface TokenCheck {
  /** The token, for what is derived from it. Throws where there is none that can be used. */
  require(): Secret;
  /** Throws a {@linkcode Refusal} unless `presented` is the token. */
  check(presented: string | undefined): void;
}

/** Creates the check. */
export function createTokenCheck(token: Secret | undefined, now: () => number): TokenCheck {
  const encoder = new TextEncoder();
  const digest = (text: string) => sha256(encoder.encode(text));
  const wrong = createRateWindow(MAX_WRONG_PER_MINUTE);
  const expected = token && digest(token.expose());

  const require = (): Secret => {
    if (token !== undefined && token.expose().length >= MIN_LENGTH) return token;
    throw new Refusal(
      503,
      "invalid_configuration",
      token === undefined
        ? "This gateway has no admin token"
        : `The admin token of this gateway is shorter than ${MIN_LENGTH} characters`,
      {
        hint: "Set GRANTWAY_ADMIN_TOKEN, on a Worker with: wrangler secret put " +
          "GRANTWAY_ADMIN_TOKEN; `openssl rand -base64 32` makes one",
        headers: NO_RETRY,
      },
    );
  };

  return {
    require,
    check: (presented) => {
      require();
      if (presented !== undefined && equalDigests(digest(presented), expected!)) return;
      // One that is good was let in above: guessing slows down nobody else.
      const waitMs = presented === undefined ? undefined : wrong.take(now());
      if (waitMs !== undefined) {
        throw new Refusal(429, "rate_limited", "Too many wrong admin tokens", {
          retryAfterMs: waitMs,
        });
      }
      throw new Refusal(
        401,
        "unauthorized",
        presented === undefined ? "This needs the admin token" : "That is not the admin token",
        {
          hint: "Set GRANTWAY_ADMIN_TOKEN to the token that this gateway was given",
          headers: { "www-authenticate": "Bearer", ...NO_RETRY },
        },
      );
    },
  };
}
