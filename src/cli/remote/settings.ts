/**
 * The settings of a gateway: those of this machine, or with `--remote` those of one elsewhere.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { CHANGE_SEEN_MS } from "../gateway_books.ts";
import {
  changeGatewaySetting,
  checkGatewaySetting,
  readGatewayTexts,
} from "../gateway_settings.ts";
import { openRemote, type RemoteSettings } from "./remote_gateway.ts";

/** Settings that can be read and changed. */
export interface OpenSettings extends RemoteSettings {
  /** When a change is seen, in words. */
  seen: string;
}

/** When a gateway elsewhere sees what was changed. */
export const SEEN_THERE = "The gateway follows within a minute";

/** Opens them. */
export async function openSettings(
  context: Context,
  remote: string | undefined,
): Promise<OpenSettings> {
  if (remote !== undefined) {
    const { settings } = await openRemote(context, remote);
    return {
      ...settings,
      set: async (name, value) => {
        checkGatewaySetting(name, value);
        await settings.set(name, value);
      },
      seen: SEEN_THERE,
    };
  }
  const config = await context.config();
  return {
    read: () => readGatewayTexts(config),
    set: (name, value) => changeGatewaySetting(config, name, value),
    unset: async (name) => {
      const wasSet = (await readGatewayTexts(config)).some(([other]) => other === name);
      await changeGatewaySetting(config, name, undefined);
      return wasSet;
    },
    seen: `A running gateway follows within ${CHANGE_SEEN_MS / 1_000} s`,
  };
}
