/**
 * Sealed reasoning on its way through a client that it was not made for.
 *
 * Signatures and encrypted content mean something to the server that made them, and to that one alone.
 * Clients of every dialect carry them without looking. So each goes out in an envelope that says whose
 * it is, and comes back out of it; what has no envelope is another's. Nothing is kept here in between.
 * The form resembles no vendor's own: a server that gets one by mistake refuses it.
 *
 * @module
 */

import { decodeBase64Url, encodeBase64Url } from "../core/base64url.ts";
import type { ContentBlock, ThinkingBlock } from "./event.ts";
import { optional } from "./fields.ts";

/** Maker and version; part of the URL-safe alphabet like all that follows. */
const SEAL_MARKER = "grantway1-";

/** Whether a field of a request is an envelope of ours. */
export function isEnvelope(value: unknown): boolean {
  return typeof value === "string" && value.startsWith(SEAL_MARKER);
}

/** The seal of a thinking block in its envelope. Never empty: some clients drop what has no seal. */
export function encodeSeal(block: ThinkingBlock): string {
  const { origin = "", model = "" } = block.provenance ?? {};
  const parts = [origin, model, block.signature ?? null, block.redacted ? 1 : 0];
  return SEAL_MARKER + encodeBase64Url(new TextEncoder().encode(JSON.stringify(parts)));
}

/**
 * The thinking block whose seal a client has sent back: with what the envelope holds, or unchanged
 * where it has none.
 */
export function openSeal(block: ThinkingBlock): ThinkingBlock {
  const parts = openEnvelope(block.signature);
  if (parts === undefined) return block;
  const [origin, model, signature, redacted] = parts;
  const { signature: _envelope, redacted: _carrier, ...rest } = block;
  return {
    ...rest,
    ...optional("signature", typeof signature === "string" ? signature : undefined),
    ...(redacted === 1 ? { redacted: true } : {}),
    ...optional(
      "provenance",
      typeof origin === "string" && origin !== ""
        ? {
          origin,
          ...optional("model", typeof model === "string" ? model || undefined : undefined),
        }
        : undefined,
    ),
  };
}

/** Opens every envelope of a turn. Thinking of which nothing is left goes with its envelope. */
export function openSeals(blocks: readonly ContentBlock[]): ContentBlock[] {
  return blocks.flatMap((block): ContentBlock[] => {
    if (block.type !== "thinking" || openEnvelope(block.signature) === undefined) return [block];
    const opened = openSeal(block);
    return opened.text === "" && opened.signature === undefined ? [] : [opened];
  });
}

function openEnvelope(text: string | undefined): unknown[] | undefined {
  if (!text?.startsWith(SEAL_MARKER)) return undefined;
  try {
    const bytes = decodeBase64Url(text.slice(SEAL_MARKER.length));
    const parts: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return Array.isArray(parts) ? parts : [];
  } catch {
    // Damaged on the way: nobody can open it, and it is no one else's either.
    return [];
  }
}
