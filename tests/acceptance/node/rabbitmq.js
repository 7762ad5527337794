// Launches jobs by name over RabbitMQ, and prints their answers, a line each.
//
//   node rabbitmq.js URL QUEUE JOB...     each JOB is JSON; SECRET is in the environment
'use strict';

const amqp = require('amqplib');
const { createHmac, randomUUID } = require('node:crypto');

const SIGNATURE = 'x-schedulergodx-signature';
const sign = (body) => createHmac('sha256', process.env.SECRET).update(body).digest('hex');

async function main(url, queue, ...jobs) {
  const connection = await amqp.connect(url);
  const channel = await connection.createConfirmChannel();
  const replies = (await channel.assertQueue('', { exclusive: true })).queue;
  const missing = new Set(); // an answer may come twice, after a crash of the service

  const answered = new Promise((resolve, reject) => {
    channel.on('return', () => reject(new Error(`no service reads ${queue}`)));
    channel.consume(replies, ({ content, properties }) => {
      if (properties.headers[SIGNATURE] !== sign(content)) return reject(new Error('a forged answer'));
      if (missing.delete(properties.correlationId)) console.log(content.toString());
      return missing.size || resolve();
    }, { noAck: true });
  });
  for (const text of jobs) {
    const body = Buffer.from(JSON.stringify({ id: randomUUID(), ...JSON.parse(text) }));
    const correlationId = randomUUID();
    missing.add(correlationId);
    channel.publish('', queue, body, {
      contentType: 'application/json',
      correlationId,
      replyTo: replies,
      headers: { [SIGNATURE]: sign(body) },
      persistent: true,
      mandatory: true,
    });
  }
  await Promise.all([channel.waitForConfirms(), answered]);
  await connection.close();
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
