/** A small program that, compiled like the product, reports what a compiled program can do. */

interface Report {
  readonly standalone: boolean;
  readonly stamp: unknown;
  readonly pid: number;
  readonly sameFromLibc: boolean;
  readonly chunk: string;
  readonly startsPrograms: boolean;
}

async function startsPrograms(): Promise<boolean> {
  try {
    await new Deno.Command("true").output();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return false;
    throw error;
  }
}

async function report(): Promise<Report> {
  const libc = Deno.dlopen("libc.so.6", { getpid: { parameters: [], result: "i32" } });
  const { chunk } = await import("./chunk.ts");
  return {
    standalone: Deno.build.standalone,
    stamp: Reflect.get(globalThis, "kubeVipBuild"),
    pid: Deno.pid,
    sameFromLibc: libc.symbols.getpid() === Deno.pid,
    chunk: chunk(),
    startsPrograms: await startsPrograms(),
  };
}

if (import.meta.main) Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(await report())));
