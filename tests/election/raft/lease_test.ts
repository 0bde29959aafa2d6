import assert from "node:assert/strict";
import { BeatRounds } from "../../../mod/election/raft/lease.ts";

const options = { leaseMs: 200, now: 1000 };

Deno.test("the lease counts from the sending of the newest round that a majority acknowledged", () => {
  const rounds = new BeatRounds(5, options);
  rounds.begin(1000);
  rounds.begin(1050);
  rounds.acknowledge("b", 2);
  assert.equal(rounds.leaseUntil(1060), -Infinity);
  rounds.acknowledge("c", 1);
  assert.equal(rounds.leaseUntil(1060), 1200);
  assert.ok(!rounds.isConfirmed);
  rounds.acknowledge("d", 2);
  assert.equal(rounds.leaseUntil(1060), 1250);
  assert.ok(rounds.isConfirmed);
});

Deno.test("an old acknowledgement that comes late takes nothing back, one of an unknown round counts for nothing", () => {
  const rounds = new BeatRounds(3, options);
  rounds.begin(1000);
  rounds.begin(1050);
  rounds.acknowledge("b", 2);
  for (const round of [1, 0, 3, 99]) rounds.acknowledge("b", round);
  assert.equal(rounds.leaseUntil(1060), 1250);
  assert.equal(rounds.ackedAt("b"), 1050);
  assert.ok(rounds.hasAcknowledged("b") && !rounds.hasAcknowledged("c"));
});

Deno.test("a new leader has one lease of time to earn its first", () => {
  const rounds = new BeatRounds(3, options);
  rounds.begin(1000);
  assert.equal(rounds.quorumUntil(1100), 1200);
  rounds.begin(1150);
  rounds.acknowledge("b", 2);
  assert.equal(rounds.quorumUntil(1160), 1350);
});

Deno.test("a single voter's lease is renewed by looking", () => {
  const rounds = new BeatRounds(1, options);
  rounds.begin(1000);
  assert.equal(rounds.leaseUntil(5000), 5200);
  assert.ok(rounds.isConfirmed);
});

Deno.test("rounds older than the last 64 are forgotten", () => {
  const rounds = new BeatRounds(3, options);
  for (let round = 1; round <= 65; round++) rounds.begin(1000 + round);
  rounds.acknowledge("b", 1);
  assert.equal(rounds.leaseUntil(2000), -Infinity);
  rounds.acknowledge("b", 2);
  assert.equal(rounds.leaseUntil(2000), 1202);
});
