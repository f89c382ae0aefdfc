import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.requests.RequestHeader;

/**
 * Runs Kafka's own parser of requests. It reads requests with their headers from standard input,
 * each after its length (int32), and answers each with a byte, a length (int32) and that many
 * bytes:
 *
 *   0  refused: the reason
 *   1  read, and written again by Kafka: the body
 *   2  read, but Kafka cannot write it again: the reason
 */
public class Requests {
    public static void main(String[] args) throws Exception {
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in, 1 << 20));
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out, 1 << 20));
        while (true) {
            byte[] request;
            try {
                request = new byte[in.readInt()];
            } catch (EOFException e) {
                break;
            }
            in.readFully(request);
            answer(ByteBuffer.wrap(request), out);
        }
        out.flush();
    }

    private static void answer(ByteBuffer request, DataOutputStream out) throws Exception {
        ApiMessage message;
        short version;
        try {
            RequestHeader header = RequestHeader.parse(request);
            version = header.apiVersion();
            message = ApiMessageType.fromApiKey(header.apiKey().id).newRequest();
            message.read(new ByteBufferAccessor(request), version);
        } catch (RuntimeException e) {
            put(out, 0, String.valueOf(e).getBytes(StandardCharsets.UTF_8));
            return;
        }
        try {
            ObjectSerializationCache cache = new ObjectSerializationCache();
            ByteBuffer again = ByteBuffer.allocate(message.size(cache, version));
            message.write(new ByteBufferAccessor(again), cache, version);
            put(out, 1, again.array());
        } catch (RuntimeException e) {
            put(out, 2, String.valueOf(e).getBytes(StandardCharsets.UTF_8));
        }
    }

    private static void put(DataOutputStream out, int kind, byte[] bytes) throws Exception {
        out.writeByte(kind);
        out.writeInt(bytes.length);
        out.write(bytes);
    }
}
