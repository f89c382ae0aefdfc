// Encrypts a PKCS#8 key in PEM with Java's own means, and prints it in PEM.
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.AlgorithmParameters;
import java.util.Base64;
import javax.crypto.Cipher;
import javax.crypto.EncryptedPrivateKeyInfo;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;

public class Encrypt {
    public static void main(String[] args) throws Exception {
        String pem = Files.readString(Path.of(args[0]));
        byte[] der = Base64.getMimeDecoder().decode(pem.replaceAll("-----[^-]*-----", ""));
        String algorithm = "PBEWithHmacSHA256AndAES_256";
        Cipher cipher = Cipher.getInstance(algorithm);
        cipher.init(Cipher.ENCRYPT_MODE, SecretKeyFactory.getInstance(algorithm)
            .generateSecret(new PBEKeySpec(args[1].toCharArray())));
        AlgorithmParameters parameters = AlgorithmParameters.getInstance("PBES2");
        parameters.init(cipher.getParameters().getEncoded());
        byte[] out = new EncryptedPrivateKeyInfo(parameters, cipher.doFinal(der)).getEncoded();
        System.out.println("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
            + Base64.getMimeEncoder().encodeToString(out)
            + "\n-----END ENCRYPTED PRIVATE KEY-----");
    }
}
