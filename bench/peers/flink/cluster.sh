#!/bin/bash
# cluster.sh start|stop FOLDER: a standalone Flink of what setup.sh made in FOLDER: a JobManager and a TaskManager of two slots;
# their pids in FOLDER/jm.pid and FOLDER/tm.pid.
set -euo pipefail
action="$1"
cd "$2"
if [ "$action" = stop ]; then
    for pid in "$(cat tm.pid)" "$(cat jm.pid)"; do
        kill "$pid"
        while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
    done
    exit
fi
opens=(--add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED --add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED)
for package in lang net io nio lang.reflect text time util util.concurrent util.concurrent.atomic util.concurrent.locks; do
    opens+=("--add-opens=java.base/java.$package=ALL-UNNAMED")
done
opens+=(--add-opens=java.base/sun.nio.ch=ALL-UNNAMED)
resources="$(java -cp "lib/*:bash-java-utils.jar" org.apache.flink.runtime.util.bash.BashJavaUtils GET_TM_RESOURCE_PARAMS --configDir "$PWD/conf" \
    2>log/utils.err | sed -n 's/^BASH_JAVA_UTILS_EXEC_RESULT://p')"
log="-Dlog4j.configurationFile=file:$PWD/conf/log4j.properties"
# The first line is for the JVM, the second are the process's own arguments.
# shellcheck disable=SC2046
{
    setsid java -Xms768m -Xmx768m "${opens[@]}" "-Dlog.file=$PWD/log/jm.log" "$log" -cp "lib/*" \
        org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint -c "$PWD/conf" >log/jm.out 2>&1 </dev/null &
    echo $! >jm.pid
    setsid java $(sed -n 1p <<<"$resources") -XX:+UseG1GC "${opens[@]}" "-Dlog.file=$PWD/log/tm.log" "$log" -cp "lib/*" \
        org.apache.flink.runtime.taskexecutor.TaskManagerRunner -c "$PWD/conf" $(sed -n 2p <<<"$resources") >log/tm.out 2>&1 </dev/null &
    echo $! >tm.pid
}
