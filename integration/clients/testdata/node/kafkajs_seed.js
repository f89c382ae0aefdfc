// kafkajs: what a client does that knows one address.
import { Kafka } from 'kafkajs'
import { RECORDS, main, values } from './seed.js'

const client = seed => new Kafka({ clientId: 'yakt-test', brokers: [seed] })
const messages = prefix => values(prefix).map(value => ({ value }))

async function withProducer (seed, options, work) {
  const producer = client(seed).producer(options)
  await producer.connect()
  await work(producer)
  await producer.disconnect()
}

await main({
  produce: (seed, topic) => withProducer(seed, {}, producer =>
    producer.send({ topic, messages: messages('plain') })),

  idempotent: (seed, topic) => withProducer(seed, { idempotent: true }, producer =>
    producer.send({ topic, messages: messages('idempotent') })),

  transactions: (seed, topic, transactionalId) => withProducer(seed,
    { transactionalId, idempotent: true, maxInFlightRequests: 1 }, async producer => {
      const first = await producer.transaction()
      await first.send({ topic, messages: messages('committed') })
      await first.commit()
      const second = await producer.transaction()
      await second.send({ topic, messages: messages('aborted') })
      await second.abort()
    }),

  group: async (seed, topic, groupId) => {
    const consumer = client(seed).consumer({ groupId })
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    let seen = 0
    await new Promise((resolve, reject) => consumer.run({
      eachMessage: async () => { if (++seen === RECORDS) resolve() }
    }).catch(reject))
    await consumer.disconnect()
  }
})
