import assert from "node:assert/strict";
import { LOOK_EVERY_MS, WatchedFiles } from "../../../mod/balance/tls/watched_files.ts";
import { VirtualClock } from "../../fakes/clock.ts";

interface Watched {
  readonly clock: VirtualClock;
  readonly dir: string;
  readonly files: WatchedFiles<string>;
  readonly changes: string[];
  readonly failures: string[];
}

async function withFiles(body: (watched: Watched) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  await Deno.writeTextFile(`${dir}/a`, "1");
  await Deno.writeTextFile(`${dir}/b`, "1");
  const clock = new VirtualClock();
  const [changes, failures]: string[][] = [[], []];
  const files = new WatchedFiles({
    clock,
    paths: [`${dir}/a`, `${dir}/b`],
    make: ([a, b]) => {
      if (a !== b) throw new Error(`${a} is not ${b}`);
      return `${a}`;
    },
    onChange: (value) => changes?.push(value),
    onFailure: (reason) => failures?.push(reason),
  });
  try {
    await body({ clock, dir, files, changes: changes ?? [], failures: failures ?? [] });
  } finally {
    files.close();
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("files that changed are read again when it is time, and not before", () =>
  withFiles(async ({ clock, dir, files, changes }) => {
    assert.equal(files.value, "1");
    await Deno.writeTextFile(`${dir}/a`, "22");
    await Deno.writeTextFile(`${dir}/b`, "22");
    clock.advance(LOOK_EVERY_MS - 1);
    assert.equal(files.value, "1");
    clock.advance(1);
    assert.equal(files.value, "22");
    clock.advance(LOOK_EVERY_MS);
    assert.deepEqual(changes, ["22"]);
  }));

Deno.test("what cannot be used is told once, what was before stays, and a change that completes it is taken", () =>
  withFiles(async ({ clock, dir, files, changes, failures }) => {
    await Deno.writeTextFile(`${dir}/a`, "22");
    for (let n = 0; n < 3; n++) clock.advance(LOOK_EVERY_MS);
    assert.deepEqual([files.value, failures], ["1", ["22 is not 1"]]);
    await Deno.remove(`${dir}/b`);
    for (let n = 0; n < 3; n++) clock.advance(LOOK_EVERY_MS);
    assert.equal(failures.length, 2);
    assert.match(failures[1] ?? "", /b cannot be read: No such file/);
    await Deno.writeTextFile(`${dir}/b`, "22");
    files.look();
    assert.deepEqual([files.value, changes], ["22", ["22"]]);
  }));

Deno.test("a link that is moved to another file is a change, as with a Secret of Kubernetes", () =>
  withFiles(async ({ clock, dir, files }) => {
    for (const name of ["a", "b"]) {
      await Deno.writeTextFile(`${dir}/${name}.next`, "2");
      await Deno.symlink(`${dir}/${name}.next`, `${dir}/${name}.link`);
      await Deno.rename(`${dir}/${name}.link`, `${dir}/${name}`);
    }
    clock.advance(LOOK_EVERY_MS);
    assert.equal(files.value, "2");
  }));

Deno.test("nothing is looked at after the end", () =>
  withFiles(async ({ clock, dir, files, changes }) => {
    files.close();
    await Deno.writeTextFile(`${dir}/a`, "22");
    await Deno.writeTextFile(`${dir}/b`, "22");
    clock.advance(LOOK_EVERY_MS * 3);
    assert.deepEqual(changes, []);
  }));

Deno.test("what failed for another reason than its content is tried again although it did not change", async () => {
  const path = await Deno.makeTempFile();
  const clock = new VirtualClock();
  let [isFull, taken] = [false, 0];
  const make = (): number => {
    if (isFull) throw new Error("no descriptors");
    return ++taken;
  };
  const files = new WatchedFiles({ clock, paths: [path], make, onChange: () => {}, onFailure: () => {} });
  await Deno.writeTextFile(path, "22");
  isFull = true;
  clock.advance(LOOK_EVERY_MS);
  isFull = false;
  clock.advance(LOOK_EVERY_MS);
  assert.equal(files.value, 2);
  files.close();
  await Deno.remove(path);
});
