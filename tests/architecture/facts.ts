/**
 * What the architecture rules need to know about one source file, read from its syntax tree: comments and strings
 * cannot be taken for code. The parser is the one of `deno lint`, which is there under `deno test` only.
 */

/** Something found at a place in a file. */
export interface Found {
  readonly what: string;
  readonly line: number;
}

/** An import, or an export from elsewhere. */
export interface Import {
  readonly specifier: string;
  /** Nothing of it is left at run time. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** A function with its name (or what stands in front of it) and how many lines it takes. */
export interface FunctionSize {
  readonly name: string;
  readonly lines: number;
  readonly line: number;
}

export interface Facts {
  /** Relative to the repository, e.g. `mod/vip/claim.ts`. */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  readonly imports: readonly Import[];
  readonly functions: readonly FunctionSize[];
  /** Names that are not declared as members: `setTimeout`, and members of them as written: `Deno.dlopen`. */
  readonly names: readonly Found[];
  /** Calls on `Deno` with a literal first argument: `Deno.open /etc/hosts`. */
  readonly denoArguments: readonly Found[];
  readonly awaits: readonly Found[];
  /** Casts to `any`, and members called `only`. */
  readonly shortcuts: readonly Found[];
  readonly comments: readonly Found[];
  /** Has functions or classes other than bare errors: something that can be tested. */
  readonly hasBehaviour: boolean;
}

type Nodes = Deno.lint.Node;
type FunctionNode = Extract<
  Nodes,
  { type: "FunctionDeclaration" | "FunctionExpression" | "ArrowFunctionExpression" }
>;

interface Draft {
  imports: Import[];
  functions: FunctionSize[];
  names: Found[];
  denoArguments: Found[];
  awaits: Found[];
  shortcuts: Found[];
  comments: Found[];
  hasBehaviour: boolean;
}

/** Reads one file; throws if it cannot be parsed. */
export function readFacts(path: string, text: string): Facts {
  const draft: Draft = {
    imports: [],
    functions: [],
    names: [],
    denoArguments: [],
    awaits: [],
    shortcuts: [],
    comments: [],
    hasBehaviour: false,
  };
  const lineAt = lineFinder(text);
  let visited = false;
  const plugin: Deno.lint.Plugin = {
    name: "architecture",
    rules: {
      facts: {
        create: () => ({
          ...moduleVisitors(draft, lineAt),
          ...functionVisitors(draft, text, lineAt),
          ...nameVisitors(draft, text, lineAt),
          Program(node): void {
            visited = true;
            draft.comments = node.comments.map(({ value, range }) => ({ what: value, line: lineAt(range[0]) }));
          },
        }),
      },
    },
  };
  Deno.lint.runPlugin(plugin, path, text);
  if (!visited) throw new Error(`Cannot parse ${path}`);
  return { path, text, lines: text.replace(/\n$/, "").split("\n").length, ...draft };
}

type LineAt = (offset: number) => number;

/** Lines from 1, by binary search over the offsets where they begin. */
function lineFinder(text: string): LineAt {
  const starts = [0];
  for (const { index } of text.matchAll(/\n/g)) starts.push(index + 1);
  return (offset) => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? Infinity) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}

function moduleVisitors(draft: Draft, lineAt: LineAt): Deno.lint.LintVisitor {
  const add = (node: Nodes, specifier: string, typeOnly: boolean): void => {
    draft.imports.push({ specifier, typeOnly, line: lineAt(node.range[0]) });
  };
  return {
    ImportDeclaration(node): void {
      const named = node.specifiers.length > 0 &&
        node.specifiers.every((one) => one.type === "ImportSpecifier" && one.importKind === "type");
      add(node, node.source.value, node.importKind === "type" || named);
    },
    ImportExpression(node): void {
      add(node, node.source.type === "Literal" ? String(node.source.value) : "(computed)", false);
    },
    ExportAllDeclaration(node): void {
      add(node, node.source.value, node.exportKind === "type");
    },
    ExportNamedDeclaration(node): void {
      if (node.source) add(node, node.source.value, node.exportKind === "type");
    },
  };
}

function functionVisitors(draft: Draft, text: string, lineAt: LineAt): Deno.lint.LintVisitor {
  const measure = (node: FunctionNode): void => {
    if (!isErrorConstructor(node, text)) draft.hasBehaviour = true;
    const [start, end] = node.range;
    const line = lineAt(start);
    const before = text.slice(text.lastIndexOf("\n", start) + 1, start).trim();
    const own = node.type === "ArrowFunctionExpression" ? null : node.id;
    draft.functions.push({ name: own?.name ?? (before || "(anonymous)"), lines: lineAt(end - 1) - line + 1, line });
  };
  return {
    FunctionDeclaration: measure,
    FunctionExpression: measure,
    ArrowFunctionExpression: measure,
    ClassDeclaration(node): void {
      if (!isErrorClass(node, text)) draft.hasBehaviour = true;
    },
  };
}

/** A class of errors is a name, not behaviour, as long as it has nothing but a constructor. */
function isErrorClass(node: Nodes, text: string): boolean {
  if (node.type !== "ClassDeclaration" || !node.superClass) return false;
  return text.slice(...node.superClass.range).endsWith("Error");
}

function isErrorConstructor(node: FunctionNode, text: string): boolean {
  const method = node.parent;
  return method.type === "MethodDefinition" && method.kind === "constructor" &&
    isErrorClass(method.parent.parent, text);
}

function nameVisitors(draft: Draft, text: string, lineAt: LineAt): Deno.lint.LintVisitor {
  const textOf = (node: Nodes): string => text.slice(...node.range);
  const found = (node: Nodes, what: string): Found => ({ what, line: lineAt(node.range[0]) });
  return {
    Identifier(node): void {
      if (isReference(node)) draft.names.push(found(node, node.name));
    },
    MemberExpression(node): void {
      const member = textOf(node).replace(/\s|\?(?=\.)/g, "");
      draft.names.push(found(node, member.replace(/^globalThis\./, "")));
      if (member.endsWith(".only")) draft.shortcuts.push(found(node, ".only"));
    },
    CallExpression(node): void {
      const [first] = node.arguments;
      if (!textOf(node.callee).startsWith("Deno.") || first === undefined) return;
      if (first.type === "Literal" || first.type === "TemplateLiteral") {
        draft.denoArguments.push(found(node, `${textOf(node.callee)} ${textOf(first).slice(1, -1)}`));
      }
    },
    AwaitExpression(node): void {
      draft.awaits.push(found(node, "await"));
    },
    ForOfStatement(node): void {
      if (node.await) draft.awaits.push(found(node, "for await"));
    },
    TSAnyKeyword(node): void {
      draft.shortcuts.push(found(node, "any"));
    },
  };
}

/** Whether a name stands for a variable, rather than being the name of a member or a key. */
function isReference(node: Extract<Nodes, { type: "Identifier" }>): boolean {
  const parent = node.parent;
  switch (parent.type) {
    case "MemberExpression":
      return parent.object.range[0] === node.range[0] || parent.computed;
    case "Property":
      return parent.computed || parent.shorthand || parent.value.range[0] === node.range[0];
    case "MethodDefinition":
    case "PropertyDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return parent.key.range[0] !== node.range[0];
    default:
      return true;
  }
}
