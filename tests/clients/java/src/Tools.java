import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Runs Kafka's command-line tools one after another in this JVM, since a JVM takes longer to start than a tool to run.
 * Each line of standard input is one call: the main class and its arguments, separated by tabs. An argument that starts with
 * {@code stdin=} is not passed on but is what the tool reads (with \n for new lines and \t for tabs).
 * Around each tool's own output stand the lines {@code ### begin <number>} and {@code ### exit <code>}.
 */
public final class Tools {
    public static void main(String[] args) throws Exception {
        Exits.install();
        var calls = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        int number = 0;
        for (String line = calls.readLine(); line != null; line = calls.readLine()) {
            String[] words = line.split("\t", -1);
            String input = Arrays.stream(words).filter(word -> word.startsWith("stdin=")).findFirst().orElse("stdin=");
            String[] arguments = Arrays.stream(words).skip(1).filter(word -> !word.startsWith("stdin=")).toArray(String[]::new);
            System.out.println("### begin " + number++);
            int code = run(words[0], arguments, input.substring(6).replace("\\n", "\n").replace("\\t", "\t"));
            System.out.flush();
            System.out.println("### exit " + code);
        }
        Runtime.getRuntime().halt(0);
    }

    private static int run(String tool, String[] arguments, String input) {
        System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
        return Exits.code(() -> {
            var main = Class.forName(tool).getMethod("main", String[].class);
            main.invoke(null, (Object) arguments);
        });
    }
}
