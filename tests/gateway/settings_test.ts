import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { GrantwayError } from "../../src/core/errors.ts";
import { createMemoryStore } from "../../src/credentials/mod.ts";
import {
  DEFAULT_LIMITS,
  DEFAULT_SETTINGS,
  GATEWAY_SETTINGS,
  isGatewaySetting,
  parseSettings,
} from "../../src/gateway/settings.ts";
import {
  changeStoredSetting,
  createSettingsSource,
  readStoredSettings,
  SETTINGS_KEY,
  type SettingTexts,
} from "../../src/gateway/settings_source.ts";

Deno.test("parseSettings() of nothing is the default", () => {
  const { aliases, ...settings } = parseSettings([]);
  const { aliases: none, ...defaults } = DEFAULT_SETTINGS;
  assertEquals(settings, defaults);
  assertEquals([Object.keys(aliases), Object.keys(none)], [[], []]);
});

const TAKEN: { texts: SettingTexts; settings: Record<string, unknown> }[] = [
  {
    texts: [["default_model", "xai-oauth/grok-4.3"]],
    settings: { defaultModel: "xai-oauth/grok-4.3" },
  },
  {
    texts: [["origins", "https://app.example, http://localhost:3000"]],
    settings: { origins: ["https://app.example", "http://localhost:3000"] },
  },
  {
    texts: [["hosts", "gateway.example  gw"]],
    settings: { hosts: ["gateway.example", "gw"] },
  },
  {
    texts: [
      ["limits.body_bytes", "1000"],
      ["limits.requests_per_minute", "60"],
      ["limits.concurrent", "2"],
      ["limits.idle_timeout_seconds", "30"],
      ["limits.total_timeout_seconds", "600"],
    ],
    settings: {
      limits: {
        bodyBytes: 1_000,
        requestsPerMinute: 60,
        concurrent: 2,
        idleTimeoutMs: 30_000,
        totalTimeoutMs: 600_000,
      },
    },
  },
  {
    texts: [["limits.concurrent", "5"]],
    settings: { limits: { ...DEFAULT_LIMITS, concurrent: 5 } },
  },
];
for (const { texts, settings } of TAKEN) {
  Deno.test(`parseSettings() takes ${texts.map(([name]) => name).join(", ")}`, () => {
    const { aliases: _, ...rest } = parseSettings(texts);
    const { aliases: __, ...defaults } = DEFAULT_SETTINGS;
    assertEquals(rest, { ...defaults, ...settings } as typeof rest);
    for (const [name] of texts) assert(isGatewaySetting(name));
  });
}

Deno.test("parseSettings() keeps aliases by name, and no others", () => {
  const { aliases } = parseSettings([
    ["aliases.gpt-4.1", "grok-4.3"],
    ["aliases.claude-*", "default"],
    ["aliases.__proto__", "evil"],
    ["aliases.vendor/big", "minimax-oauth/MiniMax-M2.7"],
  ]);
  assertEquals(Object.keys(aliases), ["gpt-4.1", "claude-*", "__proto__", "vendor/big"]);
  assertEquals([aliases["constructor"], aliases["gpt-4.1"]], [undefined, "grok-4.3"]);
  assertEquals(({} as { evil?: unknown }).evil, undefined);
});

const REFUSED: [name: string, text: string][] = [
  ["nothing", "x"],
  ["", "x"],
  ["__proto__", "x"],
  ["constructor", "x"],
  ["limits", "1"],
  ["aliases", "x"],
  ["aliases.", "x"],
  ["aliases.a b", "x"],
  ["aliases.a*b", "x"],
  ["aliases.a", ""],
  ["aliases.a", "two words"],
  ["default_model", ""],
  ["default_model", "x".repeat(201)],
  ["origins", "*"],
  ["origins", "https://app.example/"],
  ["origins", "app.example"],
  ["origins", "null"],
  ["origins", "file:///x"],
  ["hosts", "https://gw"],
  ["hosts", "gw:8645"],
  ["hosts", "GW"],
  ["hosts", "*"],
  ["limits.concurrent", "0"],
  ["limits.concurrent", "-1"],
  ["limits.concurrent", "1.5"],
  ["limits.concurrent", "1e3"],
  ["limits.concurrent", "many"],
  ["limits.concurrent", "99999999999999"],
  ["limits.body_bytes", "1000000000"],
];
for (const [name, text] of REFUSED) {
  Deno.test(`parseSettings() refuses ${name} = ${JSON.stringify(text.slice(0, 20))}`, () => {
    const error = assertThrows(() => parseSettings([[name, text]]), GrantwayError);
    assertEquals(error.code, "invalid_configuration");
    assert(error.message.includes(`setting ${name}`));
  });
}

