# lib.sh: what stack/up, stack/down and stack/service share. Sourced, never run.
#
# A stack is a folder:  FOLDER/SERVICE/run  the command that becomes the service (so it can be started again, same port,
# same data), FOLDER/SERVICE/pid  "PID START-TIME", FOLDER/SERVICE/log, FOLDER/env. A pid counts as ours only while its
# start time is the recorded one: a number that the system has given to another process since is never signaled.
# shellcheck shell=bash

STACK_SERVICES=(kafka mysql redis)
STACK_HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# mariadbd and redis-server stand in sbin, which is not on an ordinary user's path.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

say() { echo "stack: $*" >&2; }
die() { say "$*"; exit 1; }

stack_folder() { # [FOLDER] -> absolute path of the stack's folder
    local folder="${1:-${WEIR_STACK_DIR:-$STACK_HERE/../target/stack}}"
    mkdir -p "$(dirname "$folder")"
    echo "$(cd "$(dirname "$folder")" && pwd)/$(basename "$folder")"
}

started_at() { # PID -> its start time in ticks, or nothing when it is gone (a zombie is gone)
    local stat
    stat="$(cat "/proc/$1/stat" 2>/dev/null)" || return 1
    # The command's name stands in brackets and may hold spaces: count the fields after the last bracket.
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    [ "$1" != Z ] && echo "${20}"
}

pid_of() { # FOLDER SERVICE -> the pid, if the process that we started still runs
    local pid start
    read -r pid start 2>/dev/null <"$1/$2/pid" || return 1
    [ "$(started_at "$pid")" = "$start" ] && echo "$pid"
}

launch() { # FOLDER SERVICE: runs FOLDER/SERVICE/run in a session of its own and records its pid
    local at="$1/$2" pid
    [ -x "$at/run" ] || die "no $2 in $1: run stack/up first"
    pid_of "$1" "$2" >/dev/null && return
    # fd 9 is the stack's lock: a service that kept it would hold the lock for as long as it lives.
    setsid "$at/run" </dev/null >>"$at/log" 2>&1 9>&- &
    pid=$!
    disown
    echo "$pid $(started_at "$pid" || echo gone)" >"$at/pid"
}

halt() { # FOLDER SERVICE: SIGTERM, and SIGKILL after 20 s
    local pid tries
    pid="$(pid_of "$1" "$2")" || { rm -f "$1/$2/pid"; return 0; }
    # A stopped process takes SIGTERM only when it goes on.
    kill -TERM "$pid" 2>/dev/null || true
    kill -CONT "$pid" 2>/dev/null || true
    for ((tries = 0; tries < 200; tries++)); do
        pid_of "$1" "$2" >/dev/null || break
        sleep 0.1
    done
    if pid_of "$1" "$2" >/dev/null; then
        say "$2 (pid $pid) did not stop within 20 s: killed"
        kill -KILL "$pid" 2>/dev/null || true
        while pid_of "$1" "$2" >/dev/null; do sleep 0.1; done
    fi
    rm -f "$1/$2/pid"
}

await() { # FOLDER SERVICE SECONDS COMMAND...: until COMMAND succeeds; the log's end if the service dies or time is up
    local folder="$1" service="$2" seconds="$3" end
    shift 3
    end=$((SECONDS + seconds))
    # If it has ended, what answers on its port is somebody else.
    until "$@" >/dev/null 2>&1 && pid_of "$folder" "$service" >/dev/null; do
        if ! pid_of "$folder" "$service" >/dev/null; then
            tail -n 25 "$folder/$service/log" >&2
            say "$service ended at its start; its log is $folder/$service/log"
            return 1
        fi
        if ((SECONDS >= end)); then
            tail -n 25 "$folder/$service/log" >&2
            say "$service did not answer within $seconds s; its log is $folder/$service/log"
            return 1
        fi
        sleep 0.1
    done
}

await_ready() { # FOLDER SERVICE: until it answers in its own protocol
    local port
    port="$(cat "$1/$2/port")"
    case "$2" in
        kafka) await "$1" kafka 180 answers_kafka "$port" ;;
        mysql) await "$1" mysql 180 answers_mysql "$1" ;;
        redis) await "$1" redis 120 redis-cli -h 127.0.0.1 -p "$port" ping ;;
    esac
}

answers_kafka() { python3 "$STACK_HERE/kafka-answers.py" "$1"; }
answers_mysql() { mariadb --defaults-extra-file="$1/mysql/client.cnf" -e 'SELECT 1'; }
