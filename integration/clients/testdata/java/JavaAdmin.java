import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.FeatureUpdate;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UpdateFeaturesOptions;
import org.apache.kafka.clients.admin.UserScramCredentialDeletion;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.quota.ClientQuotaFilterComponent;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/** Kafka's own admin client: JavaAdmin SEED PREFIX. Each step prints its name and Kafka's code. */
public class JavaAdmin {
    interface Action {
        void run() throws Exception;
    }

    final Admin admin;
    final String prefix;
    final String topic;
    final String unknown;

    JavaAdmin(Admin admin, String prefix) {
        this.admin = admin;
        this.prefix = prefix;
        this.topic = prefix + "-topic";
        this.unknown = prefix + "-x";
    }

    public static void main(String[] args) throws Exception {
        Map<String, Object> settings = Map.of("bootstrap.servers", args[0]);
        try (Admin admin = Admin.create(settings)) {
            JavaAdmin steps = new JavaAdmin(admin, args[1]);
            steps.topics();
            steps.configs();
            steps.quotas();
            steps.security();
            steps.groups();
            steps.partitions();
            steps.features();
            step("topic.delete", () -> get(admin.deleteTopics(Set.of(steps.topic)).all()));
            step("topic.delete.unknown", () ->
                get(admin.deleteTopics(Set.of(steps.unknown)).all()));
        }
    }

    static void step(String name, Action action) {
        String outcome = "0";
        try {
            action.run();
        } catch (ExecutionException e) {
            outcome = String.valueOf(Errors.forException(e.getCause()).code());
            if (outcome.equals("-1")) {
                outcome = e.getCause().toString();
            }
        } catch (Exception e) {
            outcome = e.toString();
        }
        System.out.println(name + "\t" + outcome);
    }

    static <T> T get(KafkaFuture<T> future) throws Exception {
        return future.get();
    }

    static void equal(Object got, Object want) {
        if (!got.equals(want)) {
            throw new IllegalStateException("unexpected: " + got + ", want " + want);
        }
    }

    /** Brokers learn of a change a moment after its answer. */
    static void until(Action look) throws Exception {
        for (int i = 0; ; i++) {
            try {
                look.run();
                return;
            } catch (Exception e) {
                if (i == 100) {
                    throw e;
                }
                Thread.sleep(100);
            }
        }
    }

    void topics() {
        NewTopic good = new NewTopic(topic, 3, (short) 1);
        step("topic.create", () -> create(good, false));
        step("topic.create.again", () -> create(good, false));
        step("topic.create.factor", () -> create(new NewTopic(unknown, 3, (short) 9), false));
        step("topic.create.config", () -> create(new NewTopic(unknown, 3, (short) 1)
            .configs(Map.of("retention.ms", "soon")), false));
        step("topic.create.name", () -> create(new NewTopic("not a name", 3, (short) 1), false));
        step("topic.create.check", () -> create(new NewTopic(unknown, 1, (short) 1), true));
        step("topic.list", () -> until(() ->
            equal(get(admin.listTopics().names()).contains(topic), true)));
        step("topic.describe", () -> until(() -> equal(describe(topic), 3)));
        step("topic.describe.unknown", () -> describe(unknown));
        step("partitions.create", () -> partitions(topic, 5));
        step("partitions.create.fewer", () -> partitions(topic, 2));
        step("partitions.create.unknown", () -> partitions(unknown, 2));
    }

    void create(NewTopic t, boolean check) throws Exception {
        CreateTopicsOptions options = new CreateTopicsOptions().validateOnly(check);
        get(admin.createTopics(List.of(t), options).all());
    }

    int describe(String name) throws Exception {
        return get(admin.describeTopics(List.of(name)).allTopicNames()).get(name)
            .partitions().size();
    }

    void partitions(String name, int count) throws Exception {
        get(admin.createPartitions(Map.of(name, NewPartitions.increaseTo(count))).all());
    }

