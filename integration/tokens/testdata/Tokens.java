import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import javax.security.auth.login.AppConfigurationEntry;
import javax.security.auth.login.AppConfigurationEntry.LoginModuleControlFlag;

import org.apache.kafka.common.security.oauthbearer.BrokerJwtValidator;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerToken;
import org.jose4j.jwt.NumericDate;
import org.jose4j.jwt.consumer.JwtConsumer;
import org.jose4j.jwt.consumer.NumericDateValidator;

/**
 * Asks Kafka's validator about tokens. Lines of standard input:
 *
 *   use SECONDS JWKS-URL AUDIENCES ISSUER SCOPE-CLAIM SUB-CLAIM SKEW-SECONDS
 *   token BASE64
 *
 * with tabs between the fields; empty audiences or issuer: any. The first makes the validator for
 * the following tokens, whose clock stands still. Each token is answered by "taken", the user's
 * name in base64 and the end in milliseconds, or by "refused" and the class of the exception.
 */
public class Tokens {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(
            new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        BrokerJwtValidator validator = null;
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] fields = line.split("\t", -1);
            if (fields[0].equals("use")) {
                validator = validatorFor(fields);
            } else {
                byte[] token = Base64.getDecoder().decode(fields[1]);
                out.println(verdict(validator, new String(token, StandardCharsets.UTF_8)));
            }
        }
        out.flush();
    }

    static BrokerJwtValidator validatorFor(String[] fields) throws Exception {
        Map<String, Object> configs = new HashMap<>();
        configs.put("sasl.oauthbearer.jwks.endpoint.url", fields[2]);
        configs.put("sasl.oauthbearer.expected.audience",
            fields[3].isEmpty() ? List.of() : List.of(fields[3].split(",")));
        configs.put("sasl.oauthbearer.allow.unverified.audience", fields[3].isEmpty());
        if (!fields[4].isEmpty())
            configs.put("sasl.oauthbearer.expected.issuer", fields[4]);
        configs.put("sasl.oauthbearer.allow.unverified.issuer", fields[4].isEmpty());
        configs.put("sasl.oauthbearer.scope.claim.name", fields[5]);
        configs.put("sasl.oauthbearer.sub.claim.name", fields[6]);
        configs.put("sasl.oauthbearer.clock.skew.seconds", Integer.parseInt(fields[7]));
        BrokerJwtValidator validator = new BrokerJwtValidator();
        validator.configure(configs, "OAUTHBEARER", List.of(new AppConfigurationEntry("module",
            LoginModuleControlFlag.REQUIRED, Map.of())));
        stopClock(validator, Long.parseLong(fields[1]));
        return validator;
    }

    static void stopClock(BrokerJwtValidator validator, long seconds) throws Exception {
        JwtConsumer consumer = (JwtConsumer) field(validator, "jwtConsumer");
        for (Object check : (List<?>) field(consumer, "validators")) {
            if (check instanceof NumericDateValidator)
                ((NumericDateValidator) check).setEvaluationTime(NumericDate.fromSeconds(seconds));
        }
    }

    static Object field(Object of, String name) throws Exception {
        Field field = of.getClass().getDeclaredField(name);
        field.setAccessible(true);
        return field.get(of);
    }

    static String verdict(BrokerJwtValidator validator, String token) {
        try {
            OAuthBearerToken taken = validator.validate(token);
            byte[] name = taken.principalName().getBytes(StandardCharsets.UTF_8);
            return "taken\t" + Base64.getEncoder().encodeToString(name) + "\t" + taken.lifetimeMs();
        } catch (RuntimeException e) {
            return "refused\t" + e.getClass().getSimpleName() + "\t"
                + String.valueOf(e.getMessage()).replaceAll("\\s+", " ");
        }
    }
}
