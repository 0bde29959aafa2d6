/** References to container images, read and completed as upstream's generator does it. */

/** What is run when nothing else is asked for: upstream's name, so that the same command line gives the same manifest. */
export const DEFAULT_IMAGE = "ghcr.io/kube-vip/kube-vip";

/** Registry of names without one; `docker.io` is another name for it. */
const DEFAULT_REGISTRY = "index.docker.io";

const REPOSITORY_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789_-./";
const TAG_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789_-.ABCDEFGHIJKLMNOPQRSTUVWXYZ";

export type ImageResult =
  | { readonly outcome: "valid"; readonly reference: string }
  /** `reason` names what is wrong and what is accepted. */
  | { readonly outcome: "invalid"; readonly reason: string };

/**
 * The full name of an image: `nginx` is `index.docker.io/library/nginx:<defaultTag>`. Digests are not accepted, upstream does not know
 * them here.
 */
export function completeImage(text: string, defaultTag: string): ImageResult {
  const { base, tag } = splitTag(text);
  const { registry, repository } = splitRegistry(base);
  const reason = wrongImage({ base, tag, registry, repository });
  if (reason !== null) return { outcome: "invalid", reason };
  const host = registry === "" || registry === "docker.io" ? DEFAULT_REGISTRY : registry;
  const path = host === DEFAULT_REGISTRY && !repository.includes("/") ? `library/${repository}` : repository;
  return { outcome: "valid", reference: `${host}/${path}:${tag === "" ? defaultTag : tag}` };
}

/** A colon before the last slash belongs to a port. */
function splitTag(text: string): { base: string; tag: string } {
  const colon = text.lastIndexOf(":");
  return colon < 0 || text.indexOf("/", colon) >= 0
    ? { base: text, tag: "" }
    : { base: text.slice(0, colon), tag: text.slice(colon + 1) };
}

/** The part before the first slash is a registry if it has a dot or a colon. */
function splitRegistry(base: string): { registry: string; repository: string } {
  const slash = base.indexOf("/");
  const first = base.slice(0, Math.max(slash, 0));
  return first.includes(".") || first.includes(":")
    ? { registry: first, repository: base.slice(slash + 1) }
    : { registry: "", repository: base };
}

interface Parts {
  readonly base: string;
  readonly tag: string;
  readonly registry: string;
  readonly repository: string;
}

function wrongImage(parts: Parts): string | null {
  if (parts.base === "") return "a repository name must be specified";
  if (parts.base.includes("@")) {
    const allowed = `repository can only contain the characters \`${REPOSITORY_CHARACTERS}\``;
    return `${allowed}: ${parts.repository}; a digest is not accepted, a tag is`;
  }
  if (parts.registry !== "" && !/^[a-zA-Z0-9.-]+(:[0-9]{1,5})?$/.test(parts.registry)) {
    return `registries must be valid RFC 3986 URI authorities: ${parts.registry}`;
  }
  return wrongElement("repository", parts.repository, { allowed: REPOSITORY_CHARACTERS, min: 2, max: 255 }) ??
    (parts.tag === "" ? null : wrongElement("tag", parts.tag, { allowed: TAG_CHARACTERS, min: 1, max: 128 }));
}

function wrongElement(
  name: string,
  text: string,
  rule: { readonly allowed: string; readonly min: number; readonly max: number },
): string | null {
  const length = [...text].length;
  if (length < rule.min || length > rule.max) {
    return `${name} must be between ${rule.min} and ${rule.max} characters in length: ${text}`;
  }
  if ([...text].every((letter) => rule.allowed.includes(letter))) return null;
  return `${name} can only contain the characters \`${rule.allowed}\`: ${text}`;
}
