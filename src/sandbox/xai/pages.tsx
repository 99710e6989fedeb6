/**
 * xAI's consent page, and the three ways in which it hands over the code.
 *
 * @module
 */

import { Layout, Note, type Page } from "../pages.tsx";
import type { StoredAuthorization } from "../state.ts";

/** Asks the user to approve or deny a login in the browser. */
export function ConsentPage(
  { action, authorization }: { action: string; authorization: StoredAuthorization },
): Page {
  return (
    <Layout title={`Allow ${authorization.clientName} to use your subscription?`}>
      <dl>
        <dt>Account</dt>
        <dd>{authorization.account}</dd>
        <dt>Access asked for</dt>
        <dd>{authorization.scope}</dd>
        <dt>Answer goes to</dt>
        <dd>
          <code>{authorization.redirect?.uri}</code>
        </dd>
      </dl>
      <form method="post" action={action}>
        <input type="hidden" name="request" value={authorization.userCode} />
        <input type="hidden" name="form_token" value={authorization.formToken} />
        <button class="primary" type="submit" name="decision" value="approved">Approve</button>
        <button type="submit" name="decision" value="denied">Deny</button>
      </form>
      <Note />
    </Layout>
  );
}

/** Shows the code for the user to copy. */
export function CodePage({ clientName, code }: { clientName: string; code: string }): Page {
  return (
    <Layout title="Copy this code">
      <p>Paste it into {clientName}:</p>
      <p>
        <code id="code">{code}</code>
      </p>
      <Note />
    </Layout>
  );
}

/** Calls the client's listener, then shows one of its two ends. */
export const DELIVERY_SCRIPT = `
const show = (id) => {
  document.getElementById("waiting").hidden = true;
  document.getElementById(id).hidden = false;
};
fetch(document.getElementById("waiting").dataset.callback)
  .then((response) => show(response.ok ? "delivered" : "failed"), () => show("failed"));
`;

/** Hands the answer to the client's listener by {@linkcode DELIVERY_SCRIPT}. */
export function DeliveryPage(
  { clientName, callback, code }: { clientName: string; callback: string; code: string | null },
): Page {
  return (
    <Layout title={code === null ? "Denied" : "Approved"}>
      <section id="waiting" data-callback={callback}>
        <p>Telling {clientName} …</p>
      </section>
      <section id="delivered" hidden>
        <p>{clientName} has your answer. You can close this page.</p>
      </section>
      <section id="failed" hidden>
        <h2>Could not establish connection</h2>
        <p>We couldn't reach your app.</p>
        {code === null ? null : (
          <>
            <p>Paste this code into {clientName} instead:</p>
            <p>
              <code id="code">{code}</code>
            </p>
          </>
        )}
      </section>
      <Note />
    </Layout>
  );
}

/** For a request that may not be answered by redirect, RFC 6749 4.1.2.1. */
export function InvalidRequestPage({ problem }: { problem: string }): Page {
  return (
    <Layout title="This request is not valid">
      <p>{problem}</p>
      <Note />
    </Layout>
  );
}
