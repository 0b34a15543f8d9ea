// Copyright The fdconform Authors
// SPDX-License-Identifier: Apache-2.0
// Runs the worker for WASI in node: node wasi.mjs WORKER DIRECTORY

import fs from "node:fs";
import { WASI } from "node:wasi";

const [worker, directory] = process.argv.slice(2);
const told = Object.entries(process.env).filter(([name]) => name.startsWith("FDCONFORM_"));
const wasi = new WASI({
  version: "preview1",
  env: Object.fromEntries(told),
  preopens: { ".": directory },
});
const { instance } = await WebAssembly.instantiate(fs.readFileSync(worker), wasi.getImportObject());
process.exitCode = wasi.start(instance);