    void configs() {
        ConfigResource here = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        ConfigResource nowhere = new ConfigResource(ConfigResource.Type.TOPIC, unknown);
        AlterConfigOp.OpType set = AlterConfigOp.OpType.SET;
        AlterConfigOp.OpType delete = AlterConfigOp.OpType.DELETE;
        step("config.topic.set", () -> alter(here, "retention.ms", "12345", set));
        step("config.topic.get", () -> until(() -> shown(here, "retention.ms", "12345")));
        step("config.topic.invalid", () -> alter(here, "retention.ms", "soon", set));
        step("config.topic.unset", () -> alter(here, "retention.ms", "", delete));
        step("config.topic.unknown", () -> alter(nowhere, "retention.ms", "1", set));
        ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, "1");
        step("config.broker.set", () -> alter(broker, "log.cleaner.threads", "2", set));
        step("config.broker.get", () -> until(() -> shown(broker, "log.cleaner.threads", "2")));
        step("config.broker.unset", () -> alter(broker, "log.cleaner.threads", "", delete));
    }

    void alter(ConfigResource r, String key, String value, AlterConfigOp.OpType type)
            throws Exception {
        Collection<AlterConfigOp> ops =
            List.of(new AlterConfigOp(new ConfigEntry(key, value), type));
        get(admin.incrementalAlterConfigs(Map.of(r, ops)).all());
    }

    void shown(ConfigResource r, String key, String value) throws Exception {
        equal(get(admin.describeConfigs(List.of(r)).all()).get(r).get(key).value(), value);
    }

    void quotas() {
        ClientQuotaEntity user = new ClientQuotaEntity(Map.of("user", prefix + "-user"));
        step("quota.set", () -> quota(user, "producer_byte_rate", 1000.0));
        step("quota.get", () -> until(() -> equal(get(admin.describeClientQuotas(
            ClientQuotaFilter.containsOnly(List.of(ClientQuotaFilterComponent.ofEntity(
                "user", prefix + "-user")))).entities()).get(user).get("producer_byte_rate"),
            1000.0)));
        step("quota.invalid", () -> quota(user, "no_such_rate", 1.0));
        step("quota.unset", () -> quota(user, "producer_byte_rate", null));
    }

    void quota(ClientQuotaEntity entity, String key, Double value) throws Exception {
        get(admin.alterClientQuotas(List.of(new ClientQuotaAlteration(entity,
            List.of(new ClientQuotaAlteration.Op(key, value))))).all());
    }

    void security() {
        String user = prefix + "-user";
        ScramMechanism sha256 = ScramMechanism.SCRAM_SHA_256;
        step("scram.set", () -> get(admin.alterUserScramCredentials(
            List.of(new UserScramCredentialUpsertion(user,
                new ScramCredentialInfo(sha256, 4096), "secret"))).all()));
        step("scram.get", () -> until(() -> equal(scramIterations(user), 4096)));
        Action remove = () -> get(admin.alterUserScramCredentials(
            List.of(new UserScramCredentialDeletion(user, sha256))).all());
        step("scram.unset", remove);
        step("scram.unset.again", remove);
        step("scram.unknown", () -> scramIterations(unknown));
        AclBinding acl = new AclBinding(
            new ResourcePattern(ResourceType.TOPIC, "t", PatternType.LITERAL),
            new AccessControlEntry("User:a", "*", AclOperation.READ, AclPermissionType.ALLOW));
        step("acl.create", () -> get(admin.createAcls(List.of(acl)).all()));
        step("acl.describe", () -> get(admin.describeAcls(acl.toFilter()).values()));
        step("acl.delete", () -> get(admin.deleteAcls(List.of(acl.toFilter())).all()));
    }

    int scramIterations(String user) throws Exception {
        return get(admin.describeUserScramCredentials(List.of(user)).description(user))
            .credentialInfos().get(0).iterations();
    }

    void groups() {
        String group = prefix + "-group";
        TopicPartition partition = new TopicPartition(topic, 0);
        step("group.offsets.set", () -> until(() -> get(admin.alterConsumerGroupOffsets(group,
            Map.of(partition, new OffsetAndMetadata(7))).all())));
        step("group.offsets.get", () -> equal(get(admin.listConsumerGroupOffsets(group)
            .partitionsToOffsetAndMetadata()).get(partition).offset(), 7L));
        step("group.list", () -> until(() -> equal(get(admin.listGroups().all()).stream()
            .anyMatch(g -> g.groupId().equals(group)), true)));
        step("group.describe", () -> equal(get(admin.describeConsumerGroups(List.of(group))
            .all()).get(group).groupId(), group));
        Action remove = () -> get(admin.deleteConsumerGroups(List.of(group)).all());
        step("group.delete", remove);
        step("group.delete.unknown", remove);
    }

    void partitions() {
        step("reassign.start", () -> reassign(topic, 1));
        step("reassign.broker", () -> reassign(topic, 99));
        step("reassign.unknown", () -> reassign(unknown, 1));
        step("reassign.cancel", () -> get(admin.alterPartitionReassignments(
            Map.of(new TopicPartition(topic, 0), Optional.empty())).all()));
        step("reassign.list", () -> equal(get(admin.listPartitionReassignments(
            Set.of(new TopicPartition(topic, 0))).reassignments()).size(), 0));
        step("elect.preferred", () -> elect(topic));
        step("elect.unknown", () -> elect(unknown));
        TopicPartition here = new TopicPartition(topic, 0);
        step("offsets.list", () -> equal(get(admin.listOffsets(
            Map.of(here, OffsetSpec.latest())).all()).get(here).offset(), 0L));
        step("records.delete", () -> get(admin.deleteRecords(
            Map.of(here, RecordsToDelete.beforeOffset(0))).all()));
    }

    void reassign(String name, int broker) throws Exception {
        get(admin.alterPartitionReassignments(Map.of(new TopicPartition(name, 0),
            Optional.of(new NewPartitionReassignment(List.of(broker))))).all());
    }

    void elect(String name) throws Exception {
        get(admin.electLeaders(ElectionType.PREFERRED,
            Set.of(new TopicPartition(name, 0))).all());
    }

    void features() {
        step("features.describe", () -> equal(get(admin.describeFeatures().featureMetadata())
            .finalizedFeatures().containsKey("metadata.version"), true));
        step("features.unknown", () -> get(admin.updateFeatures(
            Map.of("no.such.feature",
                new FeatureUpdate((short) 1, FeatureUpdate.UpgradeType.UPGRADE)),
            new UpdateFeaturesOptions().validateOnly(true)).all()));
    }
}
