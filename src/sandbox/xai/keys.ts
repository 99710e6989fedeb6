/**
 * The keys of one sandbox: made when first needed, kept in its state, so that what they signed and
 * sealed stays valid over restarts.
 *
 * @module
 */

import { digest } from "../ledger.ts";
import type { World } from "../world.ts";

/** Algorithms of signatures. */
export type SigningAlg = "ES256" | "RS256";

/** A key pair for signatures. */
export interface SigningKey {
  alg: SigningAlg;
  /** Key id: from the digest of the public key. */
  kid: string;
  privateKey: CryptoKey;
  /** For the JWKS. */
  publicJwk: JsonWebKey;
  /** Parameters of `crypto.subtle.sign`. */
  params: EcdsaParams | AlgorithmIdentifier;
}

const SIGNING = {
  ES256: {
    key: { name: "ECDSA", namedCurve: "P-256" },
    sign: { name: "ECDSA", hash: "SHA-256" },
  },
  RS256: {
    key: {
      name: "RSASSA-PKCS1-v1_5",
      hash: "SHA-256",
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
    },
    sign: { name: "RSASSA-PKCS1-v1_5" },
  },
} as const;

/** The keys over one sandbox's state. */
export class Keys {
  readonly #world: World;
  readonly #made = new Map<string, Promise<unknown>>();

  /** Reads and keeps the keys of `world`. */
  constructor(world: World) {
    this.#world = world;
  }

  /** The key pair for `alg`. */
  signing(alg: SigningAlg): Promise<SigningKey> {
    return this.#once(alg, async () => {
      const { key, sign } = SIGNING[alg];
      const jwk = await this.#stored(alg, async () => {
        const pair = await crypto.subtle.generateKey(key, true, ["sign", "verify"]);
        return await crypto.subtle.exportKey("jwk", (pair as CryptoKeyPair).privateKey);
      });
      const privateKey = await crypto.subtle.importKey("jwk", jwk, key, false, ["sign"]);
      const { kty, crv, x, y, n, e } = jwk;
      const bare = JSON.parse(JSON.stringify({ kty, crv, x, y, n, e })) as JsonWebKey;
      return {
        alg,
        kid: (await digest(JSON.stringify(bare))).slice(0, 16),
        privateKey,
        publicJwk: bare,
        params: sign,
      };
    });
  }

  /** The key that seals what clients carry back and may not read. */
  sealing(): Promise<CryptoKey> {
    return this.#once("seal", async () => {
      const key = { name: "AES-GCM", length: 256 };
      const jwk = await this.#stored("seal", async () => {
        const fresh = await crypto.subtle.generateKey(key, true, ["encrypt", "decrypt"]);
        return await crypto.subtle.exportKey("jwk", fresh as CryptoKey);
      });
      return await crypto.subtle.importKey("jwk", jwk, key, false, ["encrypt", "decrypt"]);
    });
  }

  #once<T>(name: string, make: () => Promise<T>): Promise<T> {
    const made = this.#made.get(name) as Promise<T> | undefined ?? make();
    this.#made.set(name, made);
    return made;
  }

  async #stored(name: string, make: () => Promise<JsonWebKey>): Promise<JsonWebKey> {
    const { state } = this.#world;
    const stored = state.keys?.[name];
    if (stored !== undefined) return stored;
    const jwk = await make();
    state.keys = { ...state.keys, [name]: jwk };
    this.#world.changed();
    return jwk;
  }
}