Deno.test("GATEWAY_SETTINGS are all taken", () => {
  for (const { name } of GATEWAY_SETTINGS) {
    assert(isGatewaySetting(name.endsWith(".") ? `${name}x` : name), name);
  }
});

Deno.test("createSettingsSource() reads again after its age, once for all that wait", async () => {
  let now = 0, loads = 0;
  let texts: SettingTexts = [["default_model", "a"]];
  const source = createSettingsSource({
    load: () => (loads++, Promise.resolve(texts)),
    now: () => now,
    maxAgeMs: 2_000,
  });
  assertEquals(loads, 0);
  await Promise.all([source.read(), source.read()]);
  texts = [["default_model", "b"]];
  now = 1_999;
  assertEquals([(await source.read()).defaultModel, loads], ["a", 1]);
  now = 2_000;
  const models = await Promise.all([source.read(), source.read()]);
  assertEquals([models.map(({ defaultModel }) => defaultModel), loads], [["b", "b"], 2]);
});

Deno.test("createSettingsSource() keeps what was good, and says once why", async () => {
  let now = 0;
  const warnings: string[] = [];
  let load = (): Promise<SettingTexts> => Promise.resolve([["limits.concurrent", "none"]]);
  const source = createSettingsSource({
    load: () => load(),
    now: () => now,
    maxAgeMs: 1,
    onWarning: (text) => warnings.push(text),
  });
  // Nothing to go on: whoever starts is to know.
  await assertRejects(() => source.read(), GrantwayError);
  load = () => Promise.resolve([["limits.concurrent", "7"]]);
  assertEquals((await source.read()).limits.concurrent, 7);
  load = () => Promise.resolve([["limits.concurrent", "none"]]);
  for (let i = 0; i < 3; i++) {
    now++;
    assertEquals((await source.read()).limits.concurrent, 7);
  }
  load = () => Promise.reject(new Error("secret text of a failure"));
  now++;
  assertEquals((await source.read()).limits.concurrent, 7);
  assertEquals(warnings, [
    "Cannot use the setting limits.concurrent of the gateway: it takes a whole number from 1 to " +
    "100000; the settings before stay",
    "Cannot read the settings; the settings before stay",
  ]);
  load = () => Promise.resolve([]);
  now++;
  assertEquals((await source.read()).limits, DEFAULT_LIMITS);
});

Deno.test("readStoredSettings() reads what changeStoredSetting() wrote, and nothing else", async () => {
  const memory = createMemoryStore();
  const store = {
    ...memory,
    change: async (key: string, edit: (text: string | null) => string) =>
      await memory.put(key, edit(await memory.get(key))),
  };
  assertEquals(await readStoredSettings(store), []);
  const texts: SettingTexts = [["aliases.gpt-*", "default"], ["limits.concurrent", "3"]];
  for (const [name, text] of texts) {
    assertEquals(await changeStoredSetting(store, name, text), false);
  }
  assertEquals(await readStoredSettings(store), texts);
  const before = await store.get(SETTINGS_KEY);
  await assertRejects(() => changeStoredSetting(store, "hosts", "*"), GrantwayError);
  assertEquals(await store.get(SETTINGS_KEY), before);
  assertEquals(await changeStoredSetting(store, "limits.concurrent", undefined), true);
  assertEquals(await changeStoredSetting(store, "limits.concurrent", undefined), false);
  assertEquals(await readStoredSettings(store), texts.slice(0, 1));
  for (
    const text of [
      "{",
      "[]",
      "{}",
      '{"version":2,"settings":{}}',
      '{"version":1,"settings":[]}',
      '{"version":1,"settings":{"hosts":["a"]}}',
    ]
  ) {
    await store.put(SETTINGS_KEY, text);
    const error = await assertRejects(() => readStoredSettings(store), GrantwayError);
    assertEquals(error.code, "storage_corrupt", text);
  }
});
