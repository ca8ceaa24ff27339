import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.Array;
import java.sql.Connection;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.Arrays;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/** pgjdbc: the extended protocol for everything, server-side statements after five uses, binary transfer, cursors. */
public class Matrix {
    interface Step {
        void run() throws Exception;
    }

    static final String COUNT = "/* pgweir: primary */ SELECT count(*) FROM matrix"; // a replica may be a moment behind
    static final String SLEEP = "/* pgweir: primary */ SELECT pg_sleep(60)";
    static final String SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '% pg_sleep(60)'";
    static final String UNICODE = "žluťoučký kůň, 漢字, العربية, 🐘";
    static Connection main;
    static Connection other;

    static void equal(Object seen, Object wanted) {
        if (!seen.equals(wanted)) {
            throw new AssertionError(seen + " instead of " + wanted);
        }
    }

    static Connection connect() throws SQLException {
        var env = System.getenv();
        var properties = new Properties();
        properties.setProperty("user", env.get("PGUSER"));
        properties.setProperty("password", env.get("PGPASSWORD"));
        properties.setProperty("sslmode", env.get("PGSSLMODE"));
        if (env.containsKey("PGSSLROOTCERT")) {
            properties.setProperty("sslrootcert", env.get("PGSSLROOTCERT"));
        }
        return DriverManager.getConnection(
                "jdbc:postgresql://" + env.get("PGHOST") + ":" + env.get("PGPORT") + "/" + env.get("PGDATABASE"), properties);
    }

    static void execute(Connection on, String sql) throws SQLException {
        try (Statement statement = on.createStatement()) {
            statement.execute(sql);
        }
    }

    static String value(Connection on, String sql) throws SQLException {
        try (Statement statement = on.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getString(1);
        }
    }

    static String stateOf(Step step) throws Exception {
        try {
            step.run();
        } catch (SQLException error) {
            return error.getSQLState();
        }
        return "none";
    }

    static void login() throws Exception {
        main = connect();
        other = connect();
        equal(value(main, "SELECT current_user"), "app");
    }

