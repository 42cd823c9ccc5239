import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.*;
import org.apache.flink.table.api.bridge.java.*;

/**
 * The pipeline's job as Flink SQL: args: topic dlqTopic mysqlTable dlqGuarantee(at-least-once|exactly-once) runId [minibatch].
 * Environment: WEIR_BROKERS, and FLINK_JDBC_URL, FLINK_JDBC_USER, FLINK_JDBC_PASSWORD of the database.
 */
public class RiskJob {
    public static void main(String[] a) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        StreamTableEnvironment t = StreamTableEnvironment.create(env);
        t.getConfig().set("pipeline.name", "risk-" + a[4]);
        t.getConfig().set("table.local-time-zone", "UTC");
        t.getConfig().set("table.exec.sink.upsert-materialize", "NONE"); // window aggregates are insert-only
        t.getConfig().set("table.exec.sink.require-on-conflict", "false");
        if (a.length > 5 && a[5].equals("minibatch")) {
            t.getConfig().set("table.exec.mini-batch.enabled", "true");
            t.getConfig().set("table.exec.mini-batch.allow-latency", "500 ms");
            t.getConfig().set("table.exec.mini-batch.size", "20000");
        }
        String cols = "step INT, tx_id STRING, `type` STRING, amount DECIMAL(18,2), name_orig STRING,"
            + " old_balance_org DECIMAL(18,2), new_balance_orig DECIMAL(18,2), name_dest STRING,"
            + " old_balance_dest DECIMAL(18,2), new_balance_dest DECIMAL(18,2), is_fraud INT, event_time BIGINT";
        t.executeSql("CREATE TABLE finance_stream (" + cols + ", ts AS TO_TIMESTAMP_LTZ(event_time, 3),"
            + " WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector'='kafka','topic'='" + a[0] + "',"
            + "'properties.bootstrap.servers'='" + of("WEIR_BROKERS") + "','properties.group.id'='flink-" + a[4] + "',"
            + "'properties.max.partition.fetch.bytes'='8388608','properties.fetch.max.bytes'='67108864','properties.max.poll.records'='5000',"
            + "'scan.startup.mode'='earliest-offset','scan.bounded.mode'='latest-offset',"
            + "'format'='json','json.ignore-parse-errors'='true')");
        String eo = a[3].equals("exactly-once") ? ",'sink.transactional-id-prefix'='dlq-" + a[4] + "','properties.transaction.timeout.ms'='600000'" : "";
        t.executeSql("CREATE TABLE dead_letter_queue (" + cols + ") WITH ('connector'='kafka','topic'='" + a[1] + "',"
            + "'properties.bootstrap.servers'='" + of("WEIR_BROKERS") + "','properties.linger.ms'='5','properties.batch.size'='262144','format'='json',"
            + "'sink.delivery-guarantee'='" + a[3] + "'" + eo + ")");
        t.executeSql("CREATE TABLE risk_stats (window_start TIMESTAMP(3), window_end TIMESTAMP(3), `type` STRING, cnt BIGINT, sum_amount DECIMAL(18,2),"
            + " max_amount DECIMAL(18,2), PRIMARY KEY (window_start, window_end, `type`) NOT ENFORCED) WITH ('connector'='jdbc',"
            + "'url'='" + of("FLINK_JDBC_URL") + "?rewriteBatchedStatements=true&connectionTimeZone=UTC','driver'='com.mysql.cj.jdbc.Driver',"
            + "'username'='" + of("FLINK_JDBC_USER") + "','password'='" + of("FLINK_JDBC_PASSWORD") + "','table-name'='" + a[2] + "','sink.buffer-flush.max-rows'='1000','sink.buffer-flush.interval'='1s')");
        StatementSet s = t.createStatementSet();
        s.addInsertSql("INSERT INTO dead_letter_queue SELECT step, tx_id, `type`, amount, name_orig, old_balance_org, new_balance_orig,"
            + " name_dest, old_balance_dest, new_balance_dest, is_fraud, event_time FROM finance_stream WHERE amount < 0");
        s.addInsertSql("INSERT INTO risk_stats SELECT window_start, window_end, `type`, COUNT(*), CAST(SUM(amount) AS DECIMAL(18,2)), MAX(amount)"
            + " FROM TABLE(TUMBLE(TABLE finance_stream, DESCRIPTOR(ts), INTERVAL '5' SECOND)) WHERE amount >= 0 GROUP BY window_start, window_end, `type`");
        s.execute();
    }

    static String of(String variable) {
        String value = System.getenv(variable);
        if (value == null) throw new IllegalStateException(variable + " is not set");
        return value;
    }
}
