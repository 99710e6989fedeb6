/**
 * The configuration's part in what a login asks for: texts there, typed and checked here.
 *
 * @module
 */

import { type OAuthParameters, type Provider, withOAuthParameters } from "../providers/mod.ts";
import { UsageError } from "./exit_code.ts";

/** What leaves a parameter of the authorization URL out. */
const NONE = "none";
const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, false: false };

/**
 * What the settings of `provider` say, each read by `get` under its last name.
 *
 * @throws {UsageError} When one cannot be read.
 * @throws {GrantwayError} `invalid_configuration` when no request could carry it.
 */
export function readOAuthParameters(
  { id, oauth }: Provider,
  get: (name: string) => string | undefined,
): OAuthParameters {
  if (oauth?.kind !== "oidc") return {};
  const scopes = get("scopes")?.split(/\s+/).filter((scope) => scope !== "");
  const echo = get("echo_challenge");
  const port = get("redirect_port");
  const echoesChallenge = echo === undefined ? undefined : BOOLEANS[echo];
  if (echo !== undefined && echoesChallenge === undefined) {
    throw new UsageError(`providers.${id}.echo_challenge is true or false, not "${echo}"`);
  }
  if (port !== undefined && !/^\d{1,5}$/.test(port)) {
    throw new UsageError(
      `providers.${id}.redirect_port is a whole number from 0 to 65535, not "${port}"`,
    );
  }
  const authorization = Object.keys(oauth.authorizationParameters)
    .flatMap((name): [string, string | null][] => {
      const value = get(name);
      return value === undefined ? [] : [[name, value === NONE ? null : value]];
    });
  const parameters: OAuthParameters = {
    scopes,
    authorization: Object.fromEntries(authorization),
    echoesChallenge,
    redirectPort: port === undefined ? undefined : Number(port),
  };
  withOAuthParameters(oauth, parameters);
  return parameters;
}
