/**
 * What this home knows of models: `models.json`, which is compared with models.dev beside the commands
 * that show it.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import { isLoopbackUrl } from "../core/http.ts";
import {
  type CatalogFile,
  type CatalogSource,
  createCatalogSource,
} from "../providers/catalog_source.ts";
import { sandboxUrl } from "../providers/endpoints.ts";
import { MODELS_DEV_URL } from "../providers/models_dev_request.ts";
import type { Context } from "./context.ts";

const VARIABLE = "GRANTWAY_MODELS_DEV_URL";

/**
 * Where the list is: models.dev, which a sandbox plays, or where the user says.
 *
 * @throws {GrantwayError} `invalid_configuration` for a place that is not allowed.
 */
export function modelsDevUrl({ platform, usesSandbox }: Context): string {
  const text = platform.env(VARIABLE);
  if (text === undefined || usesSandbox) return MODELS_DEV_URL;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const mayBeLoopback = platform.env("GRANTWAY_ALLOW_LOOPBACK") === "1";
  const isAllowed = url !== undefined && url.username === "" && url.password === "" &&
    (isLoopbackUrl(url) ? mayBeLoopback : url.protocol === "https:");
  if (isAllowed) return url.href;
  throw new GrantwayError(
    "invalid_configuration",
    `Cannot use ${VARIABLE}: it is neither an https URL, nor one of this machine with ` +
      "GRANTWAY_ALLOW_LOOPBACK=1",
  );
}

/** Opens it. A refresh that is under way ends with the run. Throws like {@linkcode modelsDevUrl}. */
export function openModels(context: Context): CatalogSource {
  const { runtime, interrupts, output } = context;
  const end = new AbortController();
  const source = createCatalogSource({
    ...runtime,
    url: modelsDevUrl(context),
    fetch: async (input, init) => {
      // The sandbox is started when something is asked of it; its port is another one every time.
      const sandbox = await context.sandbox();
      const url = sandbox === undefined ? input : sandboxUrl(sandbox, String(input));
      return await runtime.fetch!(url, init);
    },
    file: openFile(context),
    signal: AbortSignal.any([end.signal, interrupts.signal]),
    onWarning: output.warn,
  });
  const pending = new Set<Promise<void>>();
  context.defer(async () => {
    end.abort(new Error("The command has ended"));
    await Promise.all(pending);
  });
  return {
    load: () => source.load(),
    refresh: () => source.refresh(),
    refreshIfStale: () => {
      const refreshing = source.refreshIfStale().finally(() => pending.delete(refreshing));
      pending.add(refreshing);
      return refreshing;
    },
  };
}

/** Several processes may write at once, so each has a spare file of its own. */
function openFile({ platform, home }: Context): CatalogFile {
  const { fileSystem } = platform;
  const path = home.models;
  return {
    read: async (limit) => {
      const bytes = await fileSystem.read(path, { limit });
      return bytes === null ? null : new TextDecoder().decode(bytes);
    },
    write: async (text) => {
      const spare = `${path}.${crypto.randomUUID()}`;
      await fileSystem.ensureFolder(home.path);
      await fileSystem.write(spare, new TextEncoder().encode(text));
      await fileSystem.sync(spare);
      await fileSystem.rename(spare, path);
    },
    setAside: async () => {
      const stamp = new Date(platform.now()).toISOString().replace(/[:.]/g, "-");
      await fileSystem.rename(path, `${path}.broken-${stamp}`);
      return `${path}.broken-${stamp}`;
    },
  };
}
