/** Certificates made at test time by openssl, so that no key is kept anywhere. */
import assert from "node:assert/strict";

/** Where one certificate and its key are. */
export interface CertificateFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** What a certificate is for. */
export interface Wanted {
  /** `DNS:a.example,IP:127.0.0.1`. */
  readonly names: string;
  /** @default {valid} */
  readonly validity?: "valid" | "expired";
}

async function openssl(dir: string, ...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", { args: [...args], cwd: dir }).output();
  assert.ok(success, `openssl ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}

const EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** An authority in a folder of its own. */
export class Authority {
  readonly dir: string;
  readonly caFile: string;
  readonly ca: string;

  static async make(parent: string, name = "ca"): Promise<Authority> {
    const dir = `${parent}/${name}`;
    await Deno.mkdir(dir, { recursive: true });
    const files = ["-keyout", "ca.key", "-out", "ca.pem"];
    const usage = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign"];
    await openssl(dir, "req", "-x509", ...EC, ...files, "-subj", `/CN=${name}`, "-days", "30", ...usage);
    return new Authority(dir, await Deno.readTextFile(`${dir}/ca.pem`));
  }

  private constructor(dir: string, ca: string) {
    this.dir = dir;
    this.caFile = `${dir}/ca.pem`;
    this.ca = ca;
  }

  /** Issues a certificate into `<name>.pem` and `<name>.key` of the folder. */
  async issue(name: string, { names, validity = "valid" }: Wanted): Promise<CertificateFiles> {
    const { dir } = this;
    await openssl(dir, "req", ...EC, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    await Deno.writeTextFile(`${dir}/${name}.ext`, `subjectAltName=${names}\nbasicConstraints=CA:FALSE\n`);
    await Deno.mkdir(`${dir}/${name}.d`, { recursive: true });
    await Deno.writeTextFile(`${dir}/${name}.d/index`, "");
    const config = `[ca]\ndefault_ca=d\n[d]\ndatabase=${name}.d/index\nnew_certs_dir=${name}.d\nrand_serial=yes\n` +
      `default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n`;
    await Deno.writeTextFile(`${dir}/${name}.cnf`, config);
    const day = 86_400_000;
    const [from, until] = validity === "valid" ? [-day, 10 * day] : [-3 * day, -day];
    const dates = ["-startdate", asn1Time(Date.now() + from), "-enddate", asn1Time(Date.now() + until)];
    const input = ["-in", `${name}.csr`, "-out", `${name}.pem`, "-extfile", `${name}.ext`];
    const issuer = ["-config", `${name}.cnf`, "-cert", "ca.pem", "-keyfile", "ca.key", "-batch", "-notext"];
    await openssl(dir, "ca", ...issuer, ...input, ...dates);
    return { certificateFile: `${dir}/${name}.pem`, keyFile: `${dir}/${name}.key` };
  }
}

function asn1Time(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "");
}

/** Runs `body` with an authority of its own in a folder that is removed afterwards. */
export async function withAuthority(body: (authority: Authority) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "kube-vip-tls-" });
  try {
    await body(await Authority.make(dir));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** The texts of a pair. */
export async function readPair(files: CertificateFiles): Promise<{ cert: string; key: string }> {
  return { cert: await Deno.readTextFile(files.certificateFile), key: await Deno.readTextFile(files.keyFile) };
}
