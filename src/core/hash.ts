/**
 * A short hash for names and ids that have to be cut.
 *
 * @module
 */

/**
 * 8 hex digits, the same ones for the same text (FNV-1a). They tell apart what cutting made equal;
 * nothing secret may depend on them.
 */
export function stableHash(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  }
  return hash.toString(16).padStart(8, "0");
}
