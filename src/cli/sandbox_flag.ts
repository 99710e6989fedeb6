/**
 * Under `--sandbox` every command that a message names needs that flag as well.
 *
 * @module
 */

import { isJsonObject } from "../core/http.ts";

/** A message whose commands have the flag; there is nothing of the sandbox's to deploy. */
export function withSandboxFlag(message: string): string {
  return message.replace(
    /\bgrantway (?:auth|chat|config|connect|doctor|gateway(?! deploy)|models?|sessions|tools|usage|image|speak|transcribe|video)\b(?:(?:(?!\. )[^\n`(;])*[^\s`(.,:;])?/g,
    (command) => /--(?:sandbox|help)\b/.test(command) ? command : `${command} --sandbox`,
  );
}

/** The same for what a gateway answers to a request that failed. */
export async function flagAnswer(response: Response): Promise<Response> {
  if (response.ok || response.headers.get("content-type") !== "application/json") return response;
  const { status } = response;
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  return Response.json(flagTexts(await response.json()), { status, headers });
}

function flagTexts(value: unknown): unknown {
  if (typeof value === "string") return withSandboxFlag(value);
  if (Array.isArray(value)) return value.map(flagTexts);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, flagTexts(one)]));
}
