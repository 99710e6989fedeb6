// A sign-in with a real browser: what the user sees of the sandbox's page, and what it leads to.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "../support/browser.ts";
import { type Child, TestCli } from "../support/cli.ts";
import { jsonLines } from "../support/platform.ts";
import { testIf } from "../support/requires.ts";

/** Opens the page that `auth add` names. */
async function openPage(child: Child, browser: Browser): Promise<{ page: Page; userCode: string }> {
  const { verificationUrl, userCode } = jsonLines(await child.said('"verificationUrl"'))[0];
  const page = await browser.newPage({ viewport: { width: 900, height: 800 } });
  await page.goto(verificationUrl);
  return { page, userCode };
}

// One browser for all steps: it takes longer to start than everything else.
testIf("chromium", "the sandbox's page: approve signs in, deny does not", async (path, context) => {
  await using cli = await TestCli.create({ autoApprove: false });
  const browser = await launchBrowser(path);
  try {
    await context.step("Approve completes the login", async () => {
      const child = cli.spawn(["auth", "add", "minimax-oauth", "--json", "--no-browser"]);
      const { page, userCode } = await openPage(child, browser);
      assertEquals(await page.locator(".code").textContent(), userCode);
      assertStringIncludes(await page.locator("h1").innerText(), "OpenClaw");
      const shot = Deno.env.get("GRANTWAY_SCREENSHOT");
      if (shot) await page.screenshot({ path: shot });
      await page.getByRole("button", { name: "Approve" }).click();
      assertEquals(await page.locator("h1").innerText(), "Approved");
      const { code, stdout } = await child.result;
      assertEquals(code, 0);
      assertEquals(jsonLines(stdout).at(-1).type, "auth_add");
      assertEquals((await cli.run("chat Hello")).code, 0);
    });

    await context.step("Deny ends it with access_denied", async () => {
      const child = cli.spawn(["auth", "add", "minimax-oauth", "--json", "--no-browser"]);
      const { page } = await openPage(child, browser);
      await page.getByRole("button", { name: "Deny" }).click();
      assertEquals(await page.locator("h1").innerText(), "Denied");
      const { code, stdout, stderr } = await child.result;
      assertEquals(code, 1);
      assertEquals(jsonLines(stdout).at(-1).error.code, "access_denied");
      assertStringIncludes(stderr, "access was denied");
    });

    await context.step("a code can be typed, and is good for one answer", async () => {
      const child = cli.spawn(["auth", "add", "minimax-oauth", "--json", "--label", "typed"]);
      const { page, userCode } = await openPage(child, browser);
      await page.goto(`${cli.origin}/platform.minimax.io/oauth-authorize`);
      await page.getByLabel("Code").fill(userCode.toLowerCase());
      await page.getByRole("button", { name: "Continue" }).click();
      await page.getByRole("button", { name: "Approve" }).click();
      assertEquals((await child.result).code, 0);
      await page.goBack();
      await page.reload();
      assertStringIncludes(await page.locator("h1").innerText(), "not valid");
    });

    await context.step("no page runs a script or reaches beyond the sandbox", async () => {
      const page = await browser.newPage();
      const elsewhere: string[] = [];
      page.on("request", (request) => {
        if (!request.url().startsWith(cli.origin)) elsewhere.push(request.url());
      });
      await page.goto(cli.origin);
      assertEquals(await page.locator("script").count(), 0);
      assertEquals(elsewhere, []);
      assert((await page.locator("h1").innerText()).length > 0);
    });
  } finally {
    await browser.close();
  }
});
