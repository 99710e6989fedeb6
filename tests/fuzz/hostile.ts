/**
 * Generators of what nobody should send.
 *
 * @module
 */

import fc from "fast-check";

/** Control sequences, invisible characters and names that mean something to JavaScript. */
const ODD_TEXTS = [
  "",
  "\0",
  "\ufeff",
  "\ud800",
  "\udc00x",
  "__proto__",
  "constructor",
  "toString",
  "\x1b]52;c;AAAA\x07",
  "\x1b]8;;http://evil.example\x1b\\link",
  "\x1b[2J\x1b[1;1H",
  "\x9b31m",
  "\x1bP$q\x1b\\",
  "\x1b]0;title\x07",
  "\u202egnp.exe",
  "\u2066\u2069\u200b\u200d\u2060",
  "\u{e0041}\u{e007f}",
  "\r\nover\rwritten",
  "<!doctype html><script>alert(1)</script>",
  "' OR 1=1 --",
  "../../etc/passwd",
  "C:\\con",
  "NaN",
  "1e999",
  "null",
];

/** Any UTF-16: controls, lone surrogates, escape sequences, names of prototypes. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...ODD_TEXTS),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 })
    .map((units) => String.fromCharCode(...units)),
  fc.array(fc.constantFrom(...ODD_TEXTS, "text", " "), { maxLength: 6 }).map((t) => t.join("")),
);

/** The JSON of numbers that are no reasonable expiry, count or index. */
const ODD_NUMBERS = [
  "0",
  "-1",
  "-0",
  "3600",
  "3600.7",
  "-2147483648",
  "2147483648",
  "9007199254740993",
  "1e308",
  "1e999",
  "1735689600",
  "1735689600000",
  "253402300800000",
];

/** The JSON text of any value, objects with repeated and prototype names among them. */
export const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc.constantFrom("null", "true", "false", '"3600"', '"abc"', "[]", "{}", ...ODD_NUMBERS),
    hostileText.map((text) => JSON.stringify(text)),
    fc.array(tie("value"), { maxLength: 3 }).map((items) => `[${items.join()}]`),
    fc.array(fc.tuple(hostileText, tie("value")), { maxLength: 3 }).map((fields) =>
      objectText(fields)
    ),
  ),
})).value;

/** The JSON text of an object; names may come twice. */
export function objectText(fields: readonly (readonly [name: string, json: string])[]): string {
  return `{${fields.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join()}}`;
}

/**
 * The JSON text of an object with these fields, each one there or not, repeated or not, with a value
 * of its own or any other; beside it what pollutes prototypes.
 */
export function hostileObject(
  fields: Readonly<Record<string, fc.Arbitrary<string>>>,
): fc.Arbitrary<string> {
  const field = fc.oneof(
    ...Object.entries(fields).map(([name, json]) =>
      fc.tuple(fc.constant(name), fc.oneof({ arbitrary: json, weight: 3 }, jsonText))
    ),
    fc.constantFrom(
      ["__proto__", '{"polluted":true}'] as [string, string],
      ["constructor", '{"prototype":{"polluted":true}}'] as [string, string],
    ),
  );
  return fc.array(field, { maxLength: Object.keys(fields).length + 2 }).map(objectText);
}

