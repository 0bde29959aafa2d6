import assert from "node:assert/strict";
import { goArgs } from "../../mod/cli/go_flags.ts";

Deno.test("commands of upstream get their lines as pflag reads them", () => {
  const rows: [string, string][] = [
    ["manager --arp --log -4", "manager --arp=true --log -4"],
    ["manager --arp=false --arp false", "manager --arp=false --arp=true false"],
    ["manager --interface --arp --arp", "manager --interface --arp --arp=true"],
    ["manager -- --arp", "manager -- --arp"],
    ["--arp manager", "manager --arp=true"],
    [
      "--interface eth0 -n x --arp=false manifest pod --services",
      "manifest pod --interface eth0 -n x --arp=false --services=true",
    ],
    ["--servicesInterface eth0 kubeadm init", "kubeadm init --servicesInterface eth0"],
    ["service -c --arp", "service -c --arp"],
    ["manager --unknown --arp", "manager --unknown --arp=true"],
    ["manager --interface", "manager --interface"],
  ];
  for (const [given, wanted] of rows) assert.deepEqual(goArgs(given.split(" ")), wanted.split(" "), given);
});

Deno.test("other lines stay as they are", () => {
  const lines = [
    "start --arp false",
    "--version",
    "--help manager",
    "--arp start",
    "--unknown manager",
    "docs settings",
  ];
  for (const line of lines) assert.deepEqual(goArgs(line.split(" ")), line.split(" "), line);
  assert.deepEqual(goArgs([]), []);
});
