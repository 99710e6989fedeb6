/**
 * What a person sees while they sign in: where to go, what to compare, how long it may take.
 *
 * @module
 */

import type { LoginEvent, ReadPaste } from "../credentials/mod.ts";
import type { Provider } from "../providers/mod.ts";
import { whyNoBrowser } from "./browser.ts";
import type { Context } from "./context.ts";
import { durationText } from "./credential_view.ts";

type CodeEvent = LoginEvent & { type: "code" };
type AuthorizeEvent = LoginEvent & { type: "authorize" };

/** How a login is shown. */
export interface ScreenOptions {
  /** Whose login. */
  provider: Provider;
  /** False for `--no-browser`. */
  openBrowser?: boolean | undefined;
  /** Aborts when the login is over. */
  end: AbortSignal;
}

/** The screen of one login. */
export interface LoginScreen {
  /** Shows an event. */
  show: (event: LoginEvent) => void;
  /** Asks for the address or code to be pasted. */
  readPaste: ReadPaste;
}

/** Creates the screen of one login. */
export function createLoginScreen(context: Context, options: ScreenOptions): LoginScreen {
  const { output, platform } = context;
  const { provider, end } = options;
  const { paintError } = output;
  let shown: CodeEvent | AuthorizeEvent | undefined;

  async function reasonForNoBrowser(isOpenable: boolean): Promise<string | undefined> {
    if (options.openBrowser === false) return "you asked for none";
    // A code is approved without anybody; an address must still be visited, to come back from there.
    if (context.approvesItself && shown?.type === "code") return "the sandbox approves by itself";
    if (!isOpenable) {
      return "the page is not on a host of the provider's: look at it before you open it";
    }
    return await whyNoBrowser(platform);
  }

  async function openOrExplain(url: string, isOpenable: boolean): Promise<string | undefined> {
    const reason = await reasonForNoBrowser(isOpenable);
    if (reason !== undefined) {
      output.note(`No browser is opened: ${reason}.`);
      return reason;
    }
    const isOpen = await platform.openBrowser(url);
    output.note(isOpen ? "A browser has been opened." : "No browser could be opened.");
    return isOpen ? undefined : "none could be opened";
  }

  function intro(url: string, rest: string): string {
    return `Sign in to ${paintError("bold", provider.shortName)}:

  ${paintError("cyan", url)}

${rest} names the app "${provider.oauth?.clientName}": its client id is used.`;
  }

  async function presentCode(event: CodeEvent): Promise<void> {
    const { userCode, verificationUrl, isOpenable } = event;
    output.note(intro(
      verificationUrl,
      `  Code: ${paintError("bold", userCode)}\n\nThe page shows the same code, and`,
    ));
    const reason = await openOrExplain(verificationUrl, isOpenable);
    if (reason !== undefined && isOpenable && !context.approvesItself && output.canRewrite) {
      const { renderUnicodeCompact } = await import("uqr");
      output.note(renderUnicodeCompact(verificationUrl));
    }
    await countDown(event);
  }

  async function presentAuthorize(event: AuthorizeEvent): Promise<void> {
    const { url, isOpenable, port } = event;
    output.note(intro(url, "The page"));
    const reason = await openOrExplain(url, isOpenable);
    if (reason !== undefined) output.note(forwarding(port));
    // The prompt for a pasted address has the last line.
    if (!context.interactive) await countDown(event);
  }

  /** How to reach this machine's port from the one that has a browser. */
  function forwarding(port: number): string {
    const user = platform.env("USER") ?? "user";
    const host = platform.env("SSH_CONNECTION")?.split(" ")[2] ?? "this-host";
    const forward = `ssh -N -L ${port}:127.0.0.1:${port}`;
    return `To open it on another machine, forward the port from there first:
  ${forward} ${user}@${host}
  ${forward} -J jump-user@jump-host ${user}@${host}     through a jump host
Or sign in with a code, which needs no port: --flow device`;
  }

  async function countDown(event: CodeEvent | AuthorizeEvent): Promise<void> {
    const left = () => durationText(event.expiresAt - platform.now());
    if (!output.canRewrite) {
      output.note(`Waiting for your approval, at most ${left()}.`);
      return;
    }
    while (!end.aborted && shown === event) {
      output.progress(
        paintError("dim", `Waiting for your approval, ${left()} left. Ctrl-C cancels`),
      );
      await platform.sleep(1000, end);
    }
  }

  function describe(event: CodeEvent | AuthorizeEvent): Record<string, unknown> {
    const expiresAt = new Date(event.expiresAt).toISOString();
    return event.type === "code"
      ? { userCode: event.userCode, verificationUrl: event.verificationUrl, expiresAt }
      : { url: event.url, port: event.port, redirectUri: event.redirectUri, expiresAt };
  }

  return {
    show: (event) => {
      if (event.type === "notification") {
        output.json({ type: "notification", message: event.message });
        output.note(`${provider.shortName} says: ${event.message}`);
        return;
      }
      if (shown !== undefined) {
        output.note("The server asked for another way; this replaces what was shown above.");
      }
      shown = event;
      output.json({ type: event.type, provider: provider.id, ...describe(event) });
      // Cancelled by the end of the login; its failures are those of the terminal.
      (event.type === "code" ? presentCode(event) : presentAuthorize(event)).catch(() => {});
    },
    readPaste: async ({ signal, refusal }) => {
      if (!context.interactive) return undefined;
      if (refusal !== undefined) output.note(refusal);
      const line = await platform.readLine(
        "Waiting. If the page shows a code or does not load, paste the code or address here: ",
        { signal },
      );
      return line ?? undefined;
    },
  };
}
