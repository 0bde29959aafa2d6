import assert from "node:assert/strict";
import { Claims } from "../../mod/vip/claim.ts";

const IP = "10.0.0.9";

function grant(validUntil: number, epoch = 1, scope = IP): { scope: string; epoch: number; validUntil: number } {
  return { scope, epoch, validUntil };
}

Deno.test("a first grant takes, a later one renews and keeps the beginning", () => {
  const claims = new Claims([IP]);
  assert.equal(claims.grant(grant(1200), 1000), "taken");
  assert.equal(claims.grant(grant(1250), 1050), "renewed");
  assert.deepEqual(claims.get(IP, 1100), { ip: IP, epoch: 1, validUntilMs: 1250, sinceMs: 1000, preserved: false });
});

Deno.test("a grant out of order never shortens a claim", () => {
  const claims = new Claims([IP]);
  claims.grant(grant(1250), 1000);
  assert.equal(claims.grant(grant(1200), 1010), "renewed");
  assert.equal(claims.get(IP, 1010)?.validUntilMs, 1250);
});

Deno.test("a newer epoch replaces the deadline even by an earlier one, an older epoch is too late", () => {
  const claims = new Claims([IP]);
  claims.grant(grant(2000, 1), 1000);
  assert.equal(claims.grant(grant(1500, 2), 1010), "renewed");
  assert.equal(claims.get(IP, 1010)?.validUntilMs, 1500);
  assert.equal(claims.grant(grant(9000, 1), 1020), "too-late");
  assert.equal(claims.get(IP, 1020)?.validUntilMs, 1500);
});

Deno.test("a grant whose deadline has passed is too late, a grant for a stranger's address is refused", () => {
  const claims = new Claims([IP]);
  assert.equal(claims.grant(grant(1000), 1000), "too-late");
  assert.equal(claims.grant(grant(2000, 1, "10.0.0.10"), 1000), "unknown-address");
  assert.deepEqual(claims.live(1000), []);
});

Deno.test("a claim ends at its deadline, not after, and is reported once", () => {
  const claims = new Claims([IP]);
  claims.grant(grant(1200), 1000);
  assert.equal(claims.nextDeadline(), 1200);
  assert.equal(claims.get(IP, 1199.9)?.ip, IP);
  assert.equal(claims.get(IP, 1200), null);
  assert.deepEqual(claims.expire(1199), []);
  assert.deepEqual(claims.expire(1200).map((claim) => claim.ip), [IP]);
  assert.deepEqual(claims.expire(1200), []);
  assert.equal(claims.nextDeadline(), null);
});

Deno.test("a grant after the end is a new hold with a new beginning", () => {
  const claims = new Claims([IP]);
  claims.grant(grant(1200), 1000);
  assert.equal(claims.grant(grant(1500), 1300), "taken");
  assert.equal(claims.get(IP, 1300)?.sinceMs, 1300);
});

Deno.test("dropping gives the claim back once", () => {
  const claims = new Claims([IP]);
  claims.grant(grant(1200), 1000);
  assert.equal(claims.drop(IP)?.ip, IP);
  assert.equal(claims.drop(IP), null);
});

Deno.test("a grant that nobody stands for keeps a claim and makes none; one that somebody stands for resumes it", () => {
  const claims = new Claims([IP]);
  assert.equal(claims.grant({ ...grant(1200), preserved: true }, 1000), "nothing-to-preserve");
  assert.equal(claims.get(IP, 1000), null);
  claims.grant(grant(1200), 1000);
  assert.equal(claims.grant({ ...grant(1500), preserved: true }, 1100), "preserved");
  assert.equal(claims.grant({ ...grant(1600), preserved: true }, 1100), "renewed");
  assert.equal(claims.get(IP, 1100)?.preserved, true);
  assert.equal(claims.grant(grant(1700, 2), 1200), "resumed");
  assert.deepEqual(claims.get(IP, 1200), { ip: IP, epoch: 2, validUntilMs: 1700, sinceMs: 1000, preserved: false });
});

Deno.test("a preserved grant continues a hold that has just run out, whoever noticed first, and none that ended otherwise", () => {
  for (const noticed of [true, false]) {
    for (const [lateMs, isLate] of [[0, false], [999, false], [1000, true]] as const) {
      const claims = new Claims([IP]);
      claims.grant(grant(1200), 1000);
      const now = 1200 + lateMs;
      if (noticed) claims.expire(now);
      const outcome = claims.grant({ ...grant(9000), preserved: true }, now);
      assert.equal(outcome, isLate ? "nothing-to-preserve" : noticed ? "taken" : "preserved", `${lateMs} ms`);
      if (!isLate) assert.equal(claims.get(IP, now)?.sinceMs, 1000);
    }
  }
  const claims = new Claims([IP]);
  claims.grant(grant(1200), 1000);
  claims.drop(IP);
  assert.equal(claims.grant({ ...grant(9000), preserved: true }, 1100), "nothing-to-preserve");
  claims.grant(grant(1200), 1000);
  claims.expire(1200);
  claims.manage([]);
  claims.manage([IP]);
  assert.equal(claims.grant({ ...grant(9000), preserved: true }, 1200), "nothing-to-preserve");
});

Deno.test("which addresses may be held can change", () => {
  const claims = new Claims([]);
  assert.equal(claims.grant(grant(1200), 1000), "unknown-address");
  claims.manage([IP]);
  assert.equal(claims.grant(grant(1200), 1000), "taken");
});
