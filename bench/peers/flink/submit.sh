#!/bin/bash
# submit.sh FOLDER TOPIC DLQ TABLE GUARANTEE RUN: the job of RiskJob.java, detached; prints its id.
set -euo pipefail
cd "$1"
shift
FLINK_CONF_DIR=$PWD/conf exec java -Xmx512m --add-opens=java.base/java.lang=ALL-UNNAMED --add-opens=java.base/java.util=ALL-UNNAMED \
    "-Dlog.file=$PWD/log/cli.log" "-Dlog4j.configurationFile=file:$PWD/conf/log4j.properties" -cp "lib/*" \
    org.apache.flink.client.cli.CliFrontend run -d risk.jar "$@"
