import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.Random;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.KRaftVersionRecord;
import org.apache.kafka.common.message.LeaderChangeMessage;
import org.apache.kafka.common.message.SnapshotFooterRecord;
import org.apache.kafka.common.message.SnapshotHeaderRecord;
import org.apache.kafka.common.message.VotersRecord;
import org.apache.kafka.common.metadata.MetadataRecordType;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.metadata.MetadataRecordSerde;
import org.apache.kafka.server.common.ApiMessageAndVersion;

/**
 * Kafka's own codec of metadata and control records, one record a line.
 *
 *   Records generate SEED COUNT   prints COUNT random records of every type and version:
 *                                 "record ID VERSION HEX JSON", "control ID VERSION HEX JSON"
 *   Records echo                  reads "record HEX" and "control ID HEX", and prints the bytes
 *                                 that Kafka writes for the same record, or "error: ..."
 */
@SuppressWarnings("unchecked")
public class Records {
    private static final HexFormat HEX = HexFormat.of();
    private final Random random;

    private Records(long seed) {
        random = new Random(seed);
    }

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        if (args[0].equals("generate")) {
            new Records(Long.parseLong(args[1])).generate(Integer.parseInt(args[2]), out);
        } else {
            echo(out);
        }
        out.flush();
    }

    private static Message control(int type) {
        switch (type) {
            case 2: return new LeaderChangeMessage();
            case 3: return new SnapshotHeaderRecord();
            case 4: return new SnapshotFooterRecord();
            case 5: return new KRaftVersionRecord();
            case 6: return new VotersRecord();
            default: throw new IllegalArgumentException("control type " + type);
        }
    }

    private static byte[] bytes(Message message, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(buffer), cache, version);
        return buffer.array();
    }

    private static byte[] framed(ApiMessage message, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ApiMessageAndVersion record = new ApiMessageAndVersion(message, version);
        ByteBuffer buffer = ByteBuffer.allocate(MetadataRecordSerde.INSTANCE.recordSize(record,
                cache));
        MetadataRecordSerde.INSTANCE.write(record, cache, new ByteBufferAccessor(buffer));
        return buffer.array();
    }

    private static Object json(Message message, short version) throws Exception {
        Class<?> converter = Class.forName(message.getClass().getName() + "JsonConverter");
        return converter.getMethod("write", message.getClass(), short.class).invoke(null, message,
                version);
    }

    private void generate(int count, PrintStream out) throws Exception {
        for (MetadataRecordType type : MetadataRecordType.values()) {
            for (short version = type.lowestSupportedVersion();
                    version <= type.highestSupportedVersion(); version++) {
                for (int i = 0; i < count; i++) {
                    ApiMessage message = type.newMetadataRecord();
                    fill(message, message, version);
                    out.println("record " + type.id() + " " + version + " " +
                            HEX.formatHex(framed(message, version)) + " " + json(message, version));
                }
            }
        }
        for (int type = 2; type <= 6; type++) {
            for (int i = 0; i < count; i++) {
                Message message = control(type);
                fill(message, message, (short) 0);
                message.getClass().getMethod("setVersion", short.class).invoke(message, (short) 0);
                out.println("control " + type + " 0 " + HEX.formatHex(bytes(message, (short) 0)) +
                        " " + json(message, (short) 0));
            }
        }
    }

    private static void echo(PrintStream out) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in,
                StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            byte[] value = HEX.parseHex(words[words.length - 1]);
            try {
                if (words[0].equals("record")) {
                    ApiMessageAndVersion record = MetadataRecordSerde.INSTANCE.read(
                            new ByteBufferAccessor(ByteBuffer.wrap(value)), value.length);
                    out.println(HEX.formatHex(framed(record.message(), record.version())));
                } else {
                    Message message = control(Integer.parseInt(words[1]));
                    ByteBufferAccessor input = new ByteBufferAccessor(ByteBuffer.wrap(value));
                    message.read(input, (short) 0);
                    out.println(input.remaining() == 0 ? HEX.formatHex(bytes(message,
                            (short) 0)) : "error: " + input.remaining() + " bytes left");
                }
            } catch (RuntimeException e) {
                out.println("error: " + e);
            }
        }
    }

    /**
     * Sets each field that the version has to a random value; the others keep their defaults. root
     * is encoded to find out which fields those are.
     */
    private void fill(Message root, Object target, short version) throws Exception {
        for (Field field : target.getClass().getDeclaredFields()) {
            Method setter = setter(target, field);
            // those two belong to the collection
            if (setter == null || field.getName().equals("next") ||
                    field.getName().equals("prev")) {
                continue;
            }
            Object old = target.getClass().getMethod(field.getName()).invoke(target);
            for (int attempt = 0; attempt < 3; attempt++) {
                try {
                    setter.invoke(target, value(field.getGenericType(), version));
                    bytes(root, version);
                    break;
                // null where there is none, a number out of range, a version without the field
                } catch (RuntimeException | InvocationTargetException e) {
                    setter.invoke(target, old);
                }
            }
        }
    }

    private static Method setter(Object target, Field field) {
        String name = "set" + Character.toUpperCase(field.getName().charAt(0)) +
                field.getName().substring(1);
        for (Method m : target.getClass().getMethods()) {
            if (m.getName().equals(name) && m.getParameterCount() == 1 &&
                    m.getParameterTypes()[0] == field.getType()) {
                return m;
            }
        }
        return null;
    }

    private Object value(Type type, short version) throws Exception {
        if (type == boolean.class) return random.nextBoolean();
        if (type == byte.class) return (byte) random.nextInt();
        if (type == short.class) return (short) (random.nextInt() >> random.nextInt(32));
        if (type == int.class || type == Integer.class) {
            return random.nextBoolean() ? random.nextInt(65536) : random.nextInt();
        }
        if (type == long.class) return random.nextLong() >> random.nextInt(64);
        if (type == double.class) return random.nextGaussian() * 1e6;
        if (type == String.class) return random.nextInt(5) == 0 ? null : text();
        if (type == Uuid.class) return new Uuid(random.nextLong(), random.nextLong());
        if (type == byte[].class) {
            byte[] b = new byte[random.nextInt(40)];
            random.nextBytes(b);
            return b;
        }
        if (type instanceof ParameterizedType) {
            return random.nextInt(5) == 0 ? null : elements(new ArrayList<>(),
                    ((ParameterizedType) type).getActualTypeArguments()[0], version);
        }
        Class<?> c = (Class<?>) type;
        // a collection class of its own, indexed by a key of its elements
        if (Collection.class.isAssignableFrom(c)) {
            Type element = ((ParameterizedType) c.getGenericSuperclass())
                    .getActualTypeArguments()[0];
            return elements((Collection<Object>) c.getConstructor(int.class).newInstance(8),
                    element, version);
        }
        Object o = c.getConstructor().newInstance();
        fill((Message) o, o, version);
        return o;
    }

    private <C extends Collection<Object>> C elements(C into, Type element,
            short version) throws Exception {
        int n = random.nextInt(5);
        for (int i = 0; i < n; i++) {
            Object e = value(element, version);
            into.add(e == null ? "" : e);
        }
        return into;
    }

    private String text() {
        String letters = "abcdefghijk-._ 0123456789\u00e4\u00f6\u00fc\u20ac\u6f22";
        StringBuilder b = new StringBuilder();
        int n = random.nextInt(20) == 0 ? 200 : random.nextInt(12);
        for (int i = 0; i < n; i++) {
            b.append(letters.charAt(random.nextInt(letters.length())));
        }
        return b.toString();
    }
}
