/**
 * Small parts of one exchange with an upstream: what goes into its headers, and what is told of it.
 *
 * @module
 */

import { displayText, maskSecrets } from "../core/redact.ts";
import type { AccessToken } from "../credentials/access_token.ts";
import type { GenerateRequest, StreamError } from "../protocols/event.ts";
import type { Provider } from "../providers/provider.ts";

/** What to do about a bearer that is refused. */
export function loginHint(provider: Provider, { credential, expiresAt }: AccessToken): string {
  if (expiresAt === null) {
    return `Check the API key${
      provider.apiKey === undefined ? "" : ` in ${provider.apiKey.variables.join(" or ")}`
    }`;
  }
  const region = credential.region === provider.regions[0]?.id
    ? ""
    : ` --region ${credential.region}`;
  return `Sign in again: grantway auth add ${credential.provider}${region}`;
}

/** A key that is no header value is left to the body alone. */
export function conversationHeader(
  { conversationHeader: name }: Provider,
  { promptCacheKey }: GenerateRequest,
): Record<string, string> {
  return name !== undefined && promptCacheKey !== undefined &&
      /^[\x21-\x7e]{1,256}$/.test(promptCacheKey)
    ? { [name]: promptCacheKey }
    : {};
}

/** The media type of an answer, bare and in lower case; empty without one. */
export function readMediaType(response: Response): string {
  return (response.headers.get("content-type") ?? "").split(";")[0]!.trim().toLowerCase();
}

/** Upstream's id of the request. */
export function readRequestId({ headers }: Response): string | undefined {
  const id = headers.get("request-id") ?? headers.get("x-request-id");
  return id === null ? undefined : displayText(id, 80);
}

/** Servers have been seen to repeat a refused key in their message. */
export function conceal(error: StreamError, { value }: AccessToken): StreamError {
  const { message, upstreamCode, requestId } = error;
  const mask = (text: string) => maskSecrets(text, [value]);
  return {
    ...error,
    message: mask(message),
    ...(upstreamCode === undefined ? {} : { upstreamCode: mask(upstreamCode) }),
    ...(requestId === undefined ? {} : { requestId: mask(requestId) }),
  };
}
