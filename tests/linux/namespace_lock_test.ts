import assert from "node:assert/strict";
import { SysError } from "../../mod/linux/errno.ts";
import { Namespace } from "../../mod/linux/namespace.ts";
import { NamespaceLock } from "../../mod/linux/namespace_lock.ts";
import { privileged } from "../fakes/privileges.ts";

const NAME = `kube-vip-test-${Deno.pid}`;

Deno.test("a name has one owner until it is released", () => {
  const lock = NamespaceLock.take(NAME);
  assert.ok(lock);
  assert.equal(NamespaceLock.take(NAME), null);
  const other = NamespaceLock.take(`${NAME}-2`);
  assert.ok(other);
  other.release();
  lock.release();
  lock.release();
  const again = NamespaceLock.take(NAME);
  assert.ok(again);
  again.release();
});

privileged("each network namespace has names of its own", () => {
  const namespace = Namespace.create();
  const [here, there] = [NamespaceLock.take(NAME), namespace.run(() => NamespaceLock.take(NAME))];
  assert.ok(here !== null && there !== null);
  assert.equal(namespace.run(() => NamespaceLock.take(NAME)), null);
  for (const lock of [here, there]) lock.release();
  namespace.close();
});

Deno.test("a name that does not fit is refused", () => {
  for (const name of ["", "n".repeat(108)]) assert.throws(() => NamespaceLock.take(name), SysError);
});
