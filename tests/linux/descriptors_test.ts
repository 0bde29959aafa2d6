import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { descriptorsIn, openDescriptors } from "../../mod/linux/descriptors.ts";
import { closeFd, Family, openSocket, SocketType } from "../../mod/linux/socket.ts";

/** One struct linux_dirent64. */
function entry(name: string, lengthBytes = (19 + name.length + 1 + 7) & ~7): Uint8Array {
  const bytes = new Uint8Array(Math.max(lengthBytes, 24));
  bytes[16] = lengthBytes & 0xff;
  bytes[17] = lengthBytes >> 8;
  bytes.set(new TextEncoder().encode(name), 19);
  return bytes;
}

function joined(...entries: Uint8Array[]): Uint8Array {
  return Uint8Array.from(entries.flatMap((one) => [...one]));
}

Deno.test("names that are numbers are descriptors, others are not", () => {
  const entries = joined(
    entry("."),
    entry(".."),
    entry("0"),
    entry("17"),
    entry("1000000", 320),
    entry("x1"),
    entry("2x"),
  );
  assert.deepEqual(descriptorsIn(entries), [0, 17, 1_000_000]);
  assert.deepEqual(descriptorsIn(new Uint8Array(0)), []);
});

Deno.test("entries that cannot be are no reason to read for ever", () => {
  assert.deepEqual(descriptorsIn(joined(entry("3", 0), entry("4"))), [3]);
  assert.deepEqual(descriptorsIn(new Uint8Array(500)), []);
});

Deno.test("every descriptor is among them, also where there are more than fit into one reading", () => {
  const opened = Array.from({ length: 2000 }, () => openSocket(Family.INET, SocketType.DGRAM, 0));
  try {
    const found = new Set(openDescriptors());
    assert.ok(opened.every((fd) => found.has(fd)));
  } finally {
    for (const fd of opened) closeFd(fd);
  }
  const left = new Set(openDescriptors());
  assert.ok(opened.some((fd) => !left.has(fd)));
});

Deno.test("what the built program is allowed is enough", async () => {
  const code = `import { openDescriptors } from ${
    JSON.stringify(new URL("../../mod/linux/descriptors.ts", import.meta.url))
  };
    if ([...openDescriptors()].length < 3) throw new Error("too few");`;
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const args = ["run", "--no-prompt", "--no-check", "--config", config, "--allow-ffi", "--allow-read"];
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args, `data:text/typescript,${encodeURIComponent(code)}`],
  });
  const { code: status, stderr } = await child.output();
  assert.equal(status, 0, new TextDecoder().decode(stderr));
});
