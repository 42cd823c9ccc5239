#!/bin/bash
# setup.sh FOLDER PORT: Flink 2.3.0 for the comparison, in FOLDER (about 600 MiB; once): its jars out of the PyPI package, the
# connectors from Maven Central, the job's jar, the configuration with its REST API at PORT. About 1.5 minutes.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
mkdir -p "$1"
cd "$1"
mkdir -p lib conf log ckpt shim classes dl
if ! ls -d venv/lib/python3*/site-packages/pyflink >/dev/null 2>&1; then
    python3 -m venv venv
    # apache-flink-libraries builds its metadata with setuptools' old ways.
    venv/bin/pip -q install "setuptools<80" wheel
    venv/bin/pip -q install --no-deps --no-build-isolation apache-flink-libraries==2.3.0
fi
if [ ! -f lib/jdbc-mysql-shim.jar ]; then
    flink="$(echo venv/lib/python3*/site-packages/pyflink)"
    cp "$flink"/lib/*.jar lib/
    cp "$flink/bin/bash-java-utils.jar" .
    mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$PWD/dl"
    cp dl/flink-sql-connector-kafka-*.jar dl/flink-connector-jdbc-core-*.jar dl/mysql-connector-j-*.jar lib/
    # The JDBC connector's dialect of MySQL is not published for 4.0.0: its package from the 3.3.0-1.20 bundle has the same
    # interfaces, and is registered here.
    (cd shim && unzip -qo ../dl/flink-connector-jdbc-3.3.0-1.20.jar 'org/apache/flink/connector/jdbc/mysql/*' && mkdir -p META-INF/services \
        && echo org.apache.flink.connector.jdbc.mysql.database.MySqlFactory >META-INF/services/org.apache.flink.connector.jdbc.core.database.JdbcFactory \
        && jar cf ../lib/jdbc-mysql-shim.jar org META-INF)
fi
sed -e "s#@HERE@#$PWD#" -e "s#@PORT@#$2#" "$here/conf.yaml.in" >conf/config.yaml
cp "$here/log4j.properties.in" conf/log4j.properties
javac -cp "lib/*" -d classes "$here/job/RiskJob.java"
(cd classes && jar cfe ../risk.jar RiskJob .)
