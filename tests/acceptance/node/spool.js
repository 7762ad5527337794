// Launches jobs by name over a spool directory, and prints their answers, a line each.
//
//   node spool.js DIRECTORY QUEUE JOB...     each JOB is JSON; SECRET is in the environment
'use strict';

const { createHmac, randomUUID } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const [directory, queue, ...jobs] = process.argv.slice(2);
const queues = path.join(directory, 'queues');
const secret = process.env.SECRET || fs.readFileSync(path.join(directory, 'secret'));
const sign = (body) => createHmac('sha256', secret).update(body).digest('hex');

// A queue of one's own is two folders.
const replies = `node-${randomUUID()}`;
const inbox = path.join(queues, replies, 'inbox');
fs.mkdirSync(path.join(queues, replies, 'partial'), { recursive: true });
fs.mkdirSync(inbox);
const missing = new Set(); // an answer may come twice, after a crash of the service

// Written aside, synced, renamed in: a reader sees it whole or not at all.
function drop(job) {
  const correlationId = randomUUID();
  missing.add(correlationId);
  const message = { id: randomUUID(), ...job, reply_to: replies, correlation_id: correlationId };
  const body = JSON.stringify(message);
  const stamp = (BigInt(Date.now()) * 1000000n).toString().padStart(20, '0');
  const name = `${stamp}-${randomUUID()}`;
  const partial = path.join(queues, queue, 'partial', name);
  const file = fs.openSync(partial, 'wx', 0o600);
  fs.writeSync(file, `${body}\n${sign(body)}`);
  fs.fsyncSync(file);
  fs.closeSync(file);
  fs.renameSync(partial, path.join(queues, queue, 'inbox', name));
}

async function main() {
  jobs.map((text) => JSON.parse(text)).forEach(drop);
  while (missing.size > 0) {
    for (const name of fs.readdirSync(inbox)) {
      const [body, signature] = fs.readFileSync(path.join(inbox, name), 'utf8').split('\n');
      if (signature !== sign(body)) throw new Error('a forged answer');
      if (missing.delete(JSON.parse(body).correlation_id)) console.log(body);
      fs.unlinkSync(path.join(inbox, name));
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  fs.rmSync(path.join(queues, replies), { recursive: true });
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
