// Prints what Kafka's SslPrincipalMapper makes of names: rules, name and user in hexadecimal of
// UTF-8, with blanks between them; the user is "!" if no rule applies, and both are "!" if the rules
// are refused. make.sh runs it with Kafka's classes; rules.txt is its output.
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.kafka.common.security.ssl.SslPrincipalMapper;

public class Rules {
    static final String[] NAMES = {"CN=kafka1,OU=Dev,O=Example,C=DE", "CN=Alice",
        "CN=alice+OU=x,O=y", "UID=Bob,DC=example,DC=com", "", "CN=a\\,b,O=c", "CN=ΣΑΣ", "CN=straße",
        "CN=İI", "CN=a/b", "CN=$1", "O=x,CN=dup,CN=dup2", "CN=ab12,O=x", "CN=line\nfeed"};

    static final String[] RULES = {"DEFAULT", "", " DEFAULT ", "DEFAULT,DEFAULT", ",DEFAULT,", "x",
        "default", "DEFAULTx", "RULE:", "RULE:a", "RULE:a/b", "RULE:a/b/", "RULE:a/b/c", "RULE://",
        "RULE:///", "RULE:/x/", "RULE:.*/x/LU", "RULE:.*/x/l", "RULE:.*/x/", "RULE:.*/x/L ,DEFAULT",
        "RULE:^CN=(.*?),OU=(.*?),O=(.*?),C=(.*?)$/$1@$2/", "RULE:^CN=(.*?),.*$/$1/L",
        "RULE:^CN=(.*?),.*$/$1/U", "RULE:^CN=(.*?)$/$1/L,DEFAULT", "RULE:CN=(.*)/$1/L",
        "RULE:CN=(.*)/$1/U", "RULE:CN=([^,]*),.*/$1/, RULE:UID=([^,]*),.*/$1/U, DEFAULT",
        "RULE:CN=(.*),O=(.*)/$2-$1-$0/", "RULE:(.*)/$1/", "RULE:(.*)/$2/", "RULE:(.*)/$12/",
        "RULE:(.*)/$10/", "RULE:(.)(.)(.*)/$3$2$1$4/", "RULE:.*/a\\$b/", "RULE:.*/a\\/b/",
        "RULE:CN=a\\/b/slash/", "RULE:CN=(\\w+)\\\\,(.*)/$1-$2/", "RULE:(?i)cn=ALICE/found/",
        "RULE:(CN|.*)/x/", "RULE:CN=(.*?)/<$1>/", "RULE:(CN=|.*)(.*)/$1|$2/", "RULE:(a)?(.*)/[$1]$2/",
        "RULE:(?<who>.*)/${who}!/", "RULE:[^,]*,?.*/x/", "RULE:CN=.*|UID=.*/x/",
        "RULE:CN=\\Qalice\\E.*/x/", "RULE:CN=(\\p{L}+)/$1/L", "RULE:CN=([a-z]+[0-9]*).*/$1/U",
        "RULE:CN=.*/x, y/", "RULE:CN=.*,O=.*/a,b/L,RULE:.*/z/", "RULE:x/y/,,DEFAULT",
        "RULE:CN=(.*)/ $1 /", " RULE:CN=(.*)/$1/ , DEFAULT", "RULE:CN=.*/$/", "RULE:CN=.*/a\\b/",
        "RULE:a/b/ x", "RULE:CN=(.*)//", "RULE:(.*)/é$1/U", "RULE:(?s).*/all/", "RULE:[\\s\\S]*/all/"};

    static String hex(String s) {
        return s.isEmpty() ? "-" : HexFormat.of().formatHex(s.getBytes(StandardCharsets.UTF_8));
    }

    public static void main(String[] args) {
        for (String rules : RULES) {
            SslPrincipalMapper mapper;
            try {
                mapper = SslPrincipalMapper.fromRules(rules);
            } catch (RuntimeException e) {
                System.out.println(hex(rules) + " ! !");
                continue;
            }
            for (String name : NAMES) {
                String user;
                try {
                    user = hex(mapper.getName(name));
                } catch (Exception e) {
                    user = "!";
                }
                System.out.println(hex(rules) + " " + hex(name) + " " + user);
            }
        }
    }
}