    static void parameters() throws Exception {
        try (PreparedStatement statement = main.prepareStatement("SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?::int")) {
            Array array = main.createArrayOf("int4", new Integer[] {1, 2, 3});
            for (int use = 0; use < 12; ++use) { // from the fifth on in binary
                bind(statement, array);
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    compare(rows);
                }
            }
        }
    }

    static void bind(PreparedStatement statement, Array array) throws SQLException {
        statement.setInt(1, 7);
        statement.setLong(2, 1L << 40);
        statement.setString(3, "it's");
        statement.setBoolean(4, true);
        statement.setBigDecimal(5, new BigDecimal("12.340"));
        statement.setDate(6, Date.valueOf("2024-02-29"));
        statement.setDouble(7, 1.5);
        statement.setArray(8, array);
        statement.setNull(9, Types.INTEGER);
    }

    static void compare(ResultSet rows) throws SQLException {
        equal(rows.getInt(1), 7);
        equal(rows.getLong(2), 1L << 40);
        equal(rows.getString(3), "it's");
        equal(rows.getBoolean(4), true);
        equal(rows.getBigDecimal(5), new BigDecimal("12.340"));
        equal(rows.getDate(6), Date.valueOf("2024-02-29"));
        equal(rows.getDouble(7), 1.5);
        equal(Arrays.asList((Integer[]) rows.getArray(8).getArray()), Arrays.asList(1, 2, 3));
        rows.getInt(9);
        equal(rows.wasNull(), true);
    }

    static void prepared() throws Exception {
        Set<String> servers = new TreeSet<>();
        try (PreparedStatement statement = main.prepareStatement("SELECT ? * 2, name FROM which_server")) {
            for (int number = 0; number < 100; ++number) {
                statement.setInt(1, number);
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    equal(rows.getInt(1), number * 2);
                    servers.add(rows.getString(2));
                }
            }
        }
        equal(servers.toString(), "[replica1, replica2]");
    }

    static void rollback() throws Exception {
        main.setAutoCommit(false);
        execute(main, "INSERT INTO matrix (id) VALUES (1)");
        equal(value(main, COUNT), "1");
        main.rollback();
        equal(value(main, COUNT), "0");
        execute(main, "INSERT INTO matrix (id) VALUES (2)");
        main.commit();
        main.setAutoCommit(true);
        equal(value(main, COUNT), "1");
    }

    static String lines() {
        var lines = new StringBuilder();
        for (int number = 1000; number < 2000; ++number) {
            lines.append(number).append("\tline ").append(number).append('\n');
        }
        return lines.toString();
    }

    static void copyIn() throws Exception {
        equal(main.unwrap(PGConnection.class).getCopyAPI().copyIn("COPY matrix (id, note) FROM STDIN", new StringReader(lines())), 1000L);
        equal(value(main, COUNT), "1001");
    }

    static void copyOut() throws Exception {
        var out = new StringWriter();
        main.unwrap(PGConnection.class).getCopyAPI()
                .copyOut("COPY (SELECT n, 'line ' || n FROM generate_series(1000, 1999) n) TO STDOUT", out);
        equal(out.toString(), lines());
    }

    static void sqlstate() throws Exception {
        equal(stateOf(() -> execute(main, "INSERT INTO matrix (id) VALUES (2)")), "23505");
        equal(stateOf(() -> execute(main, "SELECT 1 / 0")), "22012");
        equal(value(main, "SELECT 1"), "1");
    }

    static void cancel() throws Exception {
        try (Statement statement = main.createStatement()) {
            var canceller = new Thread(() -> {
                try {
                    while (!value(other, SLEEPING).equals("1")) {
                        Thread.sleep(20);
                    }
                    statement.cancel();
                } catch (Exception error) {
                    error.printStackTrace(System.out);
                }
            });
            canceller.start();
            equal(stateOf(() -> statement.execute(SLEEP)), "57014");
            canceller.join();
        }
        equal(value(main, "SELECT 1"), "1");
    }

    static void notice() throws Exception {
        try (Statement statement = main.createStatement()) {
            statement.execute("DO $$ BEGIN RAISE NOTICE 'a notice: %', 6 * 7; END $$");
            equal(statement.getWarnings().getMessage(), "a notice: 42");
        }
    }

    static void large() throws Exception {
        long bytes = 0;
        try (Statement statement = main.createStatement();
                ResultSet rows = statement.executeQuery("SELECT n, repeat('x', 1000) FROM generate_series(1, 10000) n")) {
            while (rows.next()) {
                bytes += rows.getString(2).length();
            }
        }
        equal(bytes, 10_000_000L);
    }

    static void bytea() throws Exception {
        var bytes = new byte[10240];
        for (int i = 0; i < bytes.length; ++i) {
            bytes[i] = (byte) i;
        }
        try (PreparedStatement statement = main.prepareStatement("SELECT ?")) {
            statement.setBytes(1, bytes);
            try (ResultSet rows = statement.executeQuery()) {
                rows.next();
                equal(Arrays.equals(rows.getBytes(1), bytes), true);
            }
        }
    }

    static void unicode() throws Exception {
        try (PreparedStatement statement = main.prepareStatement("SELECT ?")) {
            statement.setString(1, UNICODE);
            try (ResultSet rows = statement.executeQuery()) {
                rows.next();
                equal(rows.getString(1), UNICODE);
            }
        }
    }

    /** A portal that is asked for 50 rows at a time, in a transaction that pgjdbc declares READ ONLY: on a replica. */
    static void cursor() throws Exception {
        main.setAutoCommit(false);
        main.setReadOnly(true);
        try (Statement statement = main.createStatement()) {
            statement.setFetchSize(50);
            try (ResultSet rows = statement.executeQuery("SELECT n, name FROM generate_series(1, 300) n, which_server")) {
                for (int number = 1; number <= 300; ++number) {
                    rows.next();
                    equal(rows.getInt(1), number);
                    equal(rows.getString(2).startsWith("replica"), true);
                }
                equal(rows.next(), false);
            }
        }
        main.rollback();
        main.setReadOnly(false);
        main.setAutoCommit(true);
    }

    static void batch() throws Exception {
        try (PreparedStatement statement = main.prepareStatement("INSERT INTO matrix (id, note) VALUES (?, ?)")) {
            for (int number = 5000; number < 5500; ++number) {
                statement.setInt(1, number);
                statement.setString(2, "batch");
                statement.addBatch();
            }
            equal(Arrays.stream(statement.executeBatch()).sum(), 500);
        }
    }

    static void notifications() throws Exception {
        execute(main, "LISTEN matrix");
        execute(other, "NOTIFY matrix, 'from the other'");
        PGNotification[] arrived = main.unwrap(PGConnection.class).getNotifications(30_000);
        equal(arrived[0].getName() + ": " + arrived[0].getParameter(), "matrix: from the other");
    }

    static void run(String name, Step step) {
        try {
            step.run();
            System.out.println("ok " + name);
        } catch (Throwable error) {
            System.out.println("FAILED " + name + ": " + error);
            System.exit(1);
        }
    }

    public static void main(String[] arguments) throws Exception {
        System.setOut(new java.io.PrintStream(System.out, true, StandardCharsets.UTF_8));
        run("login", Matrix::login);
        run("parameters", Matrix::parameters);
        run("prepared", Matrix::prepared);
        run("rollback", Matrix::rollback);
        run("copy_in", Matrix::copyIn);
        run("copy_out", Matrix::copyOut);
        run("sqlstate", Matrix::sqlstate);
        run("cancel", Matrix::cancel);
        run("notice", Matrix::notice);
        run("large", Matrix::large);
        run("bytea", Matrix::bytea);
        run("unicode", Matrix::unicode);
        run("cursor", Matrix::cursor);
        run("batch", Matrix::batch);
        run("notify", Matrix::notifications);
    }
}