/** Depth and width that end naive parsers. */
export const hugeText: fc.Arbitrary<string> = fc.constantFrom(
  () => "[".repeat(100_000),
  () => `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
  () => `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`,
  () => `{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":${i}`).join()}}`,
  () => `"${"\\u001b".repeat(100_000)}"`,
  () => "9".repeat(100_000),
).map((make) => make());

/** The same text, damaged: cut, doubled, with a byte changed, a BOM or a NUL. */
export function damaged(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(text, fc.nat(), hostileText, fc.nat(7)).map(([text, place, other, how]) => {
    const at = text.length === 0 ? 0 : place % text.length;
    switch (how) {
      case 0:
        return text.slice(0, at);
      case 1:
        return text.slice(0, at) + other + text.slice(at);
      case 2:
        return text.slice(0, at) + text.slice(at + 1);
      case 3:
        return `\ufeff${text}`;
      case 4:
        return `${text}\0`;
      case 5:
        return text + text;
      case 6:
        return `<html><body>${text}</body></html>`;
      default:
        return text.slice(0, at) + other + text.slice(at + other.length);
    }
  });
}

/** Lets a counterexample print them as text. */
function readable(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return Object.defineProperty(bytes, fc.toStringMethod, {
    value: () => `bytes of ${JSON.stringify(new TextDecoder().decode(bytes).slice(0, 1_000))}`,
  });
}

/** Mostly the text, often damaged, now and then something else or something huge. */
export function hostileBody(text: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const encode = (text: string) => readable(new TextEncoder().encode(text));
  return fc.oneof(
    { arbitrary: text.map(encode), weight: 300 },
    { arbitrary: damaged(text).map(encode), weight: 200 },
    { arbitrary: jsonText.map(encode), weight: 50 },
    { arbitrary: hostileText.map(encode), weight: 25 },
    {
      arbitrary: fc.uint8Array({ maxLength: 64 }).map((bytes) => readable(bytes.slice())),
      weight: 50,
    },
    // Seldom: each takes a thousand times as long as the others.
    { arbitrary: hugeText.map(encode), weight: 1 },
  );
}

/** Statuses, with those that matter more often. */
export const status: fc.Arbitrary<number> = fc.oneof(
  { arbitrary: fc.constantFrom(200, 400, 401, 403), weight: 6 },
  fc.constantFrom(201, 204, 301, 302, 307, 308, 404, 405, 408, 409, 418, 429, 500, 502, 503, 599),
);

/** Headers that an answer may carry, some of them lies. */
export const headers: fc.Arbitrary<[string, string][]> = fc.array(
  fc.constantFrom<[string, string]>(
    ["content-type", "application/json"],
    ["content-type", "application/json; charset=utf-16"],
    ["content-type", "text/html; charset=utf-8"],
    ["content-type", ""],
    ["retry-after", "-5"],
    ["retry-after", "1e99"],
    ["retry-after", "99999999999999999999"],
    ["retry-after", "Fri, 99 Foo 2026"],
    ["retry-after-ms", "NaN"],
    ["date", "Thu, 01 Jan 1970 00:00:00 GMT"],
    ["date", "Fri, 31 Dec 9999 23:59:59 GMT"],
    ["date", "yesterday"],
    ["location", "http://evil.example/token"],
    ["location", "//evil.example"],
    ["location", "javascript:alert(1)"],
    ["cf-mitigated", "challenge"],
    ["x-request-id", "a".repeat(500)],
  ),
  { maxLength: 3 },
);

/** An answer of a server. */
export interface HostileAnswer {
  status: number;
  headers: [string, string][];
  body: Uint8Array<ArrayBuffer>;
  /** Where the connection breaks: before the answer, in its body, or not at all. */
  breaks: "before" | "within" | "never";
}

/** Answers around a JSON text. */
export function hostileAnswer(text: fc.Arbitrary<string>): fc.Arbitrary<HostileAnswer> {
  return fc.record({
    status,
    headers,
    body: hostileBody(text),
    breaks: fc.oneof(
      { arbitrary: fc.constant("never" as const), weight: 20 },
      fc.constantFrom("before" as const, "within" as const),
    ),
  });
}

/** The answer as `fetch` would give it. */
export function respond({ status, headers, body, breaks }: HostileAnswer): Response {
  if (breaks === "before") throw new TypeError("error sending request: connection reset");
  const isEmpty = status === 204;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (breaks === "within") {
        controller.enqueue(body.subarray(0, body.length >> 1));
        controller.error(new TypeError("error reading a body from connection"));
        return;
      }
      if (body.length > 0) controller.enqueue(body);
      controller.close();
    },
  });
  return new Response(isEmpty ? null : stream, { status, headers });
}
