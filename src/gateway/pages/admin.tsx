/**
 * The admin page: log in, who is signed in, sign in, client keys. It works without a script.
 *
 * @module
 */

import { raw } from "hono/html";
import type { Child } from "hono/jsx";
import type { SignInView } from "../../credentials/sign_in.ts";
import { findProvider, PROVIDERS } from "../../providers/catalog.ts";
import type { AdminAccount } from "../admin/accounts.ts";
import { ADMIN, type ApiKeyVariable } from "../admin/options.ts";
import type { ClientKey } from "../client_keys.ts";
import { Layout, type Page } from "./layout.tsx";

/** The token of the form that leads to that path. */
export type FormTokens = (path: string) => string;

/** How often the page of a sign-in that waits loads itself again, s. */
const REFRESH_S = 3;

function Form(
  { tokens, action, children }: { tokens: FormTokens; action: string; children: Child },
) {
  return (
    <form method="post" action={action}>
      <input type="hidden" name="form_token" value={tokens(action)} />
      {children}
    </form>
  );
}

/** Says what went wrong. */
function Failure({ message, hint }: { message: string; hint?: string | undefined }) {
  return (
    <div class="box">
      <p class="warn" role="alert">{message}</p>
      {hint !== undefined && <p>{hint}</p>}
    </div>
  );
}

/** Asks for the admin token. */
export function LoginPage(
  { tokens, failure }: { tokens: FormTokens; failure?: string | undefined },
): Page {
  return (
    <Layout title="Log in">
      <main>
        <h1>Grantway gateway</h1>
        {failure !== undefined && <Failure message={failure} />}
        <Form tokens={tokens} action={`${ADMIN}/login`}>
          {/* For what keeps passwords: it wants a name for each. */}
          <input name="username" value="admin" autocomplete="username" hidden />
          <label>
            Admin token
            <input
              type="password"
              name="token"
              required
              autocomplete="current-password"
              autofocus
            />
          </label>
          <button class="primary" type="submit">Log in</button>
        </Form>
        <p class="muted">It is the secret GRANTWAY_ADMIN_TOKEN of this gateway.</p>
      </main>
    </Layout>
  );
}

function Header({ tokens, title }: { tokens: FormTokens; title: string }) {
  return (
    <header>
      <h1>{title}</h1>
      <Form tokens={tokens} action={`${ADMIN}/logout`}>
        <button type="submit">Log out</button>
      </Form>
    </header>
  );
}

