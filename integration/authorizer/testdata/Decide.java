import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.metrics.internals.PluginMetricsImpl;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.apache.kafka.metadata.authorizer.StandardAcl;
import org.apache.kafka.metadata.authorizer.StandardAuthorizer;
import org.apache.kafka.security.authorizer.AclEntry;
import org.apache.kafka.server.authorizer.Action;
import org.apache.kafka.server.authorizer.AuthorizableRequestContext;
import org.apache.kafka.server.authorizer.AuthorizationResult;

/**
 * Has Kafka's StandardAuthorizer decide what standard input asks. Its commands are a byte and
 * fields; texts have their length in bytes (int32) before them.
 *
 * 'c' super.users, allow.everyone.if.no.acl.found (byte): configure, and forget all entries
 * 'l' n (int32), n entries: forget all entries and load these as those of a snapshot
 * '+' an entry: id (16 bytes), type, name, pattern, principal, host, operation, permission
 * '-' id: remove an entry
 * '?' principal, address, operation, type, name: authorize
 * 'a' principal, address, operation, type: authorizeByResourceType
 * 's' type: the operations that resources of the type support
 * 'f' send the answers so far
 *
 * An address is its length (byte), its bytes and a scope (int32, -1 for none). The answer to '?'
 * and 'a' is a byte: 1 allowed, 0 denied; to 's' a bit field (int32).
 */
public class Decide {
    private final DataInputStream in;
    private final OutputStream out;
    private final StandardAuthorizer authorizer = new StandardAuthorizer();

    private Decide(DataInputStream in, OutputStream out) {
        this.in = in;
        this.out = out;
        authorizer.withPluginMetrics(new PluginMetricsImpl(new Metrics(), Map.of()));
        authorizer.completeInitialLoad();
    }

    public static void main(String[] args) throws Exception {
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in, 1 << 16));
        OutputStream out = new BufferedOutputStream(System.out, 1 << 16);
        Decide decide = new Decide(in, out);
        for (int command = in.read(); command >= 0; command = in.read()) {
            decide.run((char) command);
        }
    }

    private void run(char command) throws IOException {
        switch (command) {
            case 'c': configure(); break;
            case 'l': load(); break;
            case '+': authorizer.addAcl(id(), acl()); break;
            case '-': authorizer.removeAcl(id()); break;
            case '?': answer(context(), this::authorize); break;
            case 'a': answer(context(), this::authorizeByResourceType); break;
            case 's': out.write(ByteBuffer.allocate(4).putInt(supported()).array()); break;
            case 'f': out.flush(); break;
            default: throw new IOException("unknown command " + command);
        }
    }

    private void configure() throws IOException {
        authorizer.configure(Map.of("super.users", text(), "allow.everyone.if.no.acl.found",
            in.readByte() == 1 ? "true" : "false", "node.id", "1"));
        authorizer.loadSnapshot(Map.of());
    }

    private void load() throws IOException {
        Map<Uuid, StandardAcl> acls = new HashMap<>();
        for (int n = in.readInt(); n > 0; n--) {
            acls.put(id(), acl());
        }
        authorizer.loadSnapshot(acls);
    }

    private interface Question {
        AuthorizationResult ask(AuthorizableRequestContext context) throws IOException;
    }

    private void answer(AuthorizableRequestContext context, Question question) throws IOException {
        out.write(question.ask(context) == AuthorizationResult.ALLOWED ? 1 : 0);
    }

    private AuthorizationResult authorize(AuthorizableRequestContext context) throws IOException {
        AclOperation operation = operation();
        ResourceType type = type();
        Action action = new Action(operation,
            new ResourcePattern(type, text(), PatternType.LITERAL), 1, true, true);
        return authorizer.authorize(context, List.of(action)).get(0);
    }

    private AuthorizationResult authorizeByResourceType(AuthorizableRequestContext context)
        throws IOException {
        AclOperation operation = operation();
        return authorizer.authorizeByResourceType(context, operation, type());
    }

    private int supported() throws IOException {
        int bits = 0;
        for (AclOperation operation : AclEntry.supportedOperations(type())) {
            bits |= 1 << operation.code();
        }
        return bits;
    }

    private StandardAcl acl() throws IOException {
        ResourceType type = type();
        String name = text();
        PatternType pattern = PatternType.fromCode(in.readByte());
        String principal = text();
        String host = text();
        AclOperation operation = operation();
        return new StandardAcl(type, name, pattern, principal, host, operation,
            AclPermissionType.fromCode(in.readByte()));
    }

    private Uuid id() throws IOException {
        return new Uuid(in.readLong(), in.readLong());
    }

    private ResourceType type() throws IOException {
        return ResourceType.fromCode(in.readByte());
    }

    private AclOperation operation() throws IOException {
        return AclOperation.fromCode(in.readByte());
    }

    private String text() throws IOException {
        return new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
    }

    private AuthorizableRequestContext context() throws IOException {
        String[] principal = text().split(":", 2);
        byte[] bytes = in.readNBytes(in.readByte());
        int scope = in.readInt();
        InetAddress address = scope < 0 ? InetAddress.getByAddress(bytes)
            : Inet6Address.getByAddress(null, bytes, scope);
        return new Context(new KafkaPrincipal(principal[0], principal[1]), address);
    }

    private static final class Context implements AuthorizableRequestContext {
        private final KafkaPrincipal principal;
        private final InetAddress address;

        private Context(KafkaPrincipal principal, InetAddress address) {
            this.principal = principal;
            this.address = address;
        }

        @Override
        public String listenerName() {
            return "CONTROLLER";
        }

        @Override
        public SecurityProtocol securityProtocol() {
            return SecurityProtocol.PLAINTEXT;
        }

        @Override
        public KafkaPrincipal principal() {
            return principal;
        }

        @Override
        public InetAddress clientAddress() {
            return address;
        }

        @Override
        public int requestType() {
            return 19;
        }

        @Override
        public int requestVersion() {
            return 7;
        }

        @Override
        public String clientId() {
            return "client";
        }

        @Override
        public int correlationId() {
            return 1;
        }
    }
}
