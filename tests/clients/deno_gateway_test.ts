import { startDenoGateway } from "./deno_gateway.ts";
import { defineClientTests } from "./suite.ts";

defineClientTests("the gateway on Deno", startDenoGateway);
