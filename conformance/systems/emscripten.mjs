// Copyright The fdconform Authors
// SPDX-License-Identifier: Apache-2.0
// Loads Pyodide, and has its Python run the adapter: node emscripten.mjs PYODIDE SNAPSHOT PACKAGE…
//
// Python takes seconds of processor time to start: its memory is kept in a file once it has, and taken from there.
// Standard input and output are read and written here, by node: those of Emscripten belong to the programs.
// Pyodide is given a standard input, or it would have node make ours one that never waits.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const READ_BYTES = 2 ** 16;
const PROJECT = "/project";
const PROGRAMS = "/program";
const DEVICES = "/dev";

let pending = Buffer.alloc(0);

/** The next line, without its end; undefined when there are no more. */
function nextLine() {
  let parts = [pending];
  for (;;) {
    const last = parts[parts.length - 1];
    const end = last.indexOf(10);
    if (end >= 0) {
      const line = Buffer.concat([...parts.slice(0, -1), last.subarray(0, end)]);
      pending = last.subarray(end + 1);
      return line.toString();
    }
    const chunk = Buffer.alloc(READ_BYTES);
    const count = fs.readSync(0, chunk, 0, READ_BYTES, null);
    if (count === 0) {
      return undefined;
    }
    parts.push(chunk.subarray(0, count));
  }
}

function say(line) {
  let rest = Buffer.from(line + "\n");
  while (rest.length) {
    rest = rest.subarray(fs.writeSync(1, rest));
  }
}

/**
 * Closes what a program has left open. Only the numbers that were given are asked for:
 * there may be one of 2**31 - 1 among them, and asking for all would take longer than the program, or forever.
 */
function closeAll(FS) {
  for (const stream of Object.values(FS.streams)) {
    if (stream) {
      FS.close(stream);
    }
  }
  FS.streams.length = 0;
}

/**
 * A file system of its own for each program: what it leaves goes with it. Devices become what they were.
 * How many descriptors it may have is told, as it is by RLIMIT_NOFILE elsewhere.
 */
function renew(FS, devices, descriptorsMax) {
  closeAll(FS);
  FS.MAX_OPEN_FDS = descriptorsMax;
  FS.chdir("/");
  for (const name of FS.readdir(DEVICES)) {
    if (devices.has(name)) {
      FS.chmod(`${DEVICES}/${name}`, devices.get(name));
    } else {
      FS.unlink(`${DEVICES}/${name}`);
    }
  }
  if (FS.lookupPath(PROGRAMS, { follow_mount: false }).node.mounted) {
    FS.unmount(PROGRAMS);
  }
  FS.mount(FS.filesystems.MEMFS, {}, PROGRAMS);
  FS.chdir(PROGRAMS);
}

/** Pyodide with its Python started, or as it was when it had started. Others may be at this at the same time. */
async function started(directory, snapshot) {
  const { loadPyodide } = await import(pathToFileURL(path.join(directory, "pyodide.mjs")));
  const kept = fs.existsSync(snapshot);
  const pyodide = await loadPyodide({
    indexURL: directory + path.sep,
    stdin: () => undefined,
    stdout: console.error,
    stderr: console.error,
    ...(kept ? { _loadSnapshot: fs.readFileSync(snapshot) } : { _makeSnapshot: true }),
  });
  if (!kept) {
    const own = `${snapshot}.${process.pid}`;
    fs.writeFileSync(own, pyodide.makeMemorySnapshot());
    fs.renameSync(own, snapshot);
  }
  return pyodide;
}

async function main(directory, snapshot, packages) {
  const pyodide = await started(directory, snapshot);
  for (const origin of packages) {
    pyodide.mountNodeFS(`${PROJECT}/${path.basename(origin)}`, origin);
  }
  const { FS } = pyodide;
  FS.mkdir(PROGRAMS);
  const devices = new Map(FS.readdir(DEVICES).map((name) => [name, FS.stat(`${DEVICES}/${name}`).mode]));
  pyodide.runPython(`import sys; sys.dont_write_bytecode = True; sys.path.append("${PROJECT}")`);
  const adapter = pyodide.pyimport("conformance.systems.emscripten_calls");
  adapter.serve(nextLine, say, (limit) => renew(FS, devices, limit), `node ${process.version}`, pyodide.version);
}

try {
  const [directory, snapshot, ...packages] = process.argv.slice(2);
  await main(directory, snapshot, packages);
} catch (error) {
  // What node would print shows the line of the error, and that is a megabyte of Emscripten.
  console.error(String(error.stack ?? error));
  process.exit(1);
}
