/**
 * The path of a request as it was sent. `new URL` would make `/v1/%2e%2e/x` and `/v1//x` mean something;
 * here they mean nothing.
 *
 * @module
 */

/** The path of an absolute URL, as it is written: without query, nothing decoded, nothing resolved. */
export function rawPath(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  if (start === -1) return "/";
  const rest = url.slice(start);
  const end = rest.search(/[?#]/);
  return end === -1 ? rest : rest.slice(0, end);
}

/** The query of an absolute URL, as it is written; empty without one. */
export function rawQuery(url: string): string {
  const start = url.indexOf("?");
  if (start === -1) return "";
  const end = url.indexOf("#", start);
  return url.slice(start + 1, end === -1 ? undefined : end);
}
