/**
 * Starts the system's browser: an argument vector, never a shell, and only for https or loopback.
 *
 * @module
 */

import { isLoopbackUrl } from "../../core/http.ts";

/** How long an opener may take before it counts as started. */
const OPENER_MS = 3_000;

function openers(url: string): string[][] {
  switch (Deno.build.os) {
    case "darwin":
      return [["open", url]];
    case "windows":
      return [["rundll32", "url.dll,FileProtocolHandler", url]];
    default: {
      const browser = Deno.env.get("BROWSER");
      return [
        ...(browser && /^[\w./+-]+$/.test(browser) ? [[browser, url]] : []),
        ...(Deno.env.get("WSL_INTEROP") ? [["wslview", url]] : []),
        ["xdg-open", url],
      ];
    }
  }
}

/** Opens `url`; false when no opener could be started or every one of them failed. */
export async function openBrowser(url: string): Promise<boolean> {
  const parsed = new URL(url);
  if (parsed.protocol !== "https:" && !isLoopbackUrl(parsed)) return false;
  for (const [command, ...args] of openers(parsed.href)) {
    try {
      const child = new Deno.Command(command!, {
        args,
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn();
      child.unref();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const slow = new Promise<boolean>((resolve) => {
        timer = setTimeout(() => resolve(true), OPENER_MS);
      });
      const isOpen = await Promise.race([child.status.then(({ success }) => success), slow]);
      clearTimeout(timer);
      if (isOpen) return true;
    } catch {
      // Not installed, or not permitted: the next one.
    }
  }
  return false;
}
