/**
 * A terminal in tmux: what a person types goes in, what they see comes out.
 *
 * @module
 */

import { refuseMintedSecrets } from "./minted_secrets.ts";

const LIMIT_MS = 60_000;

/** A terminal with a shell-less program in it. */
export class Terminal implements AsyncDisposable {
  readonly #tmux: string;
  readonly #socket: string;
  readonly #typed: string[] = [];

  private constructor(tmux: string, socket: string) {
    this.#tmux = tmux;
    this.#socket = socket;
  }

  /** Starts a program; the terminal stays when it ends, with its exit code as the last line. */
  static async start(
    tmux: string,
    command: readonly string[],
    env: Record<string, string>,
    size: { columns: number; rows: number } = { columns: 110, rows: 60 },
  ): Promise<Terminal> {
    const terminal = new Terminal(tmux, `grantway-test-${crypto.randomUUID()}`);
    const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    await terminal.#call([
      "-f",
      "/dev/null",
      "new-session",
      "-d",
      "-x",
      String(size.columns),
      "-y",
      String(size.rows),
      ...Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`]),
      `env -u CI -u NO_COLOR -u FORCE_COLOR ${quoted}; echo "[exit $?]"; sleep 600`,
    ]);
    return terminal;
  }

  /** Types a text as it is. */
  async type(text: string): Promise<void> {
    this.#typed.push(text);
    await this.#call(["send-keys", "-l", text]);
  }

  /** Presses keys by tmux's names: `Enter`, `C-c`, `Down`. */
  async press(...keys: string[]): Promise<void> {
    await this.#call(["send-keys", ...keys]);
  }

  /** What is on the screen now; with `styles` the escape sequences too. */
  async screen({ styles = false } = {}): Promise<string> {
    const screen = await this.#call(
      ["capture-pane", "-p", "-S", "-200", ...(styles ? ["-e"] : [])],
    );
    // Lines wrap.
    const shown = screen.replaceAll("\n", "");
    refuseMintedSecrets("the terminal", this.#typed.reduce(withoutEcho, shown));
    return screen;
  }

  /** Waits until the screen shows something, and returns it; the limit is for a hang alone. */
  async shows(pattern: RegExp | string): Promise<string> {
    let screen = "";
    for (const end = Date.now() + LIMIT_MS; Date.now() < end;) {
      screen = await this.screen();
      if (typeof pattern === "string" ? screen.includes(pattern) : pattern.test(screen)) {
        return screen;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`The terminal does not show ${pattern}:\n${screen}`);
  }

  /** Ends the terminal and what runs in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#call(["kill-server"]);
  }

  async #call(args: string[]): Promise<string> {
    const { code, stdout, stderr } = await new Deno.Command(this.#tmux, {
      args: ["-L", this.#socket, ...args],
      env: { TERM: "xterm-256color", LC_ALL: "C.UTF-8" },
    }).output();
    if (code !== 0) throw new Error(`tmux ${args[0]}: ${new TextDecoder().decode(stderr)}`);
    return new TextDecoder().decode(stdout);
  }
}

/** What a terminal shows without what was typed into it, of which it may have shown a part so far. */
function withoutEcho(shown: string, typed: string): string {
  for (let length = typed.length; length > 0; length--) {
    const echo = typed.slice(0, length);
    if (shown.includes(echo)) return shown.replaceAll(echo, "");
  }
  return shown;
}
