import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import javax.security.sasl.SaslException;
import org.apache.kafka.common.security.oauthbearer.internals.OAuthBearerClientInitialResponse;
import org.apache.kafka.common.security.scram.internals.ScramFormatter;
import org.apache.kafka.common.security.scram.internals.ScramMessages.ClientFinalMessage;
import org.apache.kafka.common.security.scram.internals.ScramMessages.ClientFirstMessage;
import org.apache.kafka.common.security.scram.internals.ScramMessages.ServerFirstMessage;

/**
 * Writes messages.tsv: messages of SASL clients, and what Kafka reads in them. With the release's
 * jars on the class path:
 *
 *   javac -d /tmp/messages Messages.java
 *   java -cp /tmp/messages:$CLASSPATH Messages > messages.tsv
 *
 * A line has the kind of message, the message in base64, and "-" or the fields, each in base64.
 */
public class Messages {
    // A message has one piece of each row, mostly the first of them, and sometimes one too many.
    private static final String[][] FIRST = {
        {"n,,", "y,,", "p=tls-unique,,", "n,", "n,a=zid,", "n,a=z=2Cid,", "n,a=,", "n,a=a=b,",
            "N,,"},
        {"", "m=x,", "m=,", "m=a=b,", "x=y,"},
        {"n=user", "n=a=2Cb=3Dc", "n=a=2cb", "n=", "n=\u00e9", "n= ", "n=a=3D",
            "n=a\0b", "N=user"},
        {",r=abc", ",r=", ",r=a c", ",r=a=b", ",r=\u00e9", ",r=~!\"", ""},
        {"", ",tokenauth=true", ",tokenauth=TRUE", ",tokenauth=", ",x=y=z", ",x1=y", ",=",
            ",", " "},
        {"", ",a=b", ",tokenauth=false", ",n=other", ",r=other", ",a=\u00e9", ",a=\1"},
    };
    private static final String[][] FINAL = {
        {"c=biws", "c=", "c=biw=", "c=b=iws", "c=biw", "c=biwt", "c=bi-_",
            "m=1,c=biws", "C=biws"},
        {",r=abc", ",r=", ",r=a,b", ",r=a=b", ",r=a b", ""},
        {"", ",x=y", ",x=", ",x=y=z", ",p=z", ",x1=y", ",", ",x=\u00e9"},
        {",p=AAAA", ",p=AA==", ",p=AB==", ",p=AAA=", ",p=", ",p=A", ",p=A-_A",
            ",p=AAAA,x=y", ",p==", ""},
    };
    private static final String[][] SERVER = {
        {"", "m=x,", "m=,", "x=y,"},
        {"r=abc", "r=", "r=a b", "r=a=b", "R=abc", ""},
        {",s=AAAA", ",s=", ",s=A", ",s=AB==", ",s=AAA=", ",s=A-_A", ""},
        {",i=4096", ",i=0", ",i=-1", ",i=+1", ",i=99999999999", ",i=0x10", ",i=",
            ",i=007", ",i= 1", ""},
        {"", ",x=y", ",x=", ",e=f", ",", " ", ",x1=y", ",x=\u00e9"},
    };
    private static final String[][] OAUTH = {
        {"n,,\1", "y,,\1", "n,\1", "n,a=zid,\1", "n,a=z=2Cid,\1", "n,a=,\1", "n,a=a=b,\1",
            "n,,", "\1"},
        {"", "key=value\1", "k=v\1", "key=a=b c\t\n\1", "k1=v\1", "key=\1", "key=\u00e9\1",
            "=x\1", "key=v"},
        {"auth=Bearer a.b-c_d~e+f/g==\1", "auth=bEARER   x\1", "auth=Bearer\1", "auth=Basic x\1",
            "auth=Bearer x y\1", "auth=Bearer x=y\1", "auth=\1", "auth=Bearer  =\1",
            "auth=Bearer x",
            "Auth=Bearer x\1", "auth= Bearer x\1", "auth=Bearer x \1", "auth=bear_er x\1", ""},
        {"", "key=other\1", "auth=Bearer y\1", "A=b\1", "x=\1", "\1", "x"},
        {"\1", "", "\1\1", " ", "\0"},
    };

    private static final PrintStream OUT =
        new PrintStream(System.out, true, StandardCharsets.UTF_8);

    public static void main(String[] args) {
        Random random = new Random(16);
        for (int i = 0; i < 600; i++) {
            first(message(random, FIRST));
            last(message(random, FINAL));
            server(message(random, SERVER));
            oauth(message(random, OAUTH));
        }
    }

    private static String message(Random random, String[][] rows) {
        StringBuilder message = new StringBuilder();
        for (String[] row : rows) {
            message.append(random.nextInt(3) > 0 ? row[0] : row[random.nextInt(row.length)]);
            if (random.nextInt(40) == 0)
                message.append(row[random.nextInt(row.length)]);
        }
        return message.toString();
    }

    private static void first(String message) {
        try {
            ClientFirstMessage m = new ClientFirstMessage(message.getBytes(StandardCharsets.UTF_8));
            print("first", message, m.authorizationId(), ScramFormatter.username(m.saslName()),
                m.nonce(), map(m.extensions().map()));
        } catch (SaslException e) {
            print("first", message);
        }
    }

    private static void last(String message) {
        try {
            ClientFinalMessage m = new ClientFinalMessage(message.getBytes(StandardCharsets.UTF_8));
            print("final", message, new String(m.channelBinding(), StandardCharsets.ISO_8859_1),
                m.nonce(), new String(m.proof(), StandardCharsets.ISO_8859_1));
        } catch (SaslException e) {
            print("final", message);
        }
    }

    private static void server(String message) {
        try {
            ServerFirstMessage m = new ServerFirstMessage(message.getBytes(StandardCharsets.UTF_8));
            print("server", message, m.nonce(), new String(m.salt(), StandardCharsets.ISO_8859_1),
                Integer.toString(m.iterations()));
        } catch (SaslException e) {
            print("server", message);
        }
    }

    private static void oauth(String message) {
        try {
            OAuthBearerClientInitialResponse m =
                new OAuthBearerClientInitialResponse(message.getBytes(StandardCharsets.UTF_8));
            print("oauth", message, m.authorizationId(), m.tokenValue(), map(m.extensions().map()));
        } catch (SaslException | RuntimeException e) {
            print("oauth", message);
        }
    }

    private static String map(Map<String, String> map) {
        StringBuilder b = new StringBuilder();
        new TreeMap<>(map).forEach((k, v) -> b.append(k).append('=').append(v).append('\n'));
        return b.toString();
    }

    private static void print(String kind, String message, String... fields) {
        StringBuilder line = new StringBuilder(kind + "\t" + base64(message));
        for (String f : fields)
            line.append('\t').append(base64(f));
        OUT.println(fields.length == 0 ? line + "\t-" : line);
    }

    private static String base64(String s) {
        return Base64.getEncoder().encodeToString(s.getBytes(StandardCharsets.UTF_8));
    }
}
