import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.List;

import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.image.MetadataDelta;
import org.apache.kafka.image.MetadataImage;
import org.apache.kafka.image.MetadataProvenance;
import org.apache.kafka.image.writer.ImageWriterOptions;
import org.apache.kafka.image.writer.RecordListWriter;
import org.apache.kafka.metadata.MetadataRecordSerde;
import org.apache.kafka.raft.Batch;
import org.apache.kafka.server.common.ApiMessageAndVersion;

/**
 * Loads metadata logs and snapshots as a broker does: batches with the raft client's own iterator,
 * records with MetadataDelta. Then it writes the image as a snapshot's records, as a broker does
 * now and then, and loads those too.
 *
 * Standard input: for each file a byte (0 log, 1 snapshot), its length (int32) and its bytes.
 * Standard output: for each file a line, "loaded" or "failed OFFSET TEXT", where OFFSET is that of
 * the record, or of the unreadable batch.
 */
public class LogReader {
    private static final int MAX_BATCH_BYTES = 8 << 20;

    private MetadataImage image = MetadataImage.EMPTY;
    private MetadataDelta delta;
    private long offset;

    public static void main(String[] args) throws Exception {
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (int kind = in.read(); kind >= 0; kind = in.read()) {
            byte[] file = new byte[in.readInt()];
            in.readFully(file);
            out.println(new LogReader().load(file, kind == 1));
        }
        out.flush();
    }

    private String load(byte[] file, boolean snapshot) {
        try {
            read(file, snapshot);
            rewrite();
            return "loaded";
        } catch (Throwable t) {
            StringBuilder text = new StringBuilder();
            for (Throwable cause = t; cause != null; cause = cause.getCause()) {
                text.append(text.length() == 0 ? "" : ": ").append(cause);
            }
            return "failed " + offset + " " + text.toString().replaceAll("\\s+", " ");
        }
    }

    private void read(byte[] file, boolean snapshot) throws Exception {
        delta = newDelta(image);
        boolean inTransaction = false;
        Batch<ApiMessageAndVersion> last = null;
        for (Iterator<Batch<ApiMessageAndVersion>> batches = batches(file); batches.hasNext(); ) {
            last = batches.next();
            offset = last.baseOffset();
            for (ApiMessageAndVersion record : last.records()) {
                switch (record.message().apiKey()) {
                    case 23: inTransaction = true; apply(last); break;
                    case 24: inTransaction = false; break;
                    case 25: inTransaction = false; delta = newDelta(image); break;
                    default: delta.replay(record.message());
                }
                offset++;
            }
            offset = last.lastOffset() + 1;
            if (!snapshot && !inTransaction) {
                apply(last);
            }
        }
        if (snapshot && last != null) {
            delta.finishSnapshot();
            apply(last);
        }
    }

    private void apply(Batch<ApiMessageAndVersion> last) {
        image = delta.apply(new MetadataProvenance(last.lastOffset(), last.epoch(),
                last.appendTimestamp(), true));
        delta = newDelta(image);
    }

    private static MetadataDelta newDelta(MetadataImage image) {
        return new MetadataDelta.Builder().setImage(image).build();
    }

    /** Writes the image's records, and loads them. */
    private void rewrite() {
        if (image.features().metadataVersion() == null) { // 4.0 has no Optional here
            return;
        }
        RecordListWriter writer = new RecordListWriter();
        image.write(writer, new ImageWriterOptions.Builder(image).build());
        writer.close(true);
        MetadataDelta again = newDelta(MetadataImage.EMPTY);
        for (ApiMessageAndVersion record : writer.records()) {
            ObjectSerializationCache cache = new ObjectSerializationCache();
            ByteBuffer buffer = ByteBuffer.allocate(MetadataRecordSerde.INSTANCE.recordSize(record,
                    cache));
            MetadataRecordSerde.INSTANCE.write(record, cache, new ByteBufferAccessor(buffer));
            buffer.flip();
            again.replay(MetadataRecordSerde.INSTANCE.read(new ByteBufferAccessor(buffer),
                    buffer.remaining()).message());
        }
        again.finishSnapshot();
        again.apply(image.provenance());
    }

    /**
     * The raft client's RecordsIterator over the batches of a file; its classes are in different
     * packages in different releases.
     */
    @SuppressWarnings("unchecked")
    private static Iterator<Batch<ApiMessageAndVersion>> batches(byte[] file) throws Exception {
        Object records = oneOf("org.apache.kafka.common.record.internal.MemoryRecords",
                "org.apache.kafka.common.record.MemoryRecords")
            .getMethod("readableRecords", ByteBuffer.class).invoke(null, ByteBuffer.wrap(file));
        Class<?> suppliers = oneOf("org.apache.kafka.common.utils.internals.BufferSupplier",
                "org.apache.kafka.common.utils.BufferSupplier");
        Constructor<?> make = Class.forName("org.apache.kafka.raft.internals.RecordsIterator")
                .getConstructors()[0];
        List<Object> args = new java.util.ArrayList<>(List.of(
            records, MetadataRecordSerde.INSTANCE, suppliers.getField("NO_CACHING").get(null),
            MAX_BATCH_BYTES, true));
        if (make.getParameterCount() > args.size()) {
            args.add(oneOf("org.apache.kafka.common.utils.internals.LogContext",
                    "org.apache.kafka.common.utils.LogContext")
                .getConstructor().newInstance());
        }
        return (Iterator<Batch<ApiMessageAndVersion>>) make.newInstance(args.toArray());
    }

    private static Class<?> oneOf(String... names) throws ClassNotFoundException {
        ClassNotFoundException missing = null;
        for (String name : names) {
            try {
                return Class.forName(name);
            } catch (ClassNotFoundException e) {
                missing = e;
            }
        }
        throw missing;
    }
}
