// Prints names and how Java spells them: the DER in hexadecimal, a blank, and the UTF-8 of
// X500Principal.getName() in hexadecimal. make.sh runs it; names.txt is its output.
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import javax.security.auth.x500.X500Principal;

public class Names {
    static final int UTF8 = 12, PRINTABLE = 19, T61 = 20, IA5 = 22, GENERAL = 27, UNIVERSAL = 28,
        BMP = 30, OCTETS = 4, INTEGER = 2;
    static final String CN = "550403", SERIAL = "550405", C = "550406", L = "550407", ST = "550408",
        STREET = "550409", O = "55040a", OU = "55040b", TITLE = "55040c", GIVEN = "55042a",
        DC = "0992268993f22c640119", UID = "0992268993f22c640101", EMAIL = "2a864886f70d010901",
        PRIVATE = "2b0601040182370d";

    static byte[] tlv(int tag, byte[]... parts) {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        for (byte[] p : parts) body.writeBytes(p);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(tag);
        int n = body.size();
        if (n >= 128) {
            out.write(n >= 256 ? 0x82 : 0x81);
            if (n >= 256) out.write(n >> 8);
        }
        out.write(n & 255);
        out.writeBytes(body.toByteArray());
        return out.toByteArray();
    }

    static byte[] atv(String oid, int tag, byte[] value) {
        return tlv(0x30, tlv(6, HexFormat.of().parseHex(oid)), tlv(tag, value));
    }

    static byte[] atv(String oid, int tag, String value) {
        return atv(oid, tag, value.getBytes(StandardCharsets.UTF_8));
    }

    static byte[] rdn(byte[]... atvs) { return tlv(0x31, atvs); }

    static void name(byte[]... rdns) {
        byte[] der = tlv(0x30, rdns);
        String text = new X500Principal(der).getName();
        System.out.println(HexFormat.of().formatHex(der) + " "
            + HexFormat.of().formatHex(text.getBytes(StandardCharsets.UTF_8)));
    }

    static void cn(String value) { name(rdn(atv(CN, UTF8, value))); }

    static byte[] hex(String text) { return HexFormat.of().parseHex(text); }

    public static void main(String[] args) {
        name();
        cn("broker-1");
        name(rdn(atv(C, PRINTABLE, "DE")), rdn(atv(ST, UTF8, "Bayern")),
            rdn(atv(L, UTF8, "München")), rdn(atv(O, UTF8, "Example, Inc.")), rdn(atv(OU, UTF8, "Kafka")),
            rdn(atv(CN, UTF8, "broker-1.example.com")));
        name(rdn(atv(CN, UTF8, "first")), rdn(atv(O, UTF8, "then")));
        // every attribute with a name and some without one
        for (String oid : new String[] {CN, SERIAL, C, L, ST, STREET, O, OU, TITLE, GIVEN, DC, UID,
            EMAIL, PRIVATE})
            for (int tag : new int[] {UTF8, PRINTABLE, IA5}) name(rdn(atv(oid, tag, "x1")));
        // every type of value
        for (int tag : new int[] {UTF8, PRINTABLE, T61, IA5, GENERAL, UNIVERSAL, BMP, OCTETS,
            INTEGER})
            name(rdn(atv(CN, tag, "ab")), rdn(atv(O, tag, "a,b")));
        name(rdn(atv(CN, BMP, hex("004100e4"))));
        name(rdn(atv(CN, T61, hex("4dfc6c6c6572"))));
        // several attributes at one level, also out of the order of DER
        name(rdn(atv(CN, UTF8, "a"), atv(OU, UTF8, "b")), rdn(atv(O, UTF8, "c")));
        name(rdn(atv(OU, UTF8, "b"), atv(CN, UTF8, "a")));
        name(rdn(atv(UID, UTF8, "u"), atv(CN, UTF8, "a"), atv(EMAIL, IA5, "a@b")));
        name(rdn(atv(DC, IA5, "com")), rdn(atv(DC, IA5, "example")), rdn(atv(UID, UTF8, "alice")));
        // characters with a meaning, blanks, control characters
        for (String s : new String[] {"", " ", "  ", " a", "a ", "  a  b  ", "a  b", ",", "a,b", "+",
            "=", "<", ">", ";", "\"", "\\", "#", "#a", "a#b", " #", "a/b", "a'b", "a:b", "a@b", "a*b",
            "a_b", "a&b", "a!b", "a|b", "a~b", "a$b", "a%b", "a^b", "a`b", "a{b}", "a[b]", "a?b",
            "a\tb", "a\nb", "a\rb", "\ra", "a\r", "\na\n", "\ta\t", "a\u0000b", "\u0000", "\u007f",
            "\u0001", "a\\,b", "CN=b,O=c", "a, O=b"})
            cn(s);
        // other scripts
        for (String s : new String[] {"Müller", "ß", "İ", "Σίσυφος", "日本語", "שלום", "e\u0301",
            "\u00e9", "\ud83d\ude00", "\u200b", "\ufeff", "\u00a0a\u00a0", "\u3000", "\uff21"})
            cn(s);
        // what is no UTF-8
        for (String h : new String[] {"ff", "c3", "c328", "e282", "e28261", "e2e282ac", "f09f98",
            "f09f9861", "f08080af", "eda080", "c0af", "80", "8081", "f4908080", "61ff62", "e08080",
            "f8808080", "c3c3a9"})
            name(rdn(atv(CN, UTF8, hex(h))));
        cn("x".repeat(300));
    }
}
