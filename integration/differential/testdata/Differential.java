package org.apache.kafka.controller;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

import kafka.network.RequestChannel;
import kafka.server.ControllerApis;
import kafka.server.ControllerConfigurationValidator;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;

import org.apache.kafka.common.Node;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.memory.MemoryPool;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.metadata.ClearElrRecord;
import org.apache.kafka.common.metadata.FeatureLevelRecord;
import org.apache.kafka.common.metadata.NoOpRecord;
import org.apache.kafka.common.metadata.RemoveTopicRecord;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.network.ClientInformation;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.requests.AbstractResponse;
import org.apache.kafka.common.requests.RequestContext;
import org.apache.kafka.common.requests.RequestHeader;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.MetadataRecordSerde;
import org.apache.kafka.metadata.PartitionRegistration;
import org.apache.kafka.metadata.bootstrap.BootstrapMetadata;
import org.apache.kafka.network.Request;
import org.apache.kafka.network.metrics.RequestChannelMetrics;
import org.apache.kafka.raft.Batch;
import org.apache.kafka.raft.LeaderAndEpoch;
import org.apache.kafka.raft.RaftClient;
import org.apache.kafka.raft.internals.MemoryBatchReader;
import org.apache.kafka.server.common.ApiMessageAndVersion;
import org.apache.kafka.server.common.KRaftVersion;
import org.apache.kafka.server.common.OffsetAndEpoch;
import org.apache.kafka.server.fault.FaultHandler;
import org.apache.kafka.server.quota.QuotaFactory;
import org.apache.kafka.snapshot.SnapshotWriter;

/**
 * Runs Kafka's own controller (ControllerApis over QuorumController), one command a line, over a
 * log that is a list in memory and a clock that stands still. It reports the records that it would
 * write, and then replays other ones: a command brings the records that the other controller wrote
 * for the same request. So both always have the same log, however different their own records are.
 *
 *   new LEVELS PROPERTIES      a new controller, standby, with an empty log;
 *                              LEVELS is name=level,..., PROPERTIES is key=value;...
 *   time NANOS
 *   follow END RECORDS         a standby replays records of another leader; the log ends at END
 *   lead EPOCH END RECORDS     it becomes active; RECORDS replace those of its activation
 *   lose EPOCH                 it becomes standby
 *   request KEY VERSION BODY RECORDS
 *   stale BROKER RECORDS       fences that broker if its session has ended; -1 ends the sessions
 *                              that concern no other broker: see stale()
 *   end BROKER EPOCH           ends that session
 *   read BROKER FENCED OFFSET  sets that broker's metadata offset, as a heartbeat does
 *   silent NANOS               lists the unfenced brokers without a heartbeat for longer than that
 *   preferred RECORDS, unclean RECORDS   the periodic elections
 *
 * RECORDS is hex,hex,... or "-" for none. Every command is answered by "record HEX" lines,
 * "fault TEXT" lines and "done RESULT".
 */
