import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Kafka's own clients, which know one address: JavaClients CASE SEED TOPIC NAME. */
public class JavaClients {
    static final int RECORDS = 5;
    static final Duration DEADLINE = Duration.ofSeconds(30);

    public static void main(String[] args) throws Exception {
        String seed = args[1];
        String topic = args[2];
        String name = args[3];
        switch (args[0]) {
            case "produce", "idempotent" -> produce(seed, topic, args[0].equals("idempotent"));
            case "transactions" -> transactions(seed, topic, name);
            case "read" -> read(seed, topic);
            case "group" -> group(seed, topic, name, "classic");
            case "consumer_protocol" -> group(seed, topic, name, "consumer");
            case "share" -> share(seed, topic, name);
            default -> throw new IllegalArgumentException(args[0]);
        }
        System.out.println("ok");
        System.exit(0);
    }

    static Properties properties(String seed, String... more) {
        Properties p = new Properties();
        p.put("bootstrap.servers", seed);
        p.put("default.api.timeout.ms", String.valueOf(DEADLINE.toMillis()));
        for (int i = 0; i < more.length; i += 2) {
            p.put(more[i], more[i + 1]);
        }
        return p;
    }

    /** The defaults are idempotent already; without idempotence is the special case. */
    static void produce(String seed, String topic, boolean idempotent) throws Exception {
        Properties p = properties(seed);
        p.remove("default.api.timeout.ms");
        if (!idempotent) {
            p.put("enable.idempotence", "false");
        }
        try (Producer<String, String> producer = producer(p)) {
            send(producer, topic);
        }
    }

    static Producer<String, String> producer(Properties p) {
        p.remove("default.api.timeout.ms");
        p.put("max.block.ms", String.valueOf(DEADLINE.toMillis()));
        return new KafkaProducer<>(p, new StringSerializer(), new StringSerializer());
    }

    static void send(Producer<String, String> producer, String topic) throws Exception {
        for (int i = 0; i < RECORDS; i++) {
            Future<?> sent = producer.send(new ProducerRecord<>(topic, "value " + i));
            sent.get();
        }
    }

    static void transactions(String seed, String topic, String name) throws Exception {
        try (Producer<String, String> p = producer(properties(seed, "transactional.id", name))) {
            p.initTransactions();
            p.beginTransaction();
            send(p, topic);
            p.sendOffsetsToTransaction(
                Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(1)),
                new ConsumerGroupMetadata(name));
            p.commitTransaction();
            p.beginTransaction();
            send(p, topic);
            p.abortTransaction();
        }
    }

    static void read(String seed, String topic) {
        Properties p = properties(seed, "auto.offset.reset", "earliest");
        try (Consumer<String, String> c = consumer(p)) {
            c.assign(List.of(new TopicPartition(topic, 0)));
            poll(c);
        }
    }

    static Consumer<String, String> consumer(Properties p) {
        p.put("enable.auto.commit", "false");
        return new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer());
    }

    static void poll(Consumer<String, String> c) {
        long until = System.nanoTime() + DEADLINE.toNanos();
        for (int seen = 0; seen < RECORDS; ) {
            check(until, seen);
            seen += c.poll(Duration.ofSeconds(1)).count();
        }
    }

    static void check(long until, int seen) {
        if (System.nanoTime() > until) {
            throw new IllegalStateException(seen + " of " + RECORDS + " records");
        }
    }

    static void group(String seed, String topic, String name, String protocol) {
        Properties p = properties(seed, "group.id", name, "auto.offset.reset", "earliest",
            "group.protocol", protocol);
        try (Consumer<String, String> c = consumer(p)) {
            c.subscribe(List.of(topic));
            poll(c);
            c.commitSync();
        }
    }

    /** A share group starts at the end of the topic, so records are sent meanwhile. */
    static void share(String seed, String topic, String name) throws Exception {
        Properties p = properties(seed, "group.id", name);
        long until = System.nanoTime() + DEADLINE.toNanos();
        try (KafkaShareConsumer<String, String> c = new KafkaShareConsumer<>(p,
                new StringDeserializer(), new StringDeserializer());
            Producer<String, String> producer = producer(properties(seed))) {
            c.subscribe(List.of(topic));
            for (int seen = 0; seen < RECORDS; ) {
                check(until, seen);
                producer.send(new ProducerRecord<>(topic, "shared"));
                ConsumerRecords<String, String> records = c.poll(Duration.ofSeconds(1));
                seen += records.count();
                c.commitSync();
            }
        }
    }
}
