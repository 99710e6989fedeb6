// RFC 7636 appendices A and B (oauth.md 8.1); faults L15.

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  createChallenge,
  createState,
  createVerifier,
  decodeBase64Url,
  encodeBase64Url,
} from "../../src/oauth/pkce.ts";

// deno-fmt-ignore
const APPENDIX_B_OCTETS = [116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187,
  186, 22, 212, 37, 77, 105, 214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121];
const APPENDIX_B_VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

Deno.test("encodeBase64Url() is RFC 7636 appendix A", () => {
  assertEquals(encodeBase64Url(Uint8Array.of(3, 236, 255, 224, 193)), "A-z_4ME");
  assertEquals(encodeBase64Url(Uint8Array.from(APPENDIX_B_OCTETS)), APPENDIX_B_VERIFIER);
  assertEquals(encodeBase64Url(new Uint8Array()), "");
});

Deno.test("decodeBase64Url() takes what encodeBase64Url() made, of any length", () => {
  for (let length = 0; length < 70; length++) {
    const bytes = crypto.getRandomValues(new Uint8Array(length));
    assertEquals(decodeBase64Url(encodeBase64Url(bytes)), bytes);
  }
});

for (const text of ["A", "AAAAA", "A+A", "A/A", "AA==", "A A", "é"]) {
  Deno.test(`decodeBase64Url() refuses ${JSON.stringify(text)}`, () => {
    assertThrows(() => decodeBase64Url(text), TypeError);
  });
}

Deno.test("createChallenge() is RFC 7636 appendix B", async () => {
  const challenge = await createChallenge(APPENDIX_B_VERIFIER);
  assertEquals(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
});

Deno.test("createVerifier() and createState() never repeat and keep to their alphabet", () => {
  const samples = 20_000;
  const seen = new Set<string>();
  const firstCharacters = new Set<string>();
  for (let i = 0; i < samples; i++) {
    const verifier = createVerifier();
    assertMatch(verifier, /^[A-Za-z0-9_-]{43}$/);
    const state = createState();
    assertMatch(state, /^[A-Za-z0-9_-]{22}$/);
    seen.add(verifier).add(state);
    firstCharacters.add(verifier[0]!);
  }
  assertEquals(seen.size, 2 * samples);
  // 256 random bits: the first character takes each of its 64 values.
  assert(firstCharacters.size === 64, `only ${firstCharacters.size} first characters`);
});
