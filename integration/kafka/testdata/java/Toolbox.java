import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;

import org.apache.kafka.common.utils.internals.Exit;

/**
 * Runs command line tools of Kafka one after the other in this process, each by its main method, so
 * that a test does not start a JVM for each of them.
 *
 * Standard input: for each run a count of strings (int32) and the strings, each as its length
 * (int32) and its bytes: the main class, the tool's standard input, its arguments. Standard output:
 * for each run the exit code (int32), or -1 if the tool has not ended in time, then its standard
 * output and its standard error, each as length and bytes.
 *
 * An exit must not end this process, and a tool must not go on after it: the thread that calls
 * Exit.exit or Exit.halt never returns from it.
 */
public class Toolbox {
    private static final int RUNNING = -1;

    private static volatile CompletableFuture<Integer> exitCode;

    public static void main(String[] args) throws Exception {
        long withinMs = Long.parseLong(args[0]);
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in));
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out));
        Exit.setExitProcedure((code, message) -> exit(code));
        Exit.setHaltProcedure((code, message) -> exit(code));
        Exit.setShutdownHookAdder((name, hook) -> { });
        while (true) {
            in.mark(1);
            if (in.read() < 0) {
                System.exit(0); // tools may have left threads behind
            }
            in.reset();
            String[] strings = new String[in.readInt()];
            for (int i = 0; i < strings.length; i++) {
                strings[i] = new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
            }
            run(strings, withinMs, out);
            out.flush();
        }
    }

    private static void exit(int code) {
        exitCode.complete(code);
        while (true) {
            LockSupport.park();
        }
    }

    private static void run(String[] strings, long withinMs, DataOutputStream out)
            throws IOException, InterruptedException {
        ByteArrayOutputStream stdout = new ByteArrayOutputStream();
        ByteArrayOutputStream stderr = new ByteArrayOutputStream();
        System.setIn(new ByteArrayInputStream(strings[1].getBytes(StandardCharsets.UTF_8)));
        System.setOut(new PrintStream(stdout, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(stderr, true, StandardCharsets.UTF_8));
        String[] args = Arrays.copyOfRange(strings, 2, strings.length);
        CompletableFuture<Integer> done = new CompletableFuture<>();
        exitCode = done;
        Thread tool = new Thread(() -> done.complete(runMain(strings[0], args)), "tool");
        tool.setDaemon(true);
        tool.start();
        out.writeInt(await(done, withinMs));
        write(out, stdout);
        write(out, stderr);
    }

    private static int runMain(String mainClass, String[] args) {
        try {
            Class.forName(mainClass).getMethod("main", String[].class).invoke(null, (Object) args);
            return 0;
        } catch (InvocationTargetException e) {
            e.getCause().printStackTrace();
        } catch (ReflectiveOperationException e) {
            e.printStackTrace();
        }
        return 1;
    }

    private static int await(CompletableFuture<Integer> done, long withinMs)
            throws InterruptedException {
        try {
            return done.get(withinMs, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            return RUNNING;
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void write(DataOutputStream out, ByteArrayOutputStream bytes)
            throws IOException {
        out.writeInt(bytes.size());
        bytes.writeTo(out);
    }
}
