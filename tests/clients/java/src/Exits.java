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

    static void install() {
        Exit.setExitProcedure((code, message) -> {
            throw new Exited(code, message);
        });
        Exit.setHaltProcedure((code, message) -> Runtime.getRuntime().halt(code));
    }

    /** Runs a main and gives its exit code. */
    static int code(Main main) {
        try {
            main.run();
            return 0;
        } catch (Throwable thrown) {
            for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
                if (cause instanceof Exited exited) return exited.code;
            }
            thrown.printStackTrace();
            return 1;
        }
    }
}
