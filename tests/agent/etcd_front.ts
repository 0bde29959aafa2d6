/** etcd's JSON gateway before the etcd in memory: as much of it as the election asks for, without watches. */
import { systemClock } from "../../mod/runtime/clock.ts";
import type { Compare, EtcdAnswer, KeyValue, Operation, Txn } from "../../mod/election/etcd/types.ts";
import { FakeEtcd } from "../election/etcd/fake_etcd.ts";

interface CompareJson {
  readonly target: "CREATE" | "MOD";
  readonly key: string;
  readonly ["create_revision"]?: string;
  readonly ["mod_revision"]?: string;
}

interface OperationJson {
  readonly ["request_put"]?: { readonly key: string; readonly value: string; readonly lease: string };
  readonly ["request_range"]?: { readonly key: string };
}

interface Asked {
  readonly compare?: readonly CompareJson[];
  readonly success?: readonly OperationJson[];
  readonly ID?: string;
  readonly TTL?: string;
}

/** See the head of this file. On a free port; stopped by whoever made it. */
export class EtcdFront {
  readonly etcd = new FakeEtcd();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    const place = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#server = Deno.serve(place, async (request) => {
      const { pathname } = new URL(request.url);
      this.etcd.tick(systemClock.now());
      return this.#answer(pathname, await request.json() as Asked);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Names of the candidates, by key. */
  get places(): readonly (readonly [string, string])[] {
    return this.etcd.keys.filter(({ key }) => !key.startsWith("kube-vip/")).map(({ key, value }) => [key, value]);
  }

  async stop(): Promise<void> {
    await this.#server.shutdown();
  }

  #answer(path: string, asked: Asked): Response {
    const { ID = "0", TTL = "0" } = asked;
    const now = systemClock.now();
    switch (path) {
      case "/v3/kv/txn":
        return reply(this.etcd.txn(txnOf(asked)), ({ succeeded, revision, ranges }) => ({
          header: { revision: String(revision) },
          succeeded,
          responses: ranges.map((kvs) => ({ ["response_range"]: { kvs: kvs.map(keyValueJson) } })),
        }));
      case "/v3/lease/grant":
        return reply(this.etcd.grant(now, ID, Number(TTL)), ({ ttlSeconds }) => ({ ID, TTL: String(ttlSeconds) }));
      case "/v3/lease/keepalive":
        return reply(this.etcd.keep(now, ID), ({ ttlSeconds }) => ({ result: { ID, TTL: String(ttlSeconds) } }));
      case "/v3/lease/revoke":
        return reply(this.etcd.revoke(ID), () => ({}));
      default:
        return Response.json({ code: 12, message: "not here" }, { status: 501 });
    }
  }
}

function reply<T>(answer: EtcdAnswer<T>, body: (answer: T) => unknown): Response {
  if (answer.outcome === "ok") return Response.json(body(answer.body));
  return Response.json(answer, { status: 400 });
}

function txnOf({ compare = [], success = [] }: Asked): Txn {
  return { compare: compare.map(compareOf), success: success.map(operationOf) };
}

function compareOf(json: CompareJson): Compare {
  const key = atob(json.key);
  return json.target === "CREATE"
    ? { key, createRevision: Number(json["create_revision"]) }
    : { key, modRevision: Number(json["mod_revision"]) };
}

function operationOf(json: OperationJson): Operation {
  const put = json["request_put"];
  if (put === undefined) return { do: "range", prefix: atob(json["request_range"]?.key ?? "") };
  return { do: "put", key: atob(put.key), value: atob(put.value), lease: put.lease };
}

function keyValueJson({ key, value, lease, createRevision, modRevision }: KeyValue): unknown {
  const revisions = { ["create_revision"]: String(createRevision), ["mod_revision"]: String(modRevision) };
  return { key: btoa(key), value: btoa(value), lease, ...revisions };
}
