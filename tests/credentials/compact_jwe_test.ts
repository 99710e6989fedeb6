// jose is the judge: what is written here it opens, and what it writes is opened here or refused.

import { compactDecrypt, CompactEncrypt, type CompactJWEHeaderParameters } from "jose";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { decryptCompact, encryptCompact } from "../../src/credentials/compact_jwe.ts";

const RAW = crypto.getRandomValues(new Uint8Array(32));

function importKey(raw: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
}

const KEY = await importKey(RAW);

function encryptByJose(
  text: string,
  header: Partial<CompactJWEHeaderParameters> = {},
  key: Uint8Array | CryptoKey = RAW,
): Promise<string> {
  return new CompactEncrypt(new TextEncoder().encode(text))
    .setProtectedHeader({ alg: "dir", enc: "A256GCM", ...header })
    .encrypt(key);
}

const TEXTS = ["", "text", "\ufeffwith a mark", "ünï → 𝕏 \0 \ud7ff", "0123456789".repeat(20_000)];

for (const text of TEXTS) {
  const name = JSON.stringify(text.slice(0, 16));
  const header = { kid: "one", rid: "credential/ä/b", gen: 7 };

  Deno.test(`encryptCompact() writes what jose opens: ${name}`, async () => {
    const jwe = await encryptCompact({ header, text }, KEY);
    const { plaintext, protectedHeader } = await compactDecrypt(jwe, RAW);
    assertEquals(plaintext, new TextEncoder().encode(text));
    assertEquals(protectedHeader, { alg: "dir", enc: "A256GCM", ...header });
  });

  Deno.test(`decryptCompact() opens what jose has written: ${name}`, async () => {
    const opened = await decryptCompact(await encryptByJose(text, header), KEY);
    assertEquals(opened, { text, header: { alg: "dir", enc: "A256GCM", ...header } });
  });
}

Deno.test("encryptCompact() takes a new nonce each time", async () => {
  const all = await Promise.all(
    Array.from({ length: 50 }, () => encryptCompact({ header: {}, text: "text" }, KEY)),
  );
  assertEquals(new Set(all.map((jwe) => jwe.split(".")[2])).size, all.length);
});

Deno.test("decryptCompact() refuses each changed part", async () => {
  const jwe = await encryptByJose("some text");
  const parts = jwe.split(".");
  assertEquals((await decryptCompact(jwe, KEY)).text, "some text");
  for (const [index, part] of parts.entries()) {
    const changed = part === "" ? "AAAA" : (part[0] === "A" ? "B" : "A") + part.slice(1);
    for (const other of [changed, part.slice(0, -2), `${part}AAAA`]) {
      if (other === part) continue;
      const forged = parts.with(index, other).join(".");
      await assertRejects(() => decryptCompact(forged, KEY));
      await assertRejects(() => compactDecrypt(forged, RAW));
    }
  }
  for (const forged of ["", "....", `${jwe}.`, jwe.slice(1), parts.slice(1).join(".")]) {
    await assertRejects(() => decryptCompact(forged, KEY));
  }
});

Deno.test("decryptCompact() refuses another key, and every other kind of JWE", async () => {
  const other = await importKey(crypto.getRandomValues(new Uint8Array(32)));
  await assertRejects(async () => decryptCompact(await encryptByJose("text"), other));
  const wrapped = await encryptByJose("text", { alg: "A256GCMKW" });
  await assertRejects(() => decryptCompact(wrapped, KEY), TypeError, "no direct");
  const half = await encryptByJose("text", { enc: "A128GCM" }, RAW.slice(0, 16));
  const short = await importKey(RAW.slice(0, 16));
  await assertRejects(() => decryptCompact(half, short), TypeError, "another kind");
  const zipped = await encryptByJose("text", { zip: "DEF" });
  await assertRejects(() => decryptCompact(zipped, KEY), TypeError, "another kind");
  const header = { crit: ["x"], x: 1 };
  const critical = await encryptCompact({ header, text: "text" }, KEY);
  assert(!(await compactDecrypt(critical, RAW).then(() => true, () => false)));
  await assertRejects(() => decryptCompact(critical, KEY), TypeError, "another kind");
});
