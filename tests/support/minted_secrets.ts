/**
 * What the sandbox mints can be told from any other text, in whatever form it gets out: so all that the
 * suite prints or captures is searched for it, whatever a test was about.
 *
 * @module
 */

/** How tokens and codes of the sandbox start: see its `ledger.ts` and `device.ts`. */
const MARKS = ["sbx_at_", "sbx_rt_", "sbx_ac_", "sbx_dc_"];
const encoder = new TextEncoder();

/** A mark in base64, at each of the places where it may start, without what depends on neighbours. */
function inBase64(mark: string): string[] {
  return [0, 1, 2].map((shift) => {
    const bytes = [...new Uint8Array(shift), ...encoder.encode(mark)];
    const text = btoa(String.fromCharCode(...bytes)).replace(/=+$/, "");
    return text.slice(Math.ceil(shift * 8 / 6), Math.floor(bytes.length * 8 / 6));
  });
}

function inHex(mark: string): string {
  return Array.from(encoder.encode(mark), (byte) => byte.toString(16)).join("");
}

// JSON, URLs and forms leave these as they are. A mark alone is none yet: documents name them.
const MINTED = new RegExp(
  [
    `(?:${MARKS.join("|")})[A-Za-z0-9_-]{12,}`,
    `(?:${MARKS.flatMap(inBase64).join("|")})[A-Za-z0-9+/_-]{12,}`,
    `(?:${MARKS.map(inHex).join("|")})[0-9a-f]{24,}`,
    // An access or id token of its xAI: two JSON objects and a signature.
    "eyJ[A-Za-z0-9_-]{20,}\\.eyJ[A-Za-z0-9_-]{40,}\\.[A-Za-z0-9_-]{40,}",
  ].join("|"),
);

/** A secret of the sandbox's in `text`, cut short; undefined for none. */
export function findMintedSecret(text: string): string | undefined {
  const found = MINTED.exec(text);
  return found === null ? undefined : `${found[0].slice(0, 12)}… at ${found.index}`;
}

/**
 * Fails when a program shows what the sandbox minted. `command` may ask for it: `--show`.
 *
 * @throws {Error}
 */
export function refuseMintedSecrets(command: string, ...texts: string[]): void {
  if (command.includes("--show")) return;
  for (const text of texts) {
    const found = findMintedSecret(text);
    if (found !== undefined) throw new Error(`${command} shows a secret: ${found}`);
  }
}
