/**
 * `--trace`: a transcript of every request as hosts, paths, statuses, field names and timings. Never
 * a value: it can be shown to anyone.
 *
 * @module
 */

/** One request of the transcript. */
export interface TraceEntry {
  /** When it was sent, ISO 8601. */
  at: string;
  /** HTTP method. */
  method: string;
  /** Origin and path; of the query, names only. */
  url: string;
  /** Names of request headers. */
  requestHeaders: string[];
  /** Names of the request body's fields, where it is a form or JSON. */
  requestFields?: string[];
  /** HTTP status; absent when the request failed. */
  status?: number;
  /** Media type of the answer. */
  contentType?: string;
  /** Paths of the answer's JSON fields with the type of each value. */
  responseFields?: string[];
  /** Until the answer's headers, ms. */
  durationMs: number;
  /** Class of the failure, without its text. */
  failure?: string;
}

const MAX_FIELDS = 100;
const MAX_BODY = 64 * 1024;

function jsonFields(value: unknown, path = "", fields: string[] = []): string[] {
  if (fields.length >= MAX_FIELDS) return fields;
  if (Array.isArray(value)) {
    if (value.length > 0) jsonFields(value[0], `${path}[]`, fields);
    else fields.push(`${path}[]`);
  } else if (typeof value === "object" && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      // Names can carry data too, where an object is used as a map.
      const safe = /^[A-Za-z_][A-Za-z0-9_-]{0,40}$/.test(name) ? name : "?";
      jsonFields(member, path === "" ? safe : `${path}.${safe}`, fields);
    }
  } else {
    fields.push(`${path}: ${value === null ? "null" : typeof value}`);
  }
  return fields;
}

function bodyFields(text: string, contentType: string): string[] | undefined {
  if (text.length > MAX_BODY) return undefined;
  if (contentType.includes("application/x-www-form-urlencoded")) {
    return [...new Set(new URLSearchParams(text).keys())].slice(0, MAX_FIELDS);
  }
  if (!contentType.includes("json")) return undefined;
  try {
    return jsonFields(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function safeUrl(url: URL): string {
  const names = [...new Set(url.searchParams.keys())].map((name) => `${name}=…`);
  return `${url.origin}${url.pathname}${names.length > 0 ? `?${names.join("&")}` : ""}`;
}

/** Wraps `fetch`: `write` gets an entry for each request, when its answer's fields are known. */
export function traceFetch(
  fetch: typeof globalThis.fetch,
  now: () => number,
  write: (entry: TraceEntry) => void,
): typeof globalThis.fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const startedAt = now();
    const entry: TraceEntry = {
      at: new Date(startedAt).toISOString(),
      method: request.method,
      url: safeUrl(new URL(request.url)),
      requestHeaders: [...request.headers.keys()],
      durationMs: 0,
    };
    if (typeof init?.body === "string" || init?.body instanceof URLSearchParams) {
      const fields = bodyFields(String(init.body), request.headers.get("content-type") ?? "");
      if (fields) entry.requestFields = fields;
    }
    try {
      const response = await fetch(input, init);
      entry.durationMs = now() - startedAt;
      entry.status = response.status;
      const contentType = response.headers.get("content-type");
      if (contentType !== null) entry.contentType = contentType.split(";")[0]!.trim();
      if (contentType?.includes("json")) {
        const fields = bodyFields(await response.clone().text(), contentType);
        if (fields) entry.responseFields = fields;
      }
      write(entry);
      return response;
    } catch (error) {
      entry.durationMs = now() - startedAt;
      entry.failure = error instanceof Error ? error.name : "unknown";
      write(entry);
      throw error;
    }
  };
}
