/**
 * A headless Chromium that talks to this machine alone.
 *
 * @module
 */

import { type Browser, chromium } from "playwright-core";

/** Starts it. */
export function launchBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
