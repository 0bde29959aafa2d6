import assert from "node:assert/strict";
import { Namespace } from "../../mod/linux/namespace.ts";
import { readSysctl, writeSysctl } from "../../mod/linux/sysctl.ts";
import { privileged } from "../fakes/privileges.ts";

Deno.test("readSysctl() gives the value without its newline, null for what does not exist", () => {
  assert.match(readSysctl(["core", "somaxconn"]) ?? "", /^\d+$/);
  assert.equal(readSysctl(["ipv4", "no_such_setting"]), null);
});

Deno.test("a name cannot leave the folder", () => {
  for (const key of [["..", "kernel", "hostname"], ["ipv4", "a/b"], ["ipv4", ""], ["."], ["ipv4\0"]]) {
    assert.throws(() => readSysctl(key), TypeError);
    assert.throws(() => writeSysctl(key, "1"), TypeError);
  }
});

privileged("writeSysctl() sets the value in the namespace it is called in", () => {
  const namespace = Namespace.create();
  const key = ["ipv4", "conf", "lo", "arp_announce"];
  const outside = readSysctl(key);
  namespace.run(() => {
    assert.equal(writeSysctl(key, "2"), "written");
    assert.equal(readSysctl(key), "2");
    assert.equal(writeSysctl(["ipv4", "conf", "nolink", "arp_announce"], "2"), "absent");
    assert.throws(() => writeSysctl(key, "many"), { op: "write", code: "EINVAL" });
  });
  assert.equal(readSysctl(key), outside);
  namespace.close();
});

privileged("writeSysctl() says when the kernel's settings are read-only", () => {
  const module = JSON.stringify(new URL("../../mod/linux/sysctl.ts", import.meta.url).href);
  const script = `import { writeSysctl } from ${module}; console.log(writeSysctl(["ipv4", "ip_forward"], "1"));`;
  const mount = 'mount -o bind,ro /proc/sys /proc/sys && exec "$0" eval "$1"';
  const args = ["-nm", "sh", "-c", mount, Deno.execPath(), script];
  const { stdout, stderr } = new Deno.Command("unshare", { args }).outputSync();
  assert.equal(new TextDecoder().decode(stdout).trim(), "refused", new TextDecoder().decode(stderr));
}, { program: "unshare" });

Deno.test("settings are read without Deno's own permission for files", async () => {
  const module = JSON.stringify(new URL("../../mod/linux/sysctl.ts", import.meta.url).href);
  const worker = `import { readSysctl } from ${module}; console.log(readSysctl(["ipv4", "no_such_setting"]));`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, worker);
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const args = ["run", "--no-prompt", "--no-check", "--allow-ffi", "--config", config, file];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  await Deno.remove(file);
  assert.equal(new TextDecoder().decode(stdout).trim(), "null", new TextDecoder().decode(stderr));
});
