import { assertEquals } from "@std/assert";
import { whyNoBrowser } from "../../src/cli/browser.ts";
import type { Platform } from "../../src/cli/platform.ts";

const CASES: {
  name: string;
  os?: string;
  env: Record<string, string>;
  container?: boolean;
  opens: boolean;
}[] = [
  { name: "a desktop", env: { DISPLAY: ":0" }, opens: true },
  { name: "Wayland", env: { WAYLAND_DISPLAY: "wayland-0" }, opens: true },
  { name: "macOS", os: "darwin", env: {}, opens: true },
  { name: "Linux without a display", env: {}, opens: false },
  { name: "BROWSER without a display", env: { BROWSER: "firefox" }, opens: true },
  { name: "a text browser", env: { BROWSER: "/usr/bin/w3m", DISPLAY: ":0" }, opens: false },
  { name: "SSH_CONNECTION alone", os: "darwin", env: { SSH_CONNECTION: "x" }, opens: false },
  { name: "SSH with a forwarded display", env: { SSH_TTY: "x", DISPLAY: ":10" }, opens: false },
  { name: "Codespaces", env: { CODESPACES: "true", DISPLAY: ":0" }, opens: false },
  { name: "CI", env: { CI: "true", DISPLAY: ":0" }, opens: false },
  { name: "a container", env: { DISPLAY: ":0" }, container: true, opens: false },
  { name: "WSL", env: { WSL_DISTRO_NAME: "Debian", WSL_INTEROP: "/run/x" }, opens: true },
  { name: "WSL without interop", env: { WSL_DISTRO_NAME: "Debian", DISPLAY: ":0" }, opens: false },
];

for (const { name, os = "linux", env, container = false, opens } of CASES) {
  Deno.test(`whyNoBrowser() on ${name}`, async () => {
    const platform = {
      os,
      env: (variable: string) => env[variable],
      isContainer: () => Promise.resolve(container),
    } as unknown as Platform;
    assertEquals(await whyNoBrowser(platform) === undefined, opens);
  });
}
