/**
 * A certificate authority for one test, made by `openssl` when the test runs; nothing of it is ever committed.
 *
 *     const pki = await TestPki.make();
 *     const { cert, key } = await pki.issue({ name: "kube-apiserver", san: "IP:127.0.0.1,DNS:kubernetes" });
 *     pki.caCert                       // PEM
 *     await pki.remove();
 */

export interface Issued {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  /** The files they are in, until {@link TestPki.remove}. */
  readonly certPath: string;
  readonly keyPath: string;
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

export class TestPki {
  #next = 1;

  private constructor(readonly folder: string, readonly caCert: string) {}

  static async make(): Promise<TestPki> {
    const folder = await Deno.makeTempDir({ prefix: "kube-vip-pki-" });
    await openssl(folder, [
      "req",
      "-x509",
      ...NEW_KEY,
      "-keyout",
      "ca.key",
      "-out",
      "ca.crt",
      "-subj",
      "/CN=test-ca",
      "-days",
      "2",
    ]);
    return new TestPki(folder, await Deno.readTextFile(`${folder}/ca.crt`));
  }

  /**
   * @param options `san` as openssl writes it
   */
  async issue(options: { readonly name: string; readonly group?: string; readonly san?: string }): Promise<Issued> {
    const id = `c${this.#next++}`;
    const subject = options.group === undefined ? `/CN=${options.name}` : `/O=${options.group}/CN=${options.name}`;
    await openssl(this.folder, ["req", ...NEW_KEY, "-keyout", `${id}.key`, "-out", `${id}.csr`, "-subj", subject]);
    const san = options.san === undefined ? "" : `subjectAltName=${options.san}\n`;
    // Without any extension openssl makes certificates of version 1, which rustls refuses.
    await Deno.writeTextFile(`${this.folder}/${id}.ext`, `basicConstraints=CA:FALSE\n${san}`);
    const from = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", `${id}.ext`];
    await openssl(this.folder, ["x509", "-req", "-in", `${id}.csr`, ...from, "-out", `${id}.crt`, "-days", "2"]);
    const [certPath, keyPath] = [`${this.folder}/${id}.crt`, `${this.folder}/${id}.key`];
    return { cert: await Deno.readTextFile(certPath), key: await Deno.readTextFile(keyPath), certPath, keyPath };
  }

  async remove(): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function openssl(cwd: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", { args, cwd, stdout: "null", stderr: "piped" })
    .output();
  if (!success) throw new Error(`openssl ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}
