/** Whatever is announced, withdrawn and changed in whatever order: routers have what they should, and End-of-RIB comes once. */
import assert from "node:assert/strict";
import { GRACEFUL_SHUTDOWN } from "../../mod/bgp/paths.ts";
import type { BgpConfig } from "../../mod/bgp/types.ts";
import { seededRandom, seedFromEnv } from "../fakes/random.ts";
import { ADDRESSES, BFD, bgpConfig, LOCAL_AS, peerConfig, POLICY } from "./configs.ts";
import { SpeakerKit, turn } from "./speaker_kit.ts";

const SEED = seedFromEnv(4724);
const RUNS = 60;
const STEPS = 120;
const RESTART_MS = 20_000;

const IPS = ["10.9.0.1", "10.9.0.2", "10.9.0.3", "fd09::1", "fd09::2"] as const;
const OWNERS = ["a", "b", "c"] as const;
/** Both families over IPv4, external; IPv4 only, internal; IPv6 only over IPv6, external. */
const PEERS = [2, 3, 4] as const;

function config(prepend: number, gracefulRestartMs: number | null): BgpConfig {
  const policy = { ...POLICY, prepend };
  return bgpConfig([
    peerConfig(2, { families: new Set([4, 6]), policy, bfd: BFD }),
    peerConfig(3, { as: LOCAL_AS }),
    peerConfig(4, { families: new Set([6]) }),
  ], { gracefulRestartMs });
}

/** A speaker, and what should have come of all that happened to it. */
class Run {
  readonly kit: SpeakerKit;
  readonly random: () => number;
  readonly #gracefulRestartMs: number | null;
  readonly #owners = new Map<string, Map<string, number | null>>();
  readonly #draining = new Set<string>();
  readonly #up = new Set<number>();
  readonly #startMs: number;
  #isReady: boolean;
  #prepend = 0;
  what = "";

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.#gracefulRestartMs = this.random() < 0.5 ? RESTART_MS : null;
    this.#isReady = this.#gracefulRestartMs === null;
    this.kit = new SpeakerKit(config(0, this.#gracefulRestartMs));
    this.#startMs = this.kit.clock.now();
  }

  pick<T>(from: readonly [T, ...T[]]): T {
    return from[Math.floor(this.random() * from.length)] ?? from[0];
  }

  /** One thing that may happen. */
  disturb(): void {
    const { speaker } = this.kit;
    const dice = this.random();
    if (dice < 0.3) return this.#announce(this.pick(IPS), this.pick(OWNERS));
    if (dice < 0.5) return this.#withdraw(this.pick(IPS), this.pick(OWNERS));
    if (dice < 0.6) return this.#drain(this.pick(IPS));
    if (dice < 0.65) return this.#refresh();
    if (dice < 0.8) return this.#flap(this.pick(PEERS));
    if (dice < 0.84) {
      this.#prepend = this.pick([0, 1, 2]);
      return speaker.reconfigure(config(this.#prepend, this.#gracefulRestartMs));
    }
    if (dice < 0.9) {
      this.kit.addresses = this.pick([ADDRESSES, ADDRESSES.slice(0, 1)]);
      return speaker.addressesChanged();
    }
    if (dice < 0.94) {
      this.kit.isMute = !this.kit.isMute;
      return speaker.addressesChanged();
    }
    if (dice > 0.98) {
      this.#isReady = true;
      speaker.ready();
    }
  }

  #announce(ip: string, owner: string): void {
    const term = this.pick([null, 1, 2, 3]);
    this.kit.speaker.announce(ip, owner, term ?? undefined);
    const owners = this.#owners.get(ip) ?? new Map<string, number | null>();
    this.#owners.set(ip, owners.set(owner, term));
    this.#draining.delete(ip);
  }

  #withdraw(ip: string, owner: string): void {
    this.kit.speaker.withdraw(ip, owner);
    const owners = this.#owners.get(ip);
    if (owners?.delete(owner) !== true) return;
    this.#draining.delete(ip);
    if (owners.size === 0) this.#owners.delete(ip);
  }

  #drain(ip: string): void {
    this.kit.speaker.drain(ip);
    if (this.#owners.has(ip)) this.#draining.add(ip);
  }

  #refresh(): void {
    for (const host of this.#up) this.kit.session(host).options.events.refresh(this.pick([4, 6]));
  }

  #flap(host: number): void {
    if (this.#up.delete(host)) return this.kit.session(host).end();
    this.#up.add(host);
    const ends = host === 4 ? { localIp: "fd00::1", remoteIp: "fd00::4" } : { remoteIp: `10.0.0.${host}` };
    void this.kit.session(host).establish({ isExternal: host !== 3, ...ends });
  }

  /** After everything has settled. */
  check(): void {
    if (this.#gracefulRestartMs !== null && this.kit.clock.now() - this.#startMs >= RESTART_MS) this.#isReady = true;
    if (this.kit.isMute) return;
    for (const host of this.#up) {
      this.#checkRoutes(host);
      const markers = this.kit.session(host).router.log.filter((line) => line.startsWith("end-of-rib"));
      assert.equal(markers.length, this.#isReady ? (host === 2 ? 2 : 1) : 0, this.what);
    }
  }

  #checkRoutes(host: number): void {
    const { routes } = this.kit.session(host).router;
    assert.deepEqual([...routes.keys()].sort(), this.#wanted(host).sort(), `${this.what}, peer ${host}`);
    for (const [ip, path] of routes) {
      const isDraining = this.#draining.has(ip);
      const terms = [...this.#owners.get(ip)?.values() ?? []].filter((term) => term !== null);
      const term = terms.length === 0 ? null : Math.max(...terms);
      assert.equal(path.communities.includes(GRACEFUL_SHUTDOWN), isDraining, `${this.what}, ${ip}`);
      const ranks = host === 3
        ? { med: null, localPref: isDraining ? 0 : 100 + (term ?? 0) }
        : { med: term === null ? null : 0xffff_fffe - term, localPref: null };
      assert.deepEqual({ med: path.med, localPref: path.localPref }, ranks, `${this.what}, ${ip}`);
      const pathLength = host === 3 ? 0 : host === 2 ? 1 + this.#prepend : 1;
      assert.equal(path.asPath.length, pathLength, `${this.what}, ${ip}`);
    }
  }

  /** Over IPv4 an IPv6 route needs an IPv6 address of the link. */
  #wanted(host: number): string[] {
    const hasIp6 = this.kit.addresses.length > 1;
    const takes = { 2: hasIp6 ? [4, 6] : [4], 3: [4], 4: [6] }[host] ?? [];
    return [...this.#owners.keys()].filter((ip) => takes.includes(ip.includes(":") ? 6 : 4));
  }
}

Deno.test("after whatever has happened in whatever order, every router has what it should", async () => {
  for (let seed = SEED; seed < SEED + RUNS; seed += 1) {
    const run = new Run(seed);
    await run.kit.speaker.start();
    for (let step = 0; step < STEPS; step += 1) {
      run.what = `seed ${seed}, step ${step}`;
      for (let count = run.pick([1, 2, 3, 4]); count > 0; count -= 1) {
        run.disturb();
        if (run.random() < 0.1) await turn();
      }
      await turn();
      run.kit.clock.advance(100 + Math.floor(run.random() * 300));
      await turn();
      run.check();
    }
    await run.kit.close();
  }
});
