import { defineClientTests } from "./suite.ts";
import { startWorkerGateway } from "./worker_gateway.ts";

defineClientTests("the Worker in workerd", startWorkerGateway);
