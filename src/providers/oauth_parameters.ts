/**
 * What a login may ask for otherwise than its provider's settings say. Servers change, and sources
 * differ about some of these, so a user can set them without new code.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import type { OidcSettings } from "./provider.ts";

/** What the configuration replaces in the settings of a login. All optional. */
export interface OAuthParameters {
  /** The scopes to ask for: these alone, those of an upstream too. */
  scopes?: readonly string[] | undefined;
  /** Parameters of the authorization URL, by the names of the settings'; `null` leaves one out. */
  authorization?: Readonly<Record<string, string | null>> | undefined;
  /** Whether the code exchange repeats the challenge. */
  echoesChallenge?: boolean | undefined;
  /** The port to try first for the browser to come back to; 0 is any. */
  redirectPort?: number | undefined;
}

/** RFC 6749 3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
/** Printable ASCII: a word for a query, not a text. */
const PARAMETER = /^[\x21-\x7e]{1,100}$/;
const MAX_SCOPES = 50;

/**
 * The settings with `parameters` in them.
 *
 * @throws {GrantwayError} `invalid_configuration` for a value that no request could carry.
 */
export function withOAuthParameters(
  settings: OidcSettings,
  { scopes, authorization = {}, echoesChallenge, redirectPort }: OAuthParameters,
): OidcSettings {
  if (scopes !== undefined) {
    const isList = scopes.length > 0 && scopes.length <= MAX_SCOPES;
    if (!isList || !scopes.every((scope) => SCOPE.test(scope))) {
      throw invalid("the scopes", `they are 1 to ${MAX_SCOPES} words in ASCII`);
    }
  }
  for (const [name, value] of Object.entries(authorization)) {
    if (!Object.hasOwn(settings.authorizationParameters, name)) {
      throw invalid(`the parameter ${name}`, "the provider knows none of that name");
    }
    if (value !== null && !PARAMETER.test(value)) {
      throw invalid(`the parameter ${name}`, "it is one word in ASCII");
    }
  }
  if (
    redirectPort !== undefined &&
    !(Number.isInteger(redirectPort) && redirectPort >= 0 && redirectPort <= 65_535)
  ) throw invalid("the redirect port", "it is a whole number from 0 to 65535");

  const parameters = Object.entries({ ...settings.authorizationParameters, ...authorization })
    .filter((entry): entry is [string, string] => entry[1] !== null);
  return {
    ...settings,
    scopes: scopes ?? settings.scopes,
    authorizationParameters: Object.fromEntries(parameters),
    echoesChallenge: echoesChallenge ?? settings.echoesChallenge,
    redirect: { ...settings.redirect, port: redirectPort ?? settings.redirect.port },
  };
}

function invalid(what: string, why: string): GrantwayError {
  return new GrantwayError("invalid_configuration", `Cannot use ${what} for a login: ${why}`);
}
