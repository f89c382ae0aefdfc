// kafkajs: everything that its admin client has.
import kafkajs from 'kafkajs'
import { equal, step, until } from './admin.js'

const {
  AclOperationTypes, AclPermissionTypes, AclResourceTypes, ConfigResourceTypes, Kafka, logLevel,
  ResourcePatternTypes
} = kafkajs
const [seed, prefix] = process.argv.slice(2)
const topic = `${prefix}-topic`
const unknown = `${prefix}-x`
const adm = new Kafka({ clientId: 'yakt-test', brokers: [seed], logLevel: logLevel.NOTHING })
  .admin({ retry: { retries: 2 } })

const create = (name, more, options) => () => adm.createTopics({
  topics: [{ topic: name, numPartitions: 3, replicationFactor: 1, ...more }], ...options
}).then(created => { if (!created) throw Object.assign(new Error('exists'), { code: 36 }) })

async function topics () {
  await step('topic.create', create(topic))
  await step('topic.create.again', create(topic))
  await step('topic.create.factor', create(unknown, { replicationFactor: 9 }))
  await step('topic.create.config', create(unknown,
    { configEntries: [{ name: 'retention.ms', value: 'soon' }] }))
  await step('topic.create.name', create('not a name'))
  await step('topic.create.check', create(unknown, {}, { validateOnly: true, waitForLeaders: false }))
  await step('topic.list', () => until(async () => (await adm.listTopics()).includes(topic)))
  await step('topic.describe', () => until(async () =>
    (await adm.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length === 3))
  await step('topic.describe.unknown', () => adm.fetchTopicMetadata({ topics: [unknown] }))
  const partitions = (name, count) => () =>
    adm.createPartitions({ topicPartitions: [{ topic: name, count }] })
  await step('partitions.create', partitions(topic, 5))
  await step('partitions.create.fewer', partitions(topic, 2))
  await step('partitions.create.unknown', partitions(unknown, 2))
}

async function configs () {
  const type = ConfigResourceTypes.TOPIC
  const alter = (name, value) => () => adm.alterConfigs({
    validateOnly: false,
    resources: [{ type, name, configEntries: [{ name: 'retention.ms', value }] }]
  })
  await step('config.topic.set', alter(topic, '12345'))
  await step('config.topic.get', () => until(async () => {
    const answer = await adm.describeConfigs(
      { resources: [{ type, name: topic, configNames: ['retention.ms'] }] })
    return answer.resources[0].configEntries[0].configValue === '12345'
  }))
  await step('config.topic.invalid', alter(topic, 'soon'))
  await step('config.topic.unknown', alter(unknown, '1'))
}

async function acls () {
  const acl = {
    resourceType: AclResourceTypes.TOPIC,
    resourceName: 't',
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal: 'User:a',
    host: '*',
    operation: AclOperationTypes.READ,
    permissionType: AclPermissionTypes.ALLOW
  }
  await step('acl.create', () => adm.createAcls({ acl: [acl] }))
  await step('acl.describe', () => adm.describeAcls(acl))
  await step('acl.delete', () => adm.deleteAcls({ filters: [acl] }))
}

async function groups () {
  const groupId = `${prefix}-group`
  await step('group.offsets.set', () => until(async () => {
    await adm.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '7' }] })
    return true
  }))
  await step('group.offsets.get', async () => {
    const [{ partitions }] = await adm.fetchOffsets({ groupId, topics: [topic] })
    equal(partitions.find(p => p.partition === 0).offset, '7')
  })
  await step('group.list', () => until(async () =>
    (await adm.listGroups()).groups.some(g => g.groupId === groupId)))
  await step('group.describe', async () =>
    equal((await adm.describeGroups([groupId])).groups[0].state, 'Empty'))
  const remove = () => adm.deleteGroups([groupId])
  await step('group.delete', remove)
  await step('group.delete.unknown', remove)
}

async function partitions () {
  const reassign = (name, replicas) => () => adm.alterPartitionReassignments(
    { topics: [{ topic: name, partitionAssignment: [{ partition: 0, replicas }] }] })
  await step('reassign.start', reassign(topic, [1]))
  await step('reassign.broker', reassign(topic, [99]))
  await step('reassign.unknown', reassign(unknown, [1]))
  await step('reassign.list', async () => equal((await adm.listPartitionReassignments(
    { topics: [{ topic, partitions: [0] }] })).topics.length, 0))
  await step('records.delete', () => adm.deleteTopicRecords(
    { topic, partitions: [{ partition: 0, offset: '0' }] }))
}

await adm.connect()
await topics()
await configs()
await acls()
await groups()
await partitions()
await step('topic.delete', () => adm.deleteTopics({ topics: [topic] }))
await step('topic.delete.unknown', () => adm.deleteTopics({ topics: [unknown] }))
await adm.disconnect()
