/**
 * Secrets that are looked for in everything that leaves the process, in whatever form.
 *
 * @module
 */

/** So many characters in a row of a secret are a leak; fewer may be a coincidence. */
const PIECE = 16;

/** Secrets and their written forms. */
export class Canaries {
  readonly #secrets = new Set<string>();
  readonly #pieces = new Set<string>();

  /** How many there are. */
  get size(): number {
    return this.#secrets.size;
  }

  /** Watches a secret from now on. */
  add(secret: string): void {
    if (secret.length < PIECE || this.#secrets.has(secret)) return;
    this.#secrets.add(secret);
    for (const form of formsOf(secret)) {
      for (let at = 0; at + PIECE <= form.length; at++) {
        this.#pieces.add(form.slice(at, at + PIECE));
      }
    }
  }

  /** What of the secrets is in `text`, with what stands around it; undefined for nothing. */
  find(text: string): string | undefined {
    for (let at = 0; at + PIECE <= text.length; at++) {
      if (this.#pieces.has(text.slice(at, at + PIECE))) {
        return text.slice(Math.max(0, at - 60), at + PIECE + 20);
      }
    }
    return undefined;
  }
}

/** Raw, in JSON, in a URL, in a form, in hex, and in base64 wherever it starts in a longer text. */
function formsOf(secret: string): string[] {
  const bytes = new TextEncoder().encode(secret);
  const base64 = [0, 1, 2].map((shift) => {
    const text = btoa(String.fromCharCode(...new Uint8Array(shift), ...bytes));
    // The first and the last characters depend on what stands beside it.
    return text.slice(shift === 0 ? 0 : 4, -4);
  });
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    new URLSearchParams({ "": secret }).toString().slice(1),
    Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(""),
    ...base64,
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
  ];
}

const SECRET_FIELDS = [
  "access_token",
  "refresh_token",
  "id_token",
  "device_code",
  "code_verifier",
  "code",
  "token",
];

/** Watches every secret that passes through `fetch`, in either direction. */
export function watchFetch(
  canaries: Canaries,
  fetch: typeof globalThis.fetch,
): typeof globalThis.fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const bearer = request.headers.get("authorization") ?? "";
    canaries.add(bearer.replace(/^Bearer /, ""));
    canaries.add(request.headers.get("x-api-key") ?? "");
    const form = new URLSearchParams(typeof init?.body === "string" ? init.body : "");
    for (const name of SECRET_FIELDS) canaries.add(form.get(name) ?? "");
    const response = await fetch(input, init);
    const type = response.headers.get("content-type") ?? "";
    if (/json/.test(type)) {
      const body = await response.clone().json().catch(() => null);
      for (const name of SECRET_FIELDS) {
        const value = body?.[name];
        if (typeof value === "string") canaries.add(value);
      }
    }
    return response;
  };
}

/** How a server repeats what it was sent. */
const ECHOES: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => encodeURIComponent(secret),
  (secret) => `${secret.slice(0, Math.ceil(secret.length / 2))}...`,
  (secret) => `Bearer ${secret}\x1b]52;c;${secret}\x07`,
];

/** The number of ways in which {@linkcode echo} answers. */
export const ECHO_COUNT = 24;

/** An error that holds every secret of the request, in one of the shapes that servers give errors. */
export function echo(way: number, init: RequestInit | undefined): Response {
  const headers = new Headers(init?.headers);
  const form = new URLSearchParams(typeof init?.body === "string" ? init.body : "");
  const secrets = [
    (headers.get("authorization") ?? "").replace(/^Bearer /, ""),
    ...SECRET_FIELDS.map((name) => form.get(name) ?? ""),
  ].filter((secret) => secret !== "");
  const said = secrets.map(ECHOES[way % ECHOES.length]!).join(" ");
  const status = [400, 401, 403, 500, 429, 200][way % 6]!;
  const shape = Math.floor(way / ECHOES.length);
  switch (shape % 6) {
    case 0:
      return Response.json({ error: "invalid_request", error_description: said }, { status });
    case 1:
      return Response.json({ error: said, error_description: "no" }, { status });
    case 2:
      return Response.json({ error: { type: "bad", message: said, code: said } }, { status });
    case 3:
      return Response.json({
        base_resp: { status_code: 1004, status_msg: said },
        code: said,
        detail: said,
      }, { status });
    case 4:
      return new Response(`<html>${said}</html>`, {
        status,
        headers: { "content-type": "text/html", "x-request-id": said.replace(/[^\x20-\x7e]/g, "") },
      });
    default:
      return new Response(`not JSON: ${said}`, { status });
  }
}
