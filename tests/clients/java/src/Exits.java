import org.apache.kafka.common.utils.Exit;

/** Kafka's tools end the JVM; here an ending tool is an exception, so that one JVM runs several. */
final class Exits {
    static final class Exited extends RuntimeException {
        final int code;

        Exited(int code, String message) {
            super("exit " + code + (message == null ? "" : ": " + message), null, false, false);
            this.code = code;
        }
    }

    interface Main {
        void run() throws Throwable;
    }

    /** What the tool first wanted to exit with: some catch what is thrown for it, and then want to exit with 1. */
    private static Integer wanted;

    static void install() {
        Exit.setExitProcedure((code, message) -> {
            if (wanted == null) wanted = code;
            throw new Exited(code, message);
        });
        Exit.setHaltProcedure((code, message) -> Runtime.getRuntime().halt(code));
    }

    /** Runs a main and gives its exit code. */
    static int code(Main main) {
        wanted = null;
        try {
            main.run();
        } catch (Throwable thrown) {
            if (wanted == null) {
                thrown.printStackTrace();
                return 1;
            }
        }
        return wanted == null ? 0 : wanted;
    }
}
