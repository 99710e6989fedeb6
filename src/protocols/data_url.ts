/**
 * Media inside a `data:` URL, as OpenAI's dialects carry it.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc2397 | RFC 2397}
 * @module
 */

/** A base64 data URL; `undefined` for any other text. */
export function decodeDataUrl(url: string): { mediaType: string; data: string } | undefined {
  const [, mediaType, data] = /^data:([^;,]+);base64,([A-Za-z0-9+/]+=*)$/.exec(url) ?? [];
  return mediaType === undefined || data === undefined ? undefined : { mediaType, data };
}
