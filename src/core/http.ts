/**
 * Small parts of HTTP that several layers need: bounded body reads, JSON of unknown shape,
 * Retry-After, host checks, and the class of a failed `fetch`.
 *
 * @module
 */

/** A body larger than the limit its reader set. */
export class BodyTooLargeError extends Error {
  /** The class name. */
  override name = "BodyTooLargeError";
}

/** Enough for most bodies; longer ones double it. */
const FIRST_BUFFER_BYTES = 16 * 1024;

/**
 * Reads a body up to `limitBytes` and cancels the rest.
 *
 * @throws {BodyTooLargeError} When there is more.
 */
export async function readBoundedBytes(
  body: ReadableStream<Uint8Array> | null,
  limitBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (body === null) return new Uint8Array();
  const reader = openReader(body);
  let bytes = new Uint8Array(FIRST_BUFFER_BYTES);
  let size = 0;
  try {
    for (;;) {
      if (size === bytes.length) bytes = grown(bytes, size * 2);
      const { done, chunk, buffer } = await reader.read(bytes.buffer, size);
      bytes = new Uint8Array(buffer);
      if (done) return bytes.subarray(0, size);
      const end = size + chunk.length;
      if (end > limitBytes) {
        throw new BodyTooLargeError(`Body is larger than ${limitBytes} bytes`);
      }
      if (chunk.buffer !== buffer) {
        if (end > bytes.length) bytes = grown(bytes, Math.max(end, bytes.length * 2));
        bytes.set(chunk, size);
      }
      size = end;
    }
  } finally {
    // Without effect after the end; after a failure it frees the connection.
    reader.cancel().catch(() => {});
  }
}

/**
 * Reads the body of a request or an answer up to `limitBytes`: in one go where its length is declared,
 * which is the body's then, whatever is sent (RFC 9112 6.3). See {@linkcode readBoundedBytes}.
 */
export async function readMessageBytes(
  message: Request | Response,
  limitBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const { headers } = message;
  const declared = headers.get("content-length");
  if (declared === null || headers.has("content-encoding")) {
    return await readBoundedBytes(message.body, limitBytes);
  }
  if (Number(declared) <= limitBytes) {
    const bytes = new Uint8Array(await message.arrayBuffer());
    if (bytes.length <= limitBytes) return bytes;
  }
  message.body?.cancel().catch(() => {});
  throw new BodyTooLargeError(`Body is larger than ${limitBytes} bytes`);
}

function grown(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(size);
  larger.set(bytes);
  return larger;
}

/** Reads into `buffer` from `offset` on, which travels with each read and comes back with it. */
interface FillingReader {
  read(
    buffer: ArrayBuffer,
    offset: number,
  ): Promise<{ done: boolean; chunk: Uint8Array; buffer: ArrayBuffer }>;
  cancel(): Promise<void>;
}

const NOTHING = new Uint8Array();

/** A default reader takes a fresh 64 KiB for every read: it is for streams that know no other. */
function openReader(body: ReadableStream<Uint8Array>): FillingReader {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = body.getReader({ mode: "byob" });
  } catch {
    const plain = body.getReader();
    return {
      read: async (buffer) => {
        const { done, value = NOTHING } = await plain.read();
        return { done, chunk: value, buffer };
      },
      cancel: () => plain.cancel(),
    };
  }
  return {
    read: async (buffer, offset) => {
      const { done, value } = await reader.read(new Uint8Array(buffer, offset));
      // A stream that was cancelled keeps the buffer.
      return { done, chunk: value ?? NOTHING, buffer: value?.buffer ?? new ArrayBuffer(0) };
    },
    cancel: () => reader.cancel(),
  };
}

/** Reads a UTF-8 body up to `limitBytes`; a byte order mark is dropped. See {@linkcode readBoundedBytes}. */
export async function readBoundedText(
  body: ReadableStream<Uint8Array> | null,
  limitBytes: number,
): Promise<string> {
  return new TextDecoder().decode(await readBoundedBytes(body, limitBytes));
}

/** A JSON object of unknown content. */
export type JsonObject = { [key: string]: unknown };

/** Whether `value` is an object that is neither null nor an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Parses JSON; `undefined` where the text is none, is too deep to parse, or is not an object. */
export function parseJsonObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What a `retry-after-ms` or `retry-after` header asks for, in ms from now; `undefined` without one.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3 | RFC 9110 10.2.3}
 */
export function parseRetryAfter(headers: Headers, now: number): number | undefined {
  const ms = Number(headers.get("retry-after-ms") ?? NaN);
  if (ms >= 0) return ms;
  const value = headers.get("retry-after")?.trim();
  if (!value) return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  const instant = Date.parse(value);
  return Number.isNaN(instant) ? undefined : Math.max(0, instant - now);
}

/**
 * Whether `host` is in a host list. An entry `example.com` stands for that host alone, and
 * `*.example.com` for every host below it.
 */
function matchesHost(host: string, hosts: readonly string[]): boolean {
  const name = host.toLowerCase();
  return hosts.some((entry) =>
    entry.startsWith("*.") ? name.endsWith(entry.slice(1)) : name === entry
  );
}

/**
 * Where a secret may be sent. A vendor's own hosts, https on the default port only; or one origin,
 * of any scheme, when the vendor is played by a sandbox or an override on loopback.
 */
export type TrustedHosts =
  | { readonly hosts: readonly string[]; readonly origin?: undefined }
  | { readonly origin: string; readonly hosts?: undefined };

/** Whether `url` lies inside `trusted`. A URL with a user name or password never does. */
export function isTrustedUrl(url: URL, trusted: TrustedHosts): boolean {
  if (url.username !== "" || url.password !== "") return false;
  if (trusted.origin !== undefined) return url.origin === trusted.origin;
  return url.protocol === "https:" && url.port === "" && matchesHost(url.hostname, trusted.hosts);
}

/** Whether `url` is http(s) on this machine: 127.0.0.0/8, `[::1]` or `localhost`. */
export function isLoopbackUrl(url: URL): boolean {
  return (url.protocol === "http:" || url.protocol === "https:") &&
    (/^127\.\d+\.\d+\.\d+$/.test(url.hostname) || url.hostname === "[::1]" ||
      url.hostname === "localhost");
}

/** Whether `status` is one of the two redirects that keep method and body. */
export function isBodyKeepingRedirect(status: number): boolean {
  return status === 307 || status === 308;
}

/**
 * Whether a rejected `fetch` certainly sent nothing: name resolution, connection or TLS failed.
 *
 * `false` means "unknown": the request may have been processed.
 */
export function isNotSent(error: unknown): boolean {
  for (let e = error, depth = 0; e instanceof Error && depth < 5; e = e.cause, depth++) {
    const code = (e as { code?: unknown }).code;
    if (
      typeof code === "string" &&
      /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_|ERR_TLS_CERT|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE)/
        .test(code)
    ) return true;
    // Deno names the phase: "client error (Connect)" covers DNS, TCP and TLS.
    if (/client error \(Connect\)|dns error/.test(e.message)) return true;
  }
  return false;
}
