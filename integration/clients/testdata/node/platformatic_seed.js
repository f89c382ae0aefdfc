// @platformatic/kafka: what a client does that knows one address.
import { Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { RECORDS, main, values } from './seed.js'

const base = seed => ({ clientId: 'yakt-test', bootstrapBrokers: [seed] })
const records = (topic, prefix) => values(prefix).map(value => ({ topic, key: prefix, value }))

async function withProducer (seed, options, work) {
  const producer = new Producer({ ...base(seed), serializers: stringSerializers, ...options })
  await work(producer)
  await producer.close()
}

async function consume (seed, topic, groupId, options) {
  const consumer = new Consumer(
    { ...base(seed), groupId, deserializers: stringDeserializers, ...options })
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false })
  let seen = 0
  for await (const message of stream) {
    await message.commit()
    if (++seen === RECORDS) break
  }
  await consumer.close(true)
}

await main({
  produce: (seed, topic) => withProducer(seed, {}, producer =>
    producer.send({ messages: records(topic, 'plain') })),

  idempotent: (seed, topic) => withProducer(seed, { idempotent: true }, producer =>
    producer.send({ messages: records(topic, 'idempotent'), acks: -1 })),

  transactions: (seed, topic, transactionalId) => withProducer(seed,
    { transactionalId, idempotent: true }, async producer => {
      const first = await producer.beginTransaction()
      await first.send({ messages: records(topic, 'committed') })
      await first.commit()
      const second = await producer.beginTransaction()
      await second.send({ messages: records(topic, 'aborted') })
      await second.abort()
    }),

  group: (seed, topic, name) => consume(seed, topic, name, {}),

  consumer_protocol: (seed, topic, name) => consume(seed, topic, name,
    { groupProtocol: 'consumer' })
})
