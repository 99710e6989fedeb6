/**
 * Lint rules of this repository, about what the code of `src/` says. What its files import is
 * `check_imports.ts`'s part.
 *
 * - `grantway/no-runtime-api`: `Deno`, and `process` and `Buffer` of Node, stay in `adapters/<runtime>/`
 *   and the two programs.
 * - `grantway/no-provider-id`: outside `providers/` nothing compares a provider's id; a difference
 *   between providers is a field or a hook there.
 *
 * @module
 */

import { PROVIDERS } from "../src/providers/catalog.ts";

const PROVIDER_NAMES: ReadonlySet<unknown> = new Set(
  PROVIDERS.flatMap(({ id, aliases }) => [id, ...aliases]),
);

const ROOT = decodeURIComponent(new URL("../", import.meta.url).pathname);

/** The path from the checkout on, where it lies in `src/`; `undefined` for any other file. */
function sourcePath(filename: string): string | undefined {
  const path = filename.startsWith(ROOT) ? filename.slice(ROOT.length) : filename;
  return path.startsWith("src/") ? path : undefined;
}

const RUNTIME_PATHS = /^src\/(adapters\/|cli\.ts$|worker\.ts$)/;
const PROVIDER_PATHS = /^src\/providers\//;

const noRuntimeApi: Deno.lint.Rule = {
  create(context) {
    const path = sourcePath(context.filename);
    if (path === undefined || RUNTIME_PATHS.test(path)) return {};
    const report = (node: Deno.lint.Node, name: string) =>
      context.report({
        node,
        message: `${name} is named outside adapters/ and the two programs`,
        hint: "Take an interface and let the program hand in its adapter.",
      });
    return {
      Identifier(node) {
        if (node.name === "Deno") report(node, node.name);
      },
      MemberExpression({ object }) {
        if (object.type !== "Identifier") return;
        if (object.name === "process" || object.name === "Buffer") report(object, object.name);
      },
    };
  },
};

const noProviderId: Deno.lint.Rule = {
  create(context) {
    const path = sourcePath(context.filename);
    if (path === undefined || PROVIDER_PATHS.test(path)) return {};
    const check = (node: Deno.lint.Node | null) => {
      if (node?.type !== "Literal" || !PROVIDER_NAMES.has(node.value)) return;
      context.report({
        node,
        message: `Compares with the provider name ${node.raw} outside providers/`,
        hint: "Make the difference a field of Provider, or a hook in the provider's quirks.ts.",
      });
    };
    return {
      BinaryExpression(node) {
        if (!/^[!=]==?$/.test(node.operator)) return;
        check(node.left);
        check(node.right);
      },
      SwitchCase: (node) => check(node.test),
    };
  },
};

const plugin: Deno.lint.Plugin = {
  name: "grantway",
  rules: { "no-runtime-api": noRuntimeApi, "no-provider-id": noProviderId },
};

export default plugin;
