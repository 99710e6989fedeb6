/**
 * Which account makes media for a command: the logins, and an API key where the configuration lets it.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import { isAccountsOwn, mediaOptions, tryMediaAccounts } from "../../gateway/media_accounts.ts";
import type { Account, Upstreams } from "../../gateway/upstreams.ts";
import type { MediaOptions } from "../../media/mod.ts";
import { findProvider, type Provider, PROVIDERS } from "../../providers/mod.ts";
import { type Context, requireProvider } from "../context.ts";
import { UsageError } from "../exit_code.ts";
import { openUpstreams } from "../upstream.ts";

/** The setting that lets an API key make media. */
const ALLOW_API_KEY = "media.allow_api_key";

/** The provider of a flag, which must make media. */
function requireMaker(name: string): Provider {
  const provider = requireProvider(name);
  if (provider.media !== undefined) return provider;
  const makers = PROVIDERS.filter(({ media }) => media !== undefined).map(({ id }) => id);
  throw new UsageError(`${provider.id} makes no media`, `Providers that do: ${makers.join(", ")}`);
}

/** The providers to try, in order: those that one signs in to, then those that take a key and may. */
async function providersOf(context: Context, flag: string | undefined): Promise<Provider[]> {
  if (flag !== undefined) return [requireMaker(flag)];
  const makers = PROVIDERS.filter(({ media }) => media !== undefined);
  const config = await context.config();
  const isAllowed = config.get(ALLOW_API_KEY) === "true";
  const active = findProvider(
    context.platform.env("GRANTWAY_INFERENCE_PROVIDER") ?? config.get("model.provider") ?? "",
  );
  return [
    ...makers.filter(({ oauth }) => oauth !== undefined),
    ...makers.filter((maker) => maker.oauth === undefined && (isAllowed || maker === active)),
  ];
}

/**
 * Runs a media request with the best account, and with the next one where that may not.
 *
 * @throws {CredentialError} `login_required`, with the command to run.
 */
export async function withMediaAccount<T>(
  context: Context,
  flag: string | undefined,
  run: (options: MediaOptions, account: Account) => Promise<T>,
): Promise<T> {
  const { output, runtime } = context;
  const providers = await providersOf(context, flag);
  const upstreams = openUpstreams(context);
  const onFailover = ({ description }: Account, error: GrantwayError) =>
    output.warn(`${error.message}; trying ${description}`);
  try {
    return await tryMediaAccounts(upstreams, { providers, onFailover }, async (account) => {
      output.detail(account.description);
      return await run(mediaOptions(account, runtime), account);
    });
  } catch (error) {
    throw await withKeyHint(context, upstreams, error, flag === undefined ? providers : undefined);
  }
}

/** A key that is there and may not be used is worth a word. */
async function withKeyHint(
  { output }: Context,
  upstreams: Upstreams,
  error: unknown,
  tried: readonly Provider[] | undefined,
): Promise<unknown> {
  if (tried === undefined || !isAccountsOwn(error)) return error;
  const usable = await upstreams.list();
  const other = usable.find((provider) =>
    provider.media !== undefined && !tried.includes(provider)
  );
  if (other === undefined) return error;
  if (error.hint !== undefined) output.detail(error.hint);
  const { code, message, retryable, status, requestId } = error;
  return new GrantwayError(code, message, {
    cause: error,
    retryable,
    status,
    requestId,
    hint: `There is an API key: add --provider ${other.id}, or let it make all media with: ` +
      `grantway config set ${ALLOW_API_KEY} true`,
  });
}

/** The account that began something, and no other. */
export async function mediaAccount(
  context: Context,
  provider: string,
  credential: string,
): Promise<MediaOptions> {
  const account = await openUpstreams(context).account(requireMaker(provider), credential);
  context.output.detail(account.description);
  return mediaOptions(account, context.runtime);
}
