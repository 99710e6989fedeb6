/**
 * The page on which a person answers a login that has a user code.
 *
 * @module
 */

import { isCrossOrigin } from "./address.ts";
import type { Ledger } from "./ledger.ts";
import { readForm } from "./oauth_http.ts";
import {
  ApprovalPage,
  ApprovalResultPage,
  CodeEntryPage,
  htmlResponse,
  UnknownCodePage,
} from "./pages.tsx";
import type { StoredAuthorization } from "./state.ts";

/** The login that waits under `userCode` at the authorization server `realm`. */
function waiting(ledger: Ledger, realm: string, userCode: string): StoredAuthorization | undefined {
  const authorization = ledger.find(userCode, realm);
  return authorization !== undefined && authorization.redirect === undefined &&
      ledger.pending().includes(authorization)
    ? authorization
    : undefined;
}

/** The decision that a form brings; `undefined` when the form is forged or brings none. */
export function readDecision(
  request: Request,
  fields: URLSearchParams,
  authorization: StoredAuthorization,
): "approved" | "denied" | undefined {
  const decision = fields.get("decision");
  if (isCrossOrigin(request) || fields.get("form_token") !== authorization.formToken) {
    return undefined;
  }
  return decision === "approved" || decision === "denied" ? decision : undefined;
}

/** Shows the page, and takes its form. `action` is the page's own path. */
export async function serveApproval(
  request: Request,
  ledger: Ledger,
  options: { realm: string; action: string; details: Readonly<Record<string, string>> },
): Promise<Response> {
  const { realm, action, details } = options;
  if (request.method === "GET") {
    const userCode = new URL(request.url).searchParams.get("user_code") ?? "";
    if (userCode === "") return htmlResponse(CodeEntryPage({ action }));
    const authorization = waiting(ledger, realm, userCode);
    return authorization === undefined
      ? htmlResponse(UnknownCodePage({ action }), 404)
      : htmlResponse(ApprovalPage({ action, authorization, details }));
  }
  const form = await readForm(request);
  if (form.problem !== undefined) return htmlResponse(UnknownCodePage({ action }), 400);
  const authorization = waiting(ledger, realm, form.fields.get("user_code") ?? "");
  if (authorization === undefined) return htmlResponse(UnknownCodePage({ action }), 404);
  const decision = readDecision(request, form.fields, authorization);
  if (decision === undefined) return htmlResponse(UnknownCodePage({ action }), 403);
  ledger.decide(authorization.userCode, decision);
  return htmlResponse(ApprovalResultPage({ decision, clientName: authorization.clientName }));
}
