/**
 * Whether a browser can be opened here, judged before one is tried.
 *
 * @module
 */

import type { Platform } from "./platform.ts";

const REMOTE_VARIABLES = [
  "SSH_CLIENT",
  "SSH_TTY",
  "SSH_CONNECTION",
  "CLOUD_SHELL",
  "CODESPACES",
  "CODESPACE_NAME",
  "GITPOD_WORKSPACE_ID",
  "REPL_ID",
  "STACKBLITZ",
];

/** Browsers that would take over the terminal. */
const TEXT_BROWSERS = /(^|\/)(w3m|lynx|e?links2?|www-browser|browsh)$/;

/** Why no browser can be opened here; undefined when one can. */
export async function whyNoBrowser(platform: Platform): Promise<string | undefined> {
  const { env } = platform;
  if (REMOTE_VARIABLES.some((name) => env(name) !== undefined)) return "this is a remote session";
  if (env("CI") !== undefined) return "this runs in CI";
  if (env("WSL_DISTRO_NAME") !== undefined && env("WSL_INTEROP") === undefined) {
    return "WSL cannot start Windows programs here";
  }
  const browser = env("BROWSER");
  if (browser !== undefined && TEXT_BROWSERS.test(browser)) {
    return "BROWSER is a text browser, which cannot share this terminal";
  }
  if (await platform.isContainer()) return "this runs in a container";
  const hasDisplay = env("DISPLAY") !== undefined || env("WAYLAND_DISPLAY") !== undefined;
  const isWsl = env("WSL_INTEROP") !== undefined;
  if (platform.os === "linux" && !hasDisplay && browser === undefined && !isWsl) {
    return "there is no graphical display";
  }
  return undefined;
}