public class Differential {
    private static final HexFormat HEX = HexFormat.of();
    private static final int NODE = 3000;

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        System.setOut(System.err); // for code that logs to the console
        Differential driver = new Differential(out);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in,
                StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            driver.command(line.split(" "));
            out.flush();
        }
        System.exit(0);
    }

    private final PrintStream out;
    private final Clock clock = new Clock();
    private final List<String> faults = new ArrayList<>();
    private final RequestChannelMetrics channelMetrics =
            new RequestChannelMetrics(ApiMessageType.ListenerType.CONTROLLER);
    private final Channel channel = new Channel();
    private final KafkaPrincipal anonymous = KafkaPrincipal.ANONYMOUS;
    private final InetAddress address = InetAddress.getLoopbackAddress();

    private QuorumController controller;
    private QuotaFactory.QuotaManagers quotas;
    private ControllerApis apis;
    private Log log;

    private Differential(PrintStream out) {
        this.out = out;
    }

    private void command(String[] words) throws Exception {
        String result;
        try {
            result = run(words);
        } catch (Exception e) {
            faults.add(e.toString());
            result = "-";
        }
        for (ApiMessageAndVersion record : log.wanted) {
            out.println("record " + HEX.formatHex(framed(record)));
        }
        log.wanted.clear();
        synchronized (faults) {
            for (String fault : faults) {
                out.println("fault " + fault.replaceAll("\\s+", " "));
            }
            faults.clear();
        }
        out.println("done " + result);
    }

    private String run(String[] words) throws Exception {
        switch (words[0]) {
            case "new":
                start(words[1], words[2]);
                return "-";
            case "time":
                clock.nanos = Long.parseLong(words[1]);
                return "-";
            case "follow":
                log.follow(Long.parseLong(words[1]), records(words[2]));
                return barrier();
            case "lead":
                log.end = Long.parseLong(words[2]);
                log.replacement = records(words[3]);
                log.leads(OptionalInt.of(NODE), Integer.parseInt(words[1]));
                barrier(); // the activation is at the front of the queue
                return barrier();
            case "lose":
                log.leads(OptionalInt.empty(), Integer.parseInt(words[1]));
                return barrier();
            case "request":
                log.replacement = records(words[4]);
                return finish(request(ApiKeys.forId(Integer.parseInt(words[1])),
                        Short.parseShort(words[2]), HEX.parseHex(words[3].substring(1))));
            case "stale":
                return stale(Integer.parseInt(words[1]), records(words[2]));
            case "end":
                contacts().remove(new BrokerIdAndEpoch(Integer.parseInt(words[1]),
                        Long.parseLong(words[2])));
                return "-";
            case "read":
                controller.clusterControl().heartbeatManager().touch(Integer.parseInt(words[1]),
                        Boolean.parseBoolean(words[2]), Long.parseLong(words[3]));
                return "-";
            case "silent":
                return silent(Long.parseLong(words[1]));
            case "preferred":
                log.replacement = records(words[1]);
                return finish(task(
                        () -> controller.replicationControl().maybeBalancePartitionLeaders()));
            case "unclean":
                log.replacement = records(words[1]);
                return finish(task(
                        () -> controller.replicationControl().maybeElectUncleanLeaders()));
            default:
                throw new IllegalArgumentException(words[0]);
        }
    }

    /**
     * start makes a controller as ControllerServer does, except for its periodic tasks, which are
     * commands here.
     */
    private void start(String levels, String properties) throws Exception {
        if (controller != null) {
            controller.close();
            quotas.shutdown();
        }
        Properties props = new Properties();
        for (String property : properties.split(";")) {
            int i = property.indexOf('=');
            props.put(property.substring(0, i), property.substring(i + 1));
        }
        KafkaConfig config = new KafkaConfig(props, false);
        List<ApiMessageAndVersion> bootstrap = new ArrayList<>();
        for (String level : levels.split(",")) {
            String[] pair = level.split("=");
            bootstrap.add(new ApiMessageAndVersion(new FeatureLevelRecord().setName(pair[0])
                    .setFeatureLevel(Short.parseShort(pair[1])), (short) 0));
        }
        log = new Log();
        FaultHandler faultHandler = (message, cause) -> {
            synchronized (faults) {
                faults.add(message + " " + cause);
            }
            return new RuntimeException(message, cause);
        };
        controller = new QuorumController.Builder(NODE, props.getProperty("cluster.id")).
            setTime(clock).
            setConfigSchema(KafkaRaftServer.configSchema()).
            setRaftClient(log).
            setQuorumFeatures(new QuorumFeatures(NODE,
                    QuorumFeatures.defaultSupportedFeatureMap(false), List.of(NODE))).
            setDefaultReplicationFactor((short) config.defaultReplicationFactor()).
            setDefaultNumPartitions(config.numPartitions()).
            setSessionTimeoutNs(TimeUnit.MILLISECONDS.toNanos(config.brokerSessionTimeoutMs())).
            setFenceStaleBrokerIntervalNs(Long.MAX_VALUE / 4).
            setUncleanLeaderElectionCheckIntervalMs(TimeUnit.DAYS.toMillis(10_000)).
            setDelegationTokenExpiryCheckIntervalMs(TimeUnit.DAYS.toMillis(10_000)).
            setControllerPerformanceSamplePeriodMs(TimeUnit.DAYS.toMillis(10_000)).
            setConfigurationValidator(new ControllerConfigurationValidator(config)).
            setStaticConfig(config.originals()).
            setBootstrapMetadata(BootstrapMetadata.fromRecords(bootstrap, "differential")).
            setFatalFaultHandler(faultHandler).
            setNonFatalFaultHandler(faultHandler).
            build();
        quotas = QuotaFactory.instantiate(config, new Metrics(), clock, "differential",
                "controller");
        apis = new ControllerApis(channel, scala.Option.empty(), quotas, clock, controller, null,
                config, props.getProperty("cluster.id"), null, null, null);
    }

    /** request passes a request's body to ControllerApis, as the controller listener does. */
    private CompletableFuture<String> request(ApiKeys key, short version, byte[] body) {
        RequestHeader header = new RequestHeader(key, version, "differential", 1);
        RequestContext context = new RequestContext(header, "differential", address, anonymous,
                new ListenerName("CONTROLLER"),
            SecurityProtocol.PLAINTEXT, ClientInformation.EMPTY, true);
        Request request = new Request(0, context, clock.nanos, MemoryPool.NONE,
                ByteBuffer.wrap(body), channelMetrics);
        channel.answer = new CompletableFuture<>();
        apis.handle(request, null);
        return channel.answer;
    }

    private CompletableFuture<String> task(Supplier<ControllerResult<Boolean>> op) {
        return controller.appendWriteEvent("task", OptionalLong.empty(),
                op::get).thenApply(String::valueOf);
    }

    /**
     * finish waits for an operation's result. Records that the other controller wrote and this one
     * did not are written after it.
     */
    private String finish(CompletableFuture<String> result) throws Exception {
        String answer;
        try {
            answer = result.get(30, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            faults.add("exception " + e.getCause());
            answer = "-";
        }
        List<ApiMessageAndVersion> left = log.replacement;
        if (!left.isEmpty() && controller.curClaimEpoch() != -1) {
            controller.appendWriteEvent("left", OptionalLong.empty(),
                    () -> ControllerResult.of(new ArrayList<>(List.of(left.get(0))), ""))
                    .get(30, TimeUnit.SECONDS);
            log.wanted.remove(log.wanted.size() - 1);
        }
        log.replacement = new ArrayList<>();
        return answer;
    }

    private String barrier() throws Exception {
        return controller.appendReadEvent("barrier", OptionalLong.empty(), () -> "-")
                .get(30, TimeUnit.SECONDS);
    }

    /**
     * stale runs the task that fences brokers whose sessions have ended. The order of several is
     * undefined: the caller sets it. With -1 it runs only for sessions whose end should write
     * nothing new: those of unknown registrations, and of brokers that are already fenced.
     */
    private String stale(int broker, List<ApiMessageAndVersion> replacement) throws Exception {
        BrokerHeartbeatTracker tracker = controller.clusterControl().heartbeatManager().tracker();
        ConcurrentHashMap<BrokerIdAndEpoch, Long> contacts = contacts();
        Map<BrokerIdAndEpoch, Long> all = new HashMap<>(contacts);
        StringBuilder answer = new StringBuilder("=");
        for (Map.Entry<BrokerIdAndEpoch, Long> contact : all.entrySet()) {
            BrokerIdAndEpoch id = contact.getKey();
            if (!tracker.isExpired(contact.getValue(), clock.nanos) ||
                    (broker == -1 ? live(id) : id.id() != broker || !live(id))) {
                continue;
            }
            contacts.clear();
            contacts.put(id, contact.getValue());
            log.replacement = replacement;
            finish(task(() -> controller.replicationControl().maybeFenceOneStaleBroker()));
            all.put(id, null);
            answer.append(id.id()).append(',');
        }
        contacts.clear();
        all.forEach((id, at) -> {
            if (at != null) contacts.put(id, at);
        });
        return answer.toString();
    }

    @SuppressWarnings("unchecked")
    private ConcurrentHashMap<BrokerIdAndEpoch, Long> contacts()
            throws ReflectiveOperationException {
        BrokerHeartbeatTracker tracker = controller.clusterControl().heartbeatManager().tracker();
        return (ConcurrentHashMap<BrokerIdAndEpoch, Long>) field(BrokerHeartbeatTracker.class,
                tracker, "contactTimes");
    }

    private static Object field(Class<?> of, Object object, String name)
            throws ReflectiveOperationException {
        Field field = of.getDeclaredField(name);
        field.setAccessible(true);
        return field.get(object);
    }

    private boolean live(BrokerIdAndEpoch id) {
        var registration = controller.clusterControl().brokerRegistrations().get(id.id());
        return registration != null && registration.epoch() == id.epoch() && !registration.fenced();
    }

    private String silent(long nanos) {
        StringBuilder answer = new StringBuilder("=");
        controller.clusterControl().brokerRegistrations().forEach((id, registration) -> {
            BrokerIdAndEpoch key = new BrokerIdAndEpoch(id, registration.epoch());
            OptionalLong at = controller.clusterControl().heartbeatManager().tracker()
                    .contactTime(key);
            if (!registration.fenced() && (at.isEmpty() || clock.nanos - at.getAsLong() > nanos)) {
                answer.append(id).append(',');
            }
        });
        return answer.toString();
    }

    private static List<ApiMessageAndVersion> records(String text) {
        List<ApiMessageAndVersion> records = new ArrayList<>();
        if (text.equals("-")) {
            return records;
        }
        for (String hex : text.split(",")) {
            byte[] bytes = HEX.parseHex(hex);
            records.add(MetadataRecordSerde.INSTANCE.read(
                    new ByteBufferAccessor(ByteBuffer.wrap(bytes)), bytes.length));
        }
        return records;
    }

    private static byte[] framed(ApiMessageAndVersion record) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(MetadataRecordSerde.INSTANCE.recordSize(record,
                cache));
        MetadataRecordSerde.INSTANCE.write(record, cache, new ByteBufferAccessor(buffer));
        return buffer.array();
    }

    /** Channel receives responses in place of the network. */
    private class Channel extends RequestChannel {
        private volatile CompletableFuture<String> answer;

        Channel() {
            super(10, clock, channelMetrics);
        }

        @Override
        public void sendResponse(Request request, AbstractResponse response) {
            short version = request.context().apiVersion();
            ObjectSerializationCache cache = new ObjectSerializationCache();
            ByteBuffer buffer = ByteBuffer.allocate(response.data().size(cache, version));
            response.data().write(new ByteBufferAccessor(buffer), cache, version);
            answer.complete("=" + HEX.formatHex(buffer.array()));
        }
    }

    /** Log is the replicated log: proposals are replaced and then committed at once. */
    private class Log implements RaftClient<ApiMessageAndVersion> {
        // what the controller proposed
        private final List<ApiMessageAndVersion> wanted = new ArrayList<>();
        private volatile List<ApiMessageAndVersion> replacement = new ArrayList<>();
        private volatile Listener<ApiMessageAndVersion> listener;
        private volatile LeaderAndEpoch leader = LeaderAndEpoch.UNKNOWN;
        private volatile long end;
        private List<ApiMessageAndVersion> prepared;

        @Override
        public long prepareAppend(int epoch, List<ApiMessageAndVersion> records) {
            wanted.addAll(records);
            List<ApiMessageAndVersion> ours = replacement;
            replacement = new ArrayList<>();
            if (!records.equals(ours)) {
                // the controller will replay these
                List<ApiMessageAndVersion> own = writable(records);
                own.clear();
                own.addAll(ours);
            }
            mend(ours);
            prepared = ours;
            end += ours.size();
            return end - 1;
        }

        /**
         * writable is the list behind an unmodifiable one; it needs
         * --add-opens java.base/java.util=ALL-UNNAMED.
         */
        @SuppressWarnings("unchecked")
        private List<ApiMessageAndVersion> writable(List<ApiMessageAndVersion> records) {
            try {
                Class<?> unmodifiable = Class.forName("java.util.Collections$UnmodifiableList");
                if (!unmodifiable.isInstance(records)) {
                    return records;
                }
                return (List<ApiMessageAndVersion>) field(unmodifiable, records, "list");
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void schedulePreparedAppend() {
            commit();
        }

        private void commit() {
            if (prepared.isEmpty()) { // the last offset again, for operations that wait for it
                prepared = List.of(new ApiMessageAndVersion(new NoOpRecord(), (short) 0));
            }
            listener.handleCommit(MemoryBatchReader.of(List.of(Batch.data(end - prepared.size(),
                    leader.epoch(), 0, 0, prepared)), reader -> { }));
        }

        void follow(long newEnd, List<ApiMessageAndVersion> records) {
            end = newEnd;
            prepared = records;
            if (!records.isEmpty()) {
                mend(records);
                commit();
            }
        }

        /**
         * mend does what Kafka's replay of these records omits, since Kafka would later fail in any
         * operation because of it: a ClearElrRecord does not update the index of ELRs, and a
         * RemoveTopicRecord does not update that of directories, for partitions with an empty ISR.
         * Deleted topics stay in both.
         */
        private void mend(List<ApiMessageAndVersion> records) {
            Set<String> cleared = new HashSet<>(); // "" means all topics
            for (ApiMessageAndVersion record : records) {
                if (record.message() instanceof ClearElrRecord clear) {
                    cleared.add(clear.topicName());
                }
            }
            try {
                for (Map.Entry<Uuid, Object> topic : topics().entrySet()) {
                    if (cleared.contains("") ||
                            cleared.contains(field(topic.getValue().getClass(), topic.getValue(),
                                    "name"))) {
                        mendElrs(topic.getKey());
                    }
                }
                for (ApiMessageAndVersion record : records) {
                    if (record.message() instanceof RemoveTopicRecord remove) {
                        mendDirectories(remove.topicId());
                    }
                }
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(e);
            }
        }

        @SuppressWarnings("unchecked")
        private Map<Uuid, Object> topics() throws ReflectiveOperationException {
            return (Map<Uuid, Object>) field(ReplicationControlManager.class,
                    controller.replicationControl(), "topics");
        }

        @SuppressWarnings("unchecked")
        private Map<Integer, PartitionRegistration> partitions(Uuid topic)
                throws ReflectiveOperationException {
            Object info = topics().get(topic);
            return (Map<Integer, PartitionRegistration>) field(info.getClass(), info, "parts");
        }

        private void mendElrs(Uuid topic) throws ReflectiveOperationException {
            BrokersToElrs index = (BrokersToElrs) field(ReplicationControlManager.class,
                    controller.replicationControl(), "brokersToElrs");
            partitions(topic).forEach((id, partition) -> index.update(topic, id, partition.elr,
                    new int[0]));
        }

        private void mendDirectories(Uuid topic) throws ReflectiveOperationException {
            Method update = ReplicationControlManager.class.getDeclaredMethod(
                    "updatePartitionDirectories",
                    Uuid.class, int.class, Uuid[].class, Uuid[].class);
            update.setAccessible(true);
            for (Map.Entry<Integer, PartitionRegistration> partition :
                    partitions(topic).entrySet()) {
                if (partition.getValue().isr.length == 0) {
                    update.invoke(controller.replicationControl(), topic, partition.getKey(),
                            partition.getValue().directories, null);
                }
            }
        }

        void leads(OptionalInt id, int epoch) {
            leader = new LeaderAndEpoch(id, epoch);
            listener.handleLeaderChange(leader);
        }

        @Override
        public void register(Listener<ApiMessageAndVersion> listener) {
            this.listener = listener;
        }

        @Override
        public void unregister(Listener<ApiMessageAndVersion> listener) { }

        @Override
        public OptionalLong highWatermark() {
            return OptionalLong.of(end);
        }

        @Override
        public LeaderAndEpoch leaderAndEpoch() {
            return leader;
        }

        @Override
        public OptionalInt nodeId() {
            return OptionalInt.of(NODE);
        }

        @Override
        public Optional<Node> voterNode(int id, ListenerName listenerName) {
            return Optional.empty();
        }

        @Override
        public CompletableFuture<Void> shutdown(int timeoutMs) {
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public void resign(int epoch) { }

        @Override
        public Optional<SnapshotWriter<ApiMessageAndVersion>> createSnapshot(
                OffsetAndEpoch snapshotId, long lastContainedLogTime) {
            return Optional.empty();
        }

        @Override
        public Optional<OffsetAndEpoch> latestSnapshotId() {
            return Optional.empty();
        }

        @Override
        public long logEndOffset() {
            return end;
        }

        @Override
        public KRaftVersion kraftVersion() {
            return KRaftVersion.KRAFT_VERSION_1;
        }

        @Override
        public void upgradeKRaftVersion(int epoch, KRaftVersion version, boolean validateOnly) { }

        @Override
        public void close() { }
    }

    /** Clock stands still until its time is set. */
    private static class Clock implements Time {
        private volatile long nanos = 1;

        @Override
        public long milliseconds() {
            return TimeUnit.NANOSECONDS.toMillis(nanos);
        }

        @Override
        public long nanoseconds() {
            return nanos;
        }

        @Override
        public void sleep(long ms) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void waitObject(Object obj, Supplier<Boolean> condition, long deadlineMs) {
            throw new UnsupportedOperationException();
        }
    }
}
