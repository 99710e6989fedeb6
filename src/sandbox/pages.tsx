/**
 * What the sandbox shows in a browser: its front page, and the vendors' approval pages.
 *
 * Plain HTML with one style sheet, and no script but where the vendor's own page needs one. Every
 * text goes through JSX, which escapes it.
 *
 * @module
 */

import type { Child } from "hono/jsx";
import type { StoredAuthorization } from "./state.ts";

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 36rem; padding: 3rem 1.5rem; }
h1 { font-size: 1.5rem; line-height: 1.25; }
code { font-size: 1.1em; }
.code { font: 600 2rem/1.2 ui-monospace, monospace; letter-spacing: .08em; }
.note { border-left: 3px solid #888; margin: 2rem 0 0; opacity: .85; padding-left: 1rem; }
dt { font-weight: 600; } dd { margin: 0 0 .75rem; }
button, input { border: 1px solid #888; border-radius: 6px; font: inherit; padding: .6rem 1.4rem; }
button { cursor: pointer; margin-right: .75rem; }
button.primary { background: #0b57d0; border-color: #0b57d0; color: #fff; }
label { display: block; margin-bottom: .25rem; }
`;

/** What hono/jsx renders to. */
export type Page = { toString(): string } | Promise<{ toString(): string }>;

/** What a page may do beyond its own style sheet and form. */
export interface PagePolicy {
  /** Origin that its form may be redirected to. */
  redirectsTo?: string;
  /** A script, and the origin that it may call. It is code of ours: what varies comes as data. */
  script?: { source: string; callsOrigin: string };
}

/** A page as a response under a policy that allows what `policy` says, and nothing else. */
export async function htmlResponse(
  page: Page,
  status = 200,
  { redirectsTo, script }: PagePolicy = {},
): Promise<Response> {
  const nonce = crypto.randomUUID();
  const html = String(await page)
    .replace("<style>", `<style nonce="${nonce}">`)
    .replace(
      "</body>",
      // A function: in a text `$` would have a meaning.
      () =>
        script === undefined
          ? "</body>"
          : `<script nonce="${nonce}">${script.source}</script></body>`,
    );
  const policy = [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    ...(script === undefined
      ? []
      : [`script-src 'nonce-${nonce}'`, `connect-src ${script.callsOrigin}`]),
    // Browsers hold a form to this through its redirects too.
    `form-action 'self'${redirectsTo === undefined ? "" : ` ${redirectsTo}`}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return new Response(`<!DOCTYPE html>${html}`, {
    status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": policy.join("; "),
      "cache-control": "no-store",
      // With `no-referrer` browsers would send the form with `origin: null`.
      "referrer-policy": "same-origin",
      "x-content-type-options": "nosniff",
    },
  });
}

/** The frame of every page. */
export function Layout({ title, children }: { title: string; children: Child }) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{title} · Grantway sandbox</title>
        <style>{STYLE}</style>
      </head>
      <body>
        <main>
          <h1>{title}</h1>
          {children}
        </main>
      </body>
    </html>
  );
}

/** Says what one is looking at. */
export const Note = () => (
  <p class="note">
    This is the Grantway sandbox, an offline stand-in. No account is touched and nothing leaves this
    machine.
  </p>
);

/** The front page of the loopback origin. */
export function FrontPage(
  { pending, grants }: { pending: readonly StoredAuthorization[]; grants: number },
): Page {
  return (
    <Layout title="Grantway sandbox">
      <p>
        An offline stand-in for MiniMax and xAI: sign-in, inference and errors, without an account.
        Clients name the vendor's host as the first path segment, as in{" "}
        <code>/api.minimax.io/anthropic/v1/messages</code> or <code>/api.x.ai/v1/responses</code>.
      </p>
      <h2>Waiting for approval</h2>
      {pending.length === 0 ? <p>No login is waiting.</p> : (
        <ul>
          {pending.map((authorization) => (
            <li>
              <a href={`/${authorization.page}`}>{authorization.userCode}</a>
              {` for ${authorization.clientName}, ${authorization.realm}`}
            </li>
          ))}
        </ul>
      )}
      <p>Grants: {grants}</p>
      <p>
        State and switches: <a href="/_sandbox/state">/_sandbox/state</a>,{" "}
        <a href="/_sandbox/quirks">/_sandbox/quirks</a>
      </p>
    </Layout>
  );
}

/** Asks for the user code, when the URL holds none. */
export function CodeEntryPage({ action }: { action: string }): Page {
  return (
    <Layout title="Connect a device">
      <form method="get" action={action}>
        <label for="user_code">Code shown by the application</label>
        <input id="user_code" name="user_code" required autocomplete="off" spellcheck={false} />
        {" "}
        <button class="primary" type="submit">Continue</button>
      </form>
      <Note />
    </Layout>
  );
}

/** Asks the user to approve or deny. */
export function ApprovalPage(
  { action, authorization, details }: {
    action: string;
    authorization: StoredAuthorization;
    details: Readonly<Record<string, string>>;
  },
): Page {
  return (
    <Layout title={`Allow ${authorization.clientName} to use your subscription?`}>
      <p>Go on only if your application shows this very code:</p>
      <p class="code">{authorization.userCode}</p>
      <dl>
        {Object.entries(details).map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </>
        ))}
        <dt>Access asked for</dt>
        <dd>{authorization.scope}</dd>
      </dl>
      <form method="post" action={action}>
        <input type="hidden" name="user_code" value={authorization.userCode} />
        <input type="hidden" name="form_token" value={authorization.formToken} />
        <button class="primary" type="submit" name="decision" value="approved">Approve</button>
        <button type="submit" name="decision" value="denied">Deny</button>
      </form>
      <Note />
    </Layout>
  );
}

/** Says that the answer was taken. */
export function ApprovalResultPage(
  { decision, clientName }: { decision: "approved" | "denied"; clientName: string },
): Page {
  return (
    <Layout title={decision === "approved" ? "Approved" : "Denied"}>
      <p>
        {decision === "approved"
          ? `${clientName} is now signed in. You can close this page.`
          : `${clientName} was not given access. You can close this page.`}
      </p>
      <Note />
    </Layout>
  );
}

/** For a code that is unknown, expired or answered, and for a form that is not ours. */
export function UnknownCodePage({ action }: { action: string }): Page {
  return (
    <Layout title="This code is not valid">
      <p>It is unknown, has expired or was answered before. Start the login again.</p>
      <p>
        <a href={action}>Enter another code</a>
      </p>
      <Note />
    </Layout>
  );
}

/** What the vendor's main site shows in place of the approval page. */
export function MarketingPage(): Page {
  return (
    <Layout title="Welcome">
      <p>This is the vendor's main site. Nothing can be approved here.</p>
      <Note />
    </Layout>
  );
}
