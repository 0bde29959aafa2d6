/** What is written for people when the holder changes. */
import type { Clock } from "../base/clock.ts";
import type { KubeClient } from "../kube/api.ts";

export interface HoldRecordsOptions {
  readonly client: KubeClient | null;
  readonly namespace: string;
  readonly nodeName: string;
  readonly nodeLabeling: boolean;
  readonly lease: { readonly name: string; readonly namespace: string };
  readonly clock: Clock;
}

export class HoldRecords {
  constructor(_options: HoldRecordsOptions) {}
  start(): void {}
  held(_ip: string): void {}
  released(_ip: string): void {}
  leader(_holder: string | null): void {}
  async stop(): Promise<void> {}
}
