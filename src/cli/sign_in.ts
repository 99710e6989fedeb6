/**
 * Signing in as a person meets it: the code and where to enter it, a countdown, the outcome.
 *
 * @module
 */

import { OAuthError } from "../core/errors.ts";
import { login, type LoginEvent, storeLogin } from "../credentials/mod.ts";
import type { Provider } from "../providers/mod.ts";
import { loginCommand } from "./accounts.ts";
import { checkLabel, reportAdded } from "./added.ts";
import { whyNoBrowser } from "./browser.ts";
import { type Context, requireRegion } from "./context.ts";
import { durationText } from "./credential_view.ts";

/** What the user chose. */
export interface SignInOptions {
  /** Region id; the default one without it. */
  region?: string | undefined;
  /** The user's name for the login. */
  label?: string | undefined;
  /** False for `--no-browser`. */
  openBrowser?: boolean | undefined;
  /** Gives up after this long. */
  timeoutMs?: number | undefined;
}

/** The user waited for too long, by their own `--timeout`. */
class TimedOut extends Error {}

/** Signs in to `provider` and stores the login. */
export async function signIn(
  context: Context,
  provider: Provider,
  options: SignInOptions,
): Promise<void> {
  const { output, interrupts, platform } = context;
  checkLabel(options.label);
  const region = options.region === undefined
    ? provider.regions[0]!
    : requireRegion(provider, options.region);
  // A store that cannot be used is found out before anybody goes to a browser.
  const host = await context.hostId();
  const overrides = await context.overrides(provider);

  const end = new AbortController();
  const signal = AbortSignal.any([interrupts.signal, end.signal]);
  const screen = createScreen(context, provider, options, end.signal);
  if (options.timeoutMs !== undefined) {
    platform.sleep(options.timeoutMs, end.signal).then(
      () => end.abort(new TimedOut()),
      () => {},
    );
  }
  try {
    output.progress(`Asking ${provider.shortName} for a code…`);
    const grant = await login(provider, region, {
      ...context.runtime,
      overrides,
      signal,
      onEvent: screen.show,
    });
    if (grant.tokenSet.refreshToken === undefined) {
      output.warn("The server gave no refresh token: this login ends with its access token");
    }
    const { credential, isReplacement } = await storeLogin(context.credentials, grant, {
      label: options.label,
      owner: { host, createdAt: platform.now() },
    });
    end.abort();
    output.progress("");
    await reportAdded(context, provider, credential, isReplacement);
  } catch (error) {
    throw asLoginFailure(error, context, provider, options);
  } finally {
    end.abort();
    output.progress("");
  }
}

function asLoginFailure(
  error: unknown,
  context: Context,
  provider: Provider,
  options: SignInOptions,
): unknown {
  const again = `Start again with: ${loginCommand(context, provider)}`;
  if (error instanceof TimedOut) {
    const waited = durationText(options.timeoutMs ?? 0);
    return new OAuthError(
      "timeout",
      `Cannot sign in to ${provider.shortName}: it was not approved within ${waited}`,
      { hint: again },
    );
  }
  if (error instanceof OAuthError && error.hint === undefined) {
    return new OAuthError(error.code, error.message, {
      cause: error,
      retryable: error.retryable,
      retryAfterMs: error.retryAfterMs,
      status: error.status,
      hint: again,
    });
  }
  return error;
}

/** Shows a login's events. */
function createScreen(
  context: Context,
  provider: Provider,
  options: SignInOptions,
  end: AbortSignal,
): { show: (event: LoginEvent) => void } {
  const { output, platform } = context;
  const { paintError } = output;
  let code: (LoginEvent & { type: "code" }) | undefined;

  async function present(event: LoginEvent & { type: "code" }): Promise<void> {
    const { userCode, verificationUrl, isOpenable, expiresAt } = event;
    const reason = options.openBrowser === false
      ? "you asked for none"
      : context.approvesItself
      ? "the sandbox approves by itself"
      : !isOpenable
      ? "the page is not on a host of the provider's: look at it before you open it"
      : await whyNoBrowser(platform);
    output.note(`Sign in to ${paintError("bold", provider.shortName)}:

  ${paintError("cyan", verificationUrl)}

  Code: ${paintError("bold", userCode)}

The page shows the same code, and names the app "${provider.oauth?.clientName}": its client id is used.`);
    if (reason === undefined) {
      const isOpen = await platform.openBrowser(verificationUrl);
      output.note(isOpen ? "A browser has been opened." : "No browser could be opened.");
    } else {
      if (isOpenable && !context.approvesItself && platform.stderr.isTerminal) {
        const { renderUnicodeCompact } = await import("uqr");
        output.note(renderUnicodeCompact(verificationUrl));
      }
      output.note(`No browser is opened: ${reason}.`);
    }
    const left = durationText(expiresAt - platform.now());
    if (!output.canRewrite) {
      output.note(`Waiting for your approval, at most ${left}.`);
      return;
    }
    while (!end.aborted && code === event) {
      const leftMs = expiresAt - platform.now();
      output.progress(
        paintError(
          "dim",
          `Waiting for your approval, ${durationText(leftMs)} left. Ctrl-C cancels`,
        ),
      );
      await platform.sleep(1000, end);
    }
  }

  return {
    show: (event) => {
      if (event.type === "notification") {
        output.json({ type: "notification", message: event.message });
        output.note(`${provider.shortName} says: ${event.message}`);
        return;
      }
      // Never: it takes a port, and none is handed in.
      if (event.type === "authorize") return;
      const isSecond = code !== undefined;
      code = event;
      output.json({
        type: "code",
        provider: provider.id,
        userCode: event.userCode,
        verificationUrl: event.verificationUrl,
        expiresAt: new Date(event.expiresAt).toISOString(),
      });
      if (isSecond) output.note("The server asked for another way; this code replaces the first.");
      // Cancelled by the end of the login; its failures are those of the terminal.
      present(event).catch(() => {});
    },
  };
}
