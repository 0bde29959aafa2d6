/** What the clients of one http balancer share on one thread. */
import type { HttpBalancerConfig } from "../../config/types.ts";
import { type RequestHead, RequestHeadParser } from "../../net/http1.ts";
import { forwardedProtoLine, PlainRequest, PlainResponse } from "../../net/http1_plain.ts";
import type { IdleFate } from "../balancer.ts";
import { type BackendTarget, backendTargets } from "../targets.ts";
import { KeptBackends } from "./http_backend.ts";
import type { Exchange } from "./http_exchange.ts";
import type { HeadReaderOptions } from "./http_head_reader.ts";
import { ScratchInput, SpareBuffers } from "./http_input.ts";
import type { Backends, Destination, Loop, ServiceContext } from "./types.ts";

/** More than a plain head grows by, with any name of a host that people use. */
const GROWTH_BYTES = 2048;

/** Exchanges kept for the next requests. */
const MAX_SPARE = 256;

interface KnownTarget {
  readonly destination: Destination;
  readonly target: BackendTarget | null;
}

/** One a balancer and thread. */
export class HttpShared {
  readonly loop: Loop;
  readonly backends: Backends;
  readonly kept: KeptBackends;
  readonly scratch: ScratchInput;
  readonly buffers = new SpareBuffers();
  /** Readers of plain heads: what they have read counts until the next reading. */
  readonly plainRequest = new PlainRequest();
  readonly plainResponse = new PlainResponse();
  /** How clients read heads. */
  readonly requestReading: HeadReaderOptions<RequestHead>;
  /** The last part of a request's head. */
  readonly forwardedProto: Uint8Array<ArrayBuffer> = forwardedProtoLine("http");
  /** Each answer is the last one on its connection. */
  draining: IdleFate | "no" = "no";
  #config: HttpBalancerConfig;
  #head: Uint8Array<ArrayBuffer>;
  #targets: ReadonlyMap<string, BackendTarget>;
  readonly #known = new Map<number, KnownTarget>();
  readonly #spare: Exchange[] = [];

  constructor({ config, loop, backends }: ServiceContext<HttpBalancerConfig>) {
    this.loop = loop;
    this.backends = backends;
    this.kept = new KeptBackends(loop);
    this.scratch = new ScratchInput(loop.scratch);
    this.requestReading = {
      scratch: this.scratch,
      buffers: this.buffers,
      plain: this.plainRequest,
      strict: () => new RequestHeadParser(this.#config),
    };
    this.#config = config;
    this.#head = headBuffer(config);
    this.#targets = byName(config);
  }

  get config(): HttpBalancerConfig {
    return this.#config;
  }

  /** To write a head into that is sent at once. */
  get head(): Uint8Array<ArrayBuffer> {
    return this.#head;
  }

  /** Goes over to another configuration. */
  update(config: HttpBalancerConfig): void {
    this.#config = config;
    this.#head = headBuffer(config);
    this.#targets = byName(config);
  }

  /** An exchange that nobody uses, if there is one. */
  spareExchange(): Exchange | null {
    return this.#spare.pop() ?? null;
  }

  /** For the next request, whoever's. */
  putExchange(exchange: Exchange): void {
    if (this.#spare.length < MAX_SPARE) this.#spare.push(exchange);
  }

  /** How to speak to a member; null while it has no address. One that is gone is spoken to as before. */
  target(index: number): BackendTarget | null {
    const destination = this.backends.destination(index);
    const known = this.#known.get(index);
    if (destination === null) return known?.target ?? null;
    if (known !== undefined && known.destination === destination) return known.target;
    const target = this.#targets.get(destination.name) ?? null;
    this.#known.set(index, { destination, target });
    return target;
  }
}

function headBuffer({ maxHeadBytes }: HttpBalancerConfig): Uint8Array<ArrayBuffer> {
  return new Uint8Array(maxHeadBytes + GROWTH_BYTES);
}

function byName(config: HttpBalancerConfig): Map<string, BackendTarget> {
  return new Map(backendTargets(config).map((target) => [target.name, target]));
}
