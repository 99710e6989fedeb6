/**
 * `encrypted_content`: reasoning that the client carries and cannot read, sealed for one model.
 *
 * @module
 */

import { base64url } from "../ledger.ts";
import type { Keys } from "./keys.ts";

const IV_BYTES = 12;
/** Real blobs are some kilobytes, whatever they hold. */
const SEALED_BYTES = 1536;

function additionalData(modelId: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`xai reasoning ${modelId}`);
}

/** Seals a thought of `modelId`. */
export async function seal(keys: Keys, modelId: string, thought: string): Promise<string> {
  const text = new TextEncoder().encode(thought);
  const padded = new Uint8Array(Math.max(SEALED_BYTES, text.byteLength + 1));
  padded.set(text);
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const sealed = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv, additionalData: additionalData(modelId) },
    await keys.sealing(),
    padded,
  );
  const blob = new Uint8Array(IV_BYTES + sealed.byteLength);
  blob.set(iv);
  blob.set(new Uint8Array(sealed), IV_BYTES);
  return base64url(blob).replaceAll("-", "+").replaceAll("_", "/");
}

/** Whether `blob` is what {@linkcode seal} gave for `modelId`, to the byte. */
export async function isSealed(keys: Keys, modelId: string, blob: string): Promise<boolean> {
  if (!/^[A-Za-z0-9+/]+$/.test(blob)) return false;
  try {
    const bytes = Uint8Array.from(atob(blob), (char) => char.charCodeAt(0));
    await crypto.subtle.decrypt(
      {
        name: "AES-GCM",
        iv: bytes.subarray(0, IV_BYTES),
        additionalData: additionalData(modelId),
      },
      await keys.sealing(),
      bytes.subarray(IV_BYTES),
    );
    return true;
  } catch {
    return false;
  }
}
