/**
 * Signing in at a gateway elsewhere: it asks for the code and keeps the login; here one sees the code,
 * and confirms the account.
 *
 * @module
 */

import { GrantwayError, OAuthError } from "../../core/errors.ts";
import { isTrustedUrl } from "../../core/http.ts";
import type { SignInView } from "../../credentials/sign_in_record.ts";
import type { Provider } from "../../providers/provider.ts";
import { checkLabel } from "../added.ts";
import { type Context, requireRegion } from "../context.ts";
import { accountJson, durationText } from "../credential_view.ts";
import { UsageError } from "../exit_code.ts";
import { createLoginScreen } from "../login_screen.ts";
import type { SignInOptions } from "../sign_in.ts";
import { openRemote, type RemoteGateway } from "./remote_gateway.ts";

/** How often is asked how far it is, ms. */
const READ_MS = 2_000;

/** Has the gateway at `url` sign in to `provider`. */
export async function signInThere(
  context: Context,
  url: string,
  provider: Provider,
  options: Omit<SignInOptions, "flow">,
): Promise<void> {
  const { globals, interactive, output } = context;
  checkLabel(options.label);
  const region = options.region === undefined
    ? provider.regions[0]!
    : requireRegion(provider, options.region);
  if (!interactive && !globals.has("--yes")) {
    throw new UsageError(
      "Somebody has to confirm the account, and nobody can be asked here",
      "Add --yes to use whatever account approves the code",
    );
  }
  const gateway = await openRemote(context, url);
  output.progress(`Asking ${gateway.origin}…`);
  const { upstream, label } = options;
  const begun = await gateway.signIns.start({
    provider: provider.id,
    region: region.id,
    upstream,
    label,
  });
  let isOver = false;
  try {
    const approved = await awaitApproval(context, gateway, provider, begun, options);
    await confirmAccount(context, gateway, provider, approved);
    isOver = true;
    output.progress("Storing…");
    const stored = await awaitStored(context, gateway, approved);
    await report(context, gateway, provider, stored);
  } finally {
    output.progress("");
    // What is left behind there ends by itself.
    if (!isOver) await gateway.signIns.cancel(begun.id).catch(() => {});
  }
}

/** Shows the code, and waits until it is approved. */
async function awaitApproval(
  context: Context,
  { signIns }: RemoteGateway,
  provider: Provider,
  begun: SignInView,
  { openBrowser, timeoutMs = Infinity }: Omit<SignInOptions, "flow">,
): Promise<SignInView> {
  const { platform, interrupts, output } = context;
  const end = new AbortController();
  const signal = AbortSignal.any([end.signal, interrupts.signal]);
  const screen = createLoginScreen(context, { provider, openBrowser, end: signal });
  const giveUpAt = platform.now() + timeoutMs;
  let shown: string | undefined;
  try {
    for (let view: SignInView = begun;;) {
      if (view.state === "failed") throw failed(view);
      if (view.state !== "waiting") return view;
      const { code } = view;
      if (code !== undefined && code.userCode !== shown) {
        shown = code.userCode;
        const isOpenable = await isOwnPage(context, provider, view);
        screen.show({ ...code, type: "code", isOpenable });
      }
      if (platform.now() >= giveUpAt) {
        throw new OAuthError(
          "timeout",
          `Cannot sign in to ${provider.shortName}: it was not approved within ${
            durationText(timeoutMs)
          }`,
        );
      }
      await platform.sleep(Math.min(READ_MS, giveUpAt - platform.now()), interrupts.signal);
      view = await signIns.read(begun.id) ?? gone();
    }
  } finally {
    end.abort();
    output.progress("");
  }
}

/** A gateway's word is not enough to open a browser. */
async function isOwnPage(
  context: Context,
  provider: Provider,
  { region, code }: SignInView,
): Promise<boolean> {
  const known = provider.regions.find(({ id }) => id === region);
  const { verificationUrl, isOpenable } = code!;
  if (known === undefined || !isOpenable || !URL.canParse(verificationUrl)) return false;
  const { oauthHosts } = await context.endpoints(provider, known);
  return isTrustedUrl(new URL(verificationUrl), oauthHosts);
}

/** Shows whose account it is, and asks whether to use it. */
async function confirmAccount(
  { globals, output }: Context,
  { origin }: RemoteGateway,
  { shortName }: Provider,
  { account, notification }: SignInView,
): Promise<void> {
  output.json({ type: "account", account: account ?? null });
  output.note(
    account === undefined
      ? `Approved. ${shortName} does not say whose account it is`
      : `Approved by ${account.label} (${account.id})`,
  );
  if (notification !== undefined) output.note(`${shortName} says: ${notification}`);
  if (globals.has("--yes")) return;
  const { confirm } = await import("../prompts.ts");
  const question = account === undefined
    ? `Was it you who approved it? Everything that clients ask ${origin} will go through it`
    : `Use this account? Everything that clients ask ${origin} will go through it`;
  if (await confirm(question)) return;
  throw new GrantwayError("access_denied", "The account was not confirmed, and is not used");
}

async function awaitStored(
  { platform, interrupts }: Context,
  { signIns }: RemoteGateway,
  { id, account }: SignInView,
): Promise<SignInView> {
  let view = await signIns.confirm(id, account?.id);
  while (view.state === "storing") {
    await platform.sleep(READ_MS, interrupts.signal);
    view = await signIns.read(id) ?? gone();
  }
  if (view.state === "stored") return view;
  throw failed(view);
}

async function report(
  { output, platform }: Context,
  gateway: RemoteGateway,
  provider: Provider,
  { credential, isReplacement = false }: SignInView,
): Promise<void> {
  const { id, label, region, expiresAt } = credential!;
  const { accounts } = await gateway.accounts();
  const own = accounts.filter((account) => account.credential.provider === provider.id);
  // It may not be listed yet.
  const listed = own.find((account) => account.credential.id === id) ?? {
    credential: credential!,
    index: own.length + 1,
    status: { state: "valid", expiresInMs: expiresAt === null ? null : expiresAt - platform.now() },
  };
  output.json({
    type: "auth_add",
    credential: accountJson(listed),
    replaced: isReplacement,
    selected: false,
  });
  output.line(
    `${gateway.origin} is signed in to ${provider.shortName} as ${label}${
      provider.regions.length > 1 ? `, region ${region}` : ""
    }${isReplacement ? " (in place of the earlier one)" : ""}`,
  );
  output.note("It may take a minute until it is used everywhere");
}

function failed({ error }: SignInView): GrantwayError {
  const { code = "oauth_error", message = "The sign-in failed", hint } = error ?? {};
  return new GrantwayError(code as GrantwayError["code"], message, { hint });
}

function gone(): never {
  throw new GrantwayError("not_found", "The gateway has given up this sign-in", {
    hint: "Start it again",
  });
}
