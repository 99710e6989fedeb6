/**
 * `grantway models`: the models that there are, what they can do and what they cost.
 *
 * @module
 */

import type { Command } from "commander";
import type { KnownModels } from "../../providers/catalog_source.ts";
import { PROVIDERS } from "../../providers/catalog.ts";
import type { Model, Provider } from "../../providers/provider.ts";
import type { Invocation } from "../command.ts";
import { type Context, requireProvider } from "../context.ts";
import { durationText } from "../credential_view.ts";
import { chooseModel } from "../model_choice.ts";
import { accessTo } from "../provider_access.ts";
import { type Column, tableLines } from "../table.ts";
import { dayText } from "../time_words.ts";

interface Options {
  refresh?: boolean;
}

/** How long the end of the command waits for a list that is being fetched, ms. */
const LINGER_MS = 3_000;

const COLUMNS: readonly Column[] = [
  { title: "MODEL" },
  { title: "CONTEXT", isNumber: true },
  { title: "OUTPUT", isNumber: true },
  { title: "$/M IN", isNumber: true },
  { title: "$/M OUT", isNumber: true },
  { title: "CAN" },
  { title: "" },
];

/** Arguments and options. */
export function define(command: Command): void {
  command
    .argument("[provider]", "of this provider; else of all that you can use")
    .option("--refresh", "fetch the list first")
    .addHelpText(
      "after",
      `
The list is models.dev's, kept for four hours and then refreshed beside a command
that shows it. A model that is not in it can be used by its name all the same.
Prices are those of API keys; a subscription has limits of its own instead.

Examples:
  grantway models
  grantway models xai-oauth --refresh
  grantway model xai-oauth/grok-build-0.1       use one of them
  grantway models --json | jq -r '.providers[].models[].id'`,
    );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output, platform } = context;
  const { refresh } = command.opts<Options>();
  const [name] = command.args;
  const named = name === undefined ? undefined : requireProvider(name);
  const models = await context.models();
  if (refresh) await models.refresh();
  const known = await models.load();
  const refreshing = known.isDue ? models.refreshIfStale() : undefined;
  const usable = named === undefined ? await usableProviders(context) : [named];
  const shown = usable.length > 0 ? usable : PROVIDERS.filter(({ oauth }) => oauth !== undefined);
  show(context, shown, known, await chooseModel(context, {}));
  if (usable.length === 0) {
    const sandbox = context.usesSandbox ? " --sandbox" : "";
    output.note(`Nobody is signed in yet. Run: grantway auth add minimax-oauth${sandbox}`);
  }
  if (refreshing === undefined) return;
  // What was shown is shown: only the end of the command waits a moment, so that the next one knows.
  const waiting = new AbortController();
  await Promise.race([
    refreshing,
    platform.sleep(LINGER_MS, waiting.signal).catch(() => {}),
  ]);
  waiting.abort();
  const newer = await models.load();
  const added = shown.flatMap((provider) =>
    newer.catalog.list(provider)
      .filter(({ id }) => known.catalog.find(provider, id) === undefined)
      .map(({ id }) => `${provider.id}/${id}`)
  );
  if (added.length > 0) output.note(`New: ${added.join(", ")}`);
  if (newer.isStale) output.note("The list could not be refreshed now");
}

/** The providers that somebody is signed in to, or has an API key of. */
async function usableProviders(context: Context): Promise<Provider[]> {
  const usable: Provider[] = [];
  for (const provider of PROVIDERS) {
    if (await accessTo(context, provider) !== "not signed in") usable.push(provider);
  }
  return usable;
}

function show(
  context: Context,
  providers: readonly Provider[],
  known: KnownModels,
  chosen: { provider: Provider; model: string },
): void {
  const { output } = context;
  const { catalog, url, asOf, isStale } = known;
  output.json({
    type: "models",
    source: {
      url: url ?? null,
      asOf: new Date(asOf).toISOString(),
      stale: isStale,
    },
    providers: providers.map((provider) => ({
      provider: provider.id,
      name: provider.name,
      models: catalog.list(provider).map((model) => ({
        id: model.id,
        default: model.id === provider.defaultModel,
        contextTokens: model.contextTokens,
        maxOutputTokens: model.maxOutputTokens,
        input: model.input,
        thinks: model.reasoning,
        efforts: model.efforts ?? [],
        tools: model.tools !== false,
        price: model.price ?? null,
        deprecated: model.isDeprecated ?? false,
        summary: model.summary ?? null,
      })),
    })),
  });
  providers.forEach((provider, index) => {
    if (index > 0) output.line("");
    output.line(`${output.paint("bold", provider.id)}  ${provider.name}`);
    const models = catalog.list(provider);
    const inUse = provider === chosen.provider ? chosen.model : undefined;
    const lines = tableLines(COLUMNS, models.map((model) => rowOf(model, provider, inUse)));
    lines.forEach((line, at) => output.line(`  ${at === 0 ? output.paint("dim", line) : line}`));
    if (inUse !== undefined && catalog.find(provider, inUse) === undefined) {
      output.line(`  ${inUse} (in use; not in the list)`);
    }
  });
  output.note(sourceText(context, known));
}

function rowOf(model: Model, provider: Provider, inUse: string | undefined): string[] {
  const { id, contextTokens, maxOutputTokens, price, summary } = model;
  const marks = [
    ...(id === provider.defaultModel ? ["default"] : []),
    ...(id === inUse ? ["in use"] : []),
    ...(model.isDeprecated ? ["deprecated"] : []),
    ...(summary === undefined ? [] : [summary]),
  ];
  const can = [
    ...(model.reasoning ? ["thinks"] : []),
    ...(model.tools === false ? [] : ["tools"]),
    ...(model.input.includes("image") ? ["sees images"] : []),
  ];
  return [
    id,
    thousands(contextTokens),
    thousands(maxOutputTokens),
    price === undefined ? "" : price.input.toFixed(2),
    price === undefined ? "" : price.output.toFixed(2),
    can.join(", "),
    marks.join("; "),
  ];
}

function thousands(count: number): string {
  return count.toLocaleString("en-US");
}

/** Where a list comes from, and how old it is. */
function sourceText({ platform }: Context, known: KnownModels): string {
  const { url, asOf, isStale, isDue } = known;
  const origin = url === undefined
    ? `The list that came with this version (${dayText(asOf)})`
    : `From ${new URL(url).host}, ${durationText(platform.now() - asOf)} ago`;
  if (isDue) return `${origin}; it is being refreshed`;
  return isStale ? `${origin}; it could not be refreshed just now` : origin;
}
