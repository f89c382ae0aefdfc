package org.apache.kafka.common.security;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import javax.security.auth.login.AppConfigurationEntry;
import javax.security.auth.login.AppConfigurationEntry.LoginModuleControlFlag;

/**
 * Writes vectors.jsonl: lines of sasl.jaas.config, and what Kafka's JaasConfig makes of them. With
 * the release's jars on the class path:
 *
 *   javac -d /tmp/vectors Vectors.java
 *   java -cp /tmp/vectors:$CLASSPATH org.apache.kafka.common.security.Vectors > vectors.jsonl
 */
public class Vectors {
    private static final String[] WRITTEN = {
        "", " ", ";", "a", "a;", "a required", "a required;", "a required ;", "a.B required;",
        "a required x=y;", "a required x=\"y\";", "a required x='y';", "a required x=y",
        "a required x=;", "a required x;", "a required =y;", "a required x y;",
        "A REQUIRED;", "a Requisite;", "a sufficient;", "a optional;", "a none;", "a 'required';",
        "a required x=1;", "a required x=1a;", "a required x=a1;", "a required x=-a;",
        "a required x=a-b;", "a required x=.5;", "a required x=-1;", "a required x=a.b.c;",
        "a required 1=x;", "a required user_1=x;", "a required user_=x;", "a required x=\"1\";",
        "a required x=a/b;", "a required x=a//b;\n;", "a required x=a/*b*/;", "a/**/required;",
        "a required /* x=1; */ y=z;", "a required // x=1;\n y=z;", "a required /x\n y=z;",
        "/* nothing */", "// nothing", "a required /* open", "a required x=\"/*\" y=\"//\";",
        "a required x=\"a\\\"b\";", "a required x='a\\'b';", "a required x=\"a'b\";",
        "a required x=\"a\\\\b\";", "a required x=\"\\n\\r\\t\\a\\b\\f\\v\\q\";",
        "a required x=\"\\0\\7\\8\\12\\123\\1234\\377\\400\\477\\778\";",
        "a required x=\"\\u0041\";",
        "a required x=\"a\nb\";", "a required x=\"a\\\nb\";", "a required x=\"a\ry=z;",
        "a required x=\"open;", "a required x=\"end\\", "a required x='';", "a required x=\"\";",
        "a required x=\"a\"\"b\"=c;", "a required x=a x=b;", "a required x=a;b required y=c;",
        "a required x=a;;", "a required x=a; b", "a required x=a; b required;",
        "\"a b\" required;", "'' required;", "1 required;", "= required;", "a = ;", "a 1;",
        "a required x=\u00e9\u00fc;", "a required \u00e9=\"\u00e9\";", "a required x=\u0090;",
        "a required x=\ud83d\ude00;", "a required x=\"\ud83d\ude00\";", "a required x=\u2028;",
        "a required x=a,b;", "a required x=a:b;", "a required x=a@b;", "a required x={a};",
        "a required x=$a_b-c.d;", "a required _x=a;", "a required $x=a;", "a required -x=a;",
        "a required x\t=\n\r y ;", "\r\na\r\nrequired\r\n;", "a required x=\0;", "a required\0;",
        "a required x = \"y\" ;", "a required x==y;", "a required x=\"y\"z=w;",
        "a required x=y\"z\"=w;",
        "a required \"x y\"=z;", "a required 'x'='y';", "a required \"\"=y;", "a required ==y;",
        "a required 5=y;", "a required #=y;", "a required x=#;", "a required x=y#z;",
        "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"admin\" "
            + "password=\"admin-secret\" user_admin=\"admin-secret\" user_alice=\"alice-secret\";",
        "org.apache.kafka.common.security.scram.ScramLoginModule required\n  username=\"t\"\n  "
            + "password=\"aGVsbG8=\"\n  tokenauth=\"true\";",
        "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true "
            + "keyTab=\"/etc/security/keytabs/kafka.keytab\" principal=\"kafka/host@EXAMPLE.COM\";",
    };

    private static final String[] PIECES = {
        "a", "b.c", "required", "optional", "x", "user_x", "=", "=", "=", ";", ";", " ", " ", "\n",
        "\r", "\t", "\"", "\"", "'", "\\", "/", "//", "/*", "*/", "*", "1", "-", ".", "-1.5.2",
        "\\1", "\\18", "\\n", "\\\"", "\u00e9", "\u0085", "#", ",", "$", "_", "\"q\"", "'q'", "x=y",
        "x=\"y\"", "m required ", "x='\\42'", "\0",
    };

    public static void main(String[] args) {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (String line : WRITTEN)
            print(out, line);
        Random random = new Random(16);
        for (int i = 0; i < 500; i++)
            print(out, pieces(random, i % 2 == 0 ? "m required " : "", 12)
                + (i % 3 == 0 ? "" : ";"));
        for (int i = 0; i < 700; i++) {
            StringBuilder line = new StringBuilder("m required");
            for (int n = random.nextInt(4); n >= 0; n--)
                line.append(option(random));
            print(out, line + ";");
        }
    }

    private static String pieces(Random random, String begin, int most) {
        StringBuilder line = new StringBuilder(begin);
        for (int n = random.nextInt(most); n >= 0; n--)
            line.append(PIECES[random.nextInt(PIECES.length)]);
        return line.toString();
    }

    private static String option(Random random) {
        String blank = random.nextInt(8) == 0 ? " /* = */\n" : " ";
        String quote = random.nextInt(3) == 0 ? "'" : "\"";
        String value = quote + pieces(random, "", 5) + (random.nextInt(8) == 0 ? "" : quote);
        return blank + "x" + random.nextInt(3)
            + (random.nextInt(5) == 0 ? blank : "") + "=" + value;
    }

    private static void print(PrintStream out, String line) {
        out.println("{\"line\":" + quote(line) + ",\"entries\":" + entries(line) + "}");
    }

    private static String entries(String line) {
        List<String> all = new ArrayList<>();
        try {
            JaasConfig config = new JaasConfig("K", line);
            for (AppConfigurationEntry e : config.getAppConfigurationEntry("K")) {
                List<String> options = new ArrayList<>();
                for (Map.Entry<String, ?> o : e.getOptions().entrySet())
                    options.add((o.getKey() == null ? "\"<null>\"" : quote(o.getKey())) + ":"
                        + quote((String) o.getValue()));
                options.sort(null);
                all.add("{\"module\":" + quote(e.getLoginModuleName()) + ",\"control\":\""
                    + control(e.getControlFlag()) + "\",\"options\":{" + String.join(",", options)
                    + "}}");
            }
        } catch (IllegalArgumentException e) {
            return "null";
        }
        return "[" + String.join(",", all) + "]";
    }

    private static String control(LoginModuleControlFlag flag) {
        if (flag == LoginModuleControlFlag.REQUIRED)
            return "required";
        if (flag == LoginModuleControlFlag.REQUISITE)
            return "requisite";
        return flag == LoginModuleControlFlag.SUFFICIENT ? "sufficient" : "optional";
    }

    private static String quote(String s) {
        StringBuilder b = new StringBuilder("\"");
        for (char c : s.toCharArray()) {
            if (c < ' ' || c > '~' || c == '"' || c == '\\')
                b.append(String.format("\\u%04x", (int) c));
            else
                b.append(c);
        }
        return b.append('"').toString();
    }
}
