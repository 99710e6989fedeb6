/**
 * `--sandbox`: the stand-in for the providers inside this process, with a state that the next command
 * continues.
 *
 * @module
 */

import { createSandbox, type SandboxState } from "../sandbox/mod.ts";
import { GrantwayError } from "../core/errors.ts";
import type { Context } from "./context.ts";

/** Nobody has to be waited for here; a client does not poll more often anyhow. */
export const POLL_INTERVAL_MS = 1_000;

/** Reads the sandbox's saved state; undefined when there is none. */
export async function readSandboxState(
  context: Context,
): Promise<SandboxState | undefined> {
  const path = `${context.home.path}/state.json`;
  const text = await context.files.read(path);
  if (text === null) return undefined;
  try {
    return JSON.parse(text) as SandboxState;
  } catch {
    throw new GrantwayError(
      "storage_corrupt",
      `Cannot continue the sandbox: ${path} is not JSON`,
      { hint: `Remove the file to start over: ${path}` },
    );
  }
}

/** Saves each state before its answer goes out, one after the other; what piles up is saved once. */
export function createStateSaver(context: Context): (state: SandboxState) => Promise<void> {
  const path = `${context.home.path}/state.json`;
  let last = Promise.resolve();
  let next: { state: SandboxState; saved: Promise<void> } | undefined;
  return (state) => {
    if (next !== undefined) {
      next.state = state;
      return next.saved;
    }
    const saved = last.catch(() => {}).then(async () => {
      const { state } = next!;
      next = undefined;
      await context.files.write(path, JSON.stringify(state));
    });
    next = { state, saved };
    last = saved;
    return saved;
  };
}

/** Starts it on a free port, until the end of the run; returns its base URL. */
export async function startEmbeddedSandbox(context: Context): Promise<string> {
  const { platform, output } = context;
  const state = await readSandboxState(context);
  const sandbox = createSandbox({
    autoApprove: true,
    pollIntervalMs: POLL_INTERVAL_MS,
    onChange: createStateSaver(context),
    quirks: { chunkDelayMs: 20 },
    ...(state === undefined ? {} : { state }),
  });
  const handle = (request: Request) =>
    sandbox.handle(request).catch((error) => {
      // Such as a full disk. The client of this answer says what it could not do, not why.
      if (!(error instanceof GrantwayError)) throw error;
      output.warn(`The sandbox failed: ${error.message}`);
      return new Response("500 the sandbox cannot save its state", { status: 500 });
    });
  const server = await platform.serve(handle, { port: 0 });
  output.detail(`sandbox at ${server.origin}`);
  // Its only client is this run, whose connections wait for the next request: nobody else's answer is
  // left to wait for.
  context.defer(() => server.close(AbortSignal.abort()));
  return server.origin;
}
