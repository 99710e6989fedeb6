/**
 * An offline stand-in for the vendors: sign-in with every known quirk, and inference that can be
 * steered by what one writes. Written from the protocols, not from the code that it serves to test.
 *
 * @module
 */

export type {
  SandboxCatalog,
  SandboxExpiryForm,
  SandboxFailure,
  SandboxOperation,
  SandboxQuirks,
} from "./quirks.ts";
export { DEFAULT_QUIRKS } from "./quirks.ts";
export { createSandbox, type Sandbox, type SandboxOptions } from "./sandbox.ts";
export type {
  SandboxCounters,
  SandboxState,
  StoredAuthorization,
  StoredGrant,
  StoredRedirect,
  StoredVideo,
} from "./state.ts";
export type { SandboxMediaQuirks } from "./xai/media/quirks.ts";
export type { SandboxDiscovery, SandboxIdToken, SandboxXaiQuirks } from "./xai/quirks.ts";