function instant(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

function Status({ account: { credential, status, coolDown } }: { account: AdminAccount }) {
  const { expiresAt } = credential;
  const isGood = status.state === "valid" || status.state === "refreshable";
  const words = {
    valid: expiresAt === null ? "valid" : `valid until ${instant(expiresAt)}, then refreshed`,
    refreshable: "expired; the next use refreshes it",
    uncertain: "uncertain: a refresh has no known outcome yet",
    needs_login: "needs a new login",
  };
  return (
    <>
      <span class={isGood ? "ok" : "warn"}>{words[status.state]}</span>
      {status.state === "needs_login" && <span class="muted">{` (${status.reason})`}</span>}
      {coolDown !== undefined && (
        <span class="muted">{`; rests until ${instant(coolDown.until)}: ${coolDown.message}`}</span>
      )}
    </>
  );
}

/** What the front page shows. */
export interface Overview {
  /** The accounts. */
  accounts: readonly AdminAccount[];
  /** API keys from variables. */
  apiKeys: readonly ApiKeyVariable[];
  /** The client keys. */
  keys: readonly ClientKey[];
  /** What went wrong with what was asked for last. */
  failure?: { message: string; hint?: string | undefined } | undefined;
}

/** Everything at a glance. */
export function OverviewPage(
  { tokens, overview }: { tokens: FormTokens; overview: Overview },
): Page {
  const { accounts, apiKeys, keys, failure } = overview;
  return (
    <Layout title="Gateway">
      <Header tokens={tokens} title="Grantway gateway" />
      <main>
        {failure !== undefined && <Failure {...failure} />}
        <h2>Accounts</h2>
        {accounts.length + apiKeys.length === 0 && <p>Nobody is signed in.</p>}
        <ul>
          {accounts.map((account) => {
            const { provider, id, label, region } = account.credential;
            return (
              <li>
                <strong>{label}</strong>
                <span class="muted">{` ${provider}, region ${region}`}</span>
                <div>
                  <Status account={account} />
                </div>
                <details>
                  <summary>Sign out…</summary>
                  <Form tokens={tokens} action={`${ADMIN}/accounts/remove`}>
                    <input type="hidden" name="provider" value={provider} />
                    <input type="hidden" name="id" value={id} />
                    <button type="submit">{`Sign out of ${label}`}</button>
                  </Form>
                </details>
              </li>
            );
          })}
          {apiKeys.map(({ provider, variable }) => (
            <li>
              <strong>{variable}</strong>
              <span class="muted">{` ${provider}, API key`}</span>
            </li>
          ))}
        </ul>
        <h2>Sign in</h2>
        <SignInForm tokens={tokens} />
        <h2>Client keys</h2>
        {keys.length === 0 && <p>No client key: every request of a client is refused.</p>}
        <ul>{keys.map((key) => <KeyRow key={key.id} tokens={tokens} clientKey={key} />)}</ul>
        <Form tokens={tokens} action={`${ADMIN}/keys`}>
          <label>
            New client key, called
            <input name="name" required maxlength={64} placeholder="laptop" autocomplete="off" />
          </label>
          <button type="submit">Create</button>
        </Form>
        <p class="muted">
          A change may take a minute to be seen everywhere. Keys with a scope, limits or an end:
          {" "}
          <code>grantway gateway keys create --remote</code>
        </p>
      </main>
    </Layout>
  );
}

function SignInForm({ tokens }: { tokens: FormTokens }) {
  return (
    <Form tokens={tokens} action={`${ADMIN}/sign-ins`}>
      <label>
        Provider
        <select name="target">
          {PROVIDERS.filter(({ oauth }) => oauth !== undefined).flatMap(({ id, name, regions }) =>
            regions.map((region) => (
              <option value={`${id}/${region.id}`}>
                {regions.length > 1 ? `${name}, ${region.name}` : name}
              </option>
            ))
          )}
        </select>
      </label>
      <label>
        Your name for it
        <input name="label" maxlength={64} placeholder="optional" autocomplete="off" />
      </label>
      <button class="primary" type="submit">Sign in</button>
    </Form>
  );
}

function KeyRow({ tokens, clientKey }: { tokens: FormTokens; clientKey: ClientKey }) {
  const { id, name, createdAt, expiresAt } = clientKey;
  return (
    <li>
      <strong>{name}</strong>
      <span class="muted">
        {` ${id}, made ${instant(createdAt)}`}
        {expiresAt !== undefined && `, ends ${instant(expiresAt)}`}
      </span>
      <details>
        <summary>Revoke…</summary>
        <Form tokens={tokens} action={`${ADMIN}/keys/revoke`}>
          <input type="hidden" name="id" value={id} />
          <button type="submit">{`Revoke ${name}`}</button>
        </Form>
      </details>
    </li>
  );
}

/** Shows a new key, this once. */
export function NewKeyPage(
  { tokens, name, secret }: { tokens: FormTokens; name: string; secret: string },
): Page {
  return (
    <Layout title="New client key">
      <Header tokens={tokens} title={`Client key ${name}`} />
      <main>
        <p>Copy it now: it is shown this once, and whoever has it can use your subscription.</p>
        <p class="code">{secret}</p>
        <p>
          <a href={ADMIN}>Done</a>
        </p>
      </main>
    </Layout>
  );
}

/** One sign-in. */
export function SignInPage(
  { tokens, signIn, qr }: {
    tokens: FormTokens;
    signIn: SignInView;
    /** The page to approve it on, as an SVG; of ours, and of nothing but squares. */
    qr?: string | undefined;
  },
): Page {
  const { state } = signIn;
  const name = findProvider(signIn.provider)?.shortName ?? signIn.provider;
  const isMoving = state === "waiting" || state === "storing";
  return (
    <Layout title={`Sign in to ${name}`} refreshS={isMoving ? REFRESH_S : undefined}>
      <Header tokens={tokens} title={`Sign in to ${name}`} />
      <main>
        {state === "waiting" && <Waiting tokens={tokens} signIn={signIn} qr={qr} />}
        {state === "approved" && <Approved tokens={tokens} signIn={signIn} name={name} />}
        {state === "storing" && <p>It is being stored…</p>}
        {state === "stored" && (
          <p class="ok">
            {`Signed in as ${signIn.credential?.label}`}
            {signIn.isReplacement && ", in place of the earlier login"}.
          </p>
        )}
        {signIn.error !== undefined && <Failure {...signIn.error} />}
        {signIn.notification !== undefined && <p>{`${name} says: ${signIn.notification}`}</p>}
        <p>
          <a href={ADMIN}>{state === "stored" || state === "failed" ? "Done" : "Overview"}</a>
        </p>
      </main>
    </Layout>
  );
}

function Waiting(
  { tokens, signIn, qr }: { tokens: FormTokens; signIn: SignInView; qr: string | undefined },
) {
  const { userCode, verificationUrl, isOpenable, expiresAt } = signIn.code!;
  const clientName = findProvider(signIn.provider)?.oauth?.clientName;
  return (
    <>
      {isOpenable
        ? (
          <p>
            <a href={verificationUrl} target="_blank" rel="noopener noreferrer">
              {verificationUrl}
            </a>
          </p>
        )
        : (
          <>
            <Failure message="This page is not on a host of the provider's: look at it before you open it" />
            <p>
              <code>{verificationUrl}</code>
            </p>
          </>
        )}
      <p class="code">{userCode}</p>
      {qr !== undefined && raw(qr)}
      <p>
        {`Approve it there, with the account that this gateway shall use. The page shows the same code, and names the app "${clientName}": its client id is used. The code is good until ${
          instant(expiresAt)
        }.`}
      </p>
      <Form tokens={tokens} action={`${ADMIN}/sign-ins/${signIn.id}/cancel`}>
        <button type="submit">Cancel</button>
      </Form>
    </>
  );
}

function Approved(
  { tokens, signIn, name }: { tokens: FormTokens; signIn: SignInView; name: string },
) {
  const { id, account, code, confirmBy } = signIn;
  return (
    <>
      <p>It was approved. Nothing uses it before you confirm it:</p>
      <div class="box">
        {account === undefined
          ? (
            <p>
              {`${name} does not say whose account it is. Go on only if you have approved the code `}
              <strong>{code?.userCode}</strong> yourself.
            </p>
          )
          : (
            <p>
              Account: <strong>{account.label}</strong>
              <span class="muted">{` ${account.id}`}</span>
            </p>
          )}
      </div>
      <p>
        Everything that clients ask will go through this account, and may be kept in its history.
      </p>
      <Form tokens={tokens} action={`${ADMIN}/sign-ins/${id}/confirm`}>
        {account !== undefined && <input type="hidden" name="account" value={account.id} />}
        <button class="primary" type="submit">This is my account: use it</button>
      </Form>
      <p />
      <Form tokens={tokens} action={`${ADMIN}/sign-ins/${id}/cancel`}>
        <button type="submit">Discard it</button>
      </Form>
      {confirmBy !== undefined && <p class="muted">{`It is given up at ${instant(confirmBy)}.`}</p>}
    </>
  );
}

/** What cannot be shown. */
export function FailurePage(
  { message, hint }: { message: string; hint?: string | undefined },
): Page {
  return (
    <Layout title="Grantway">
      <main>
        <h1>Grantway gateway</h1>
        <Failure message={message} hint={hint} />
        <p>
          <a href={ADMIN}>Overview</a>
        </p>
      </main>
    </Layout>
  );
}
