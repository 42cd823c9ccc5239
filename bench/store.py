"""Questions to the database over one connection that stays open: a client a question would be a load of its own on the
cores that are measured."""
import os
import subprocess

END = "-- end of answer --"
COUNTERS = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Questions', 'Com_stmt_prepare', 'Connections')"


def client(*options):
    return ["mariadb", f"--defaults-extra-file={os.environ['WEIR_STACK_DIR']}/mysql/client.cnf", "-BN", *options]


class Store:
    """Answers questions in some tenths of a millisecond. One that fails, since a table is not there yet, has no rows."""

    def __init__(self):
        self.client = subprocess.Popen(client("--unbuffered", "--force"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True, bufsize=1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.stdin.close()
        self.client.wait(10)

    def rows(self, *statements):
        self.client.stdin.write("".join(f"{statement};\n" for statement in (*statements, f"SELECT '{END}'")))
        self.client.stdin.flush()
        rows = []
        for line in self.client.stdout:
            if line.rstrip("\n") == END:
                return rows
            rows.append(line.rstrip("\n").split("\t"))
        raise RuntimeError("the mariadb client ended")

    def number(self, statement):
        """Of an answer of one number; 0 if there is none."""
        rows = self.rows(statement)
        return int(rows[0][0]) if rows and rows[0][0] != "NULL" else 0


class Counted(Store):
    """Knows how many of the server's questions are its own."""
    own = 0

    def rows(self, *statements):
        self.own += len(statements) + 1
        return super().rows(*statements)

    def asked(self):
        """By all others, since the server started. A statement that is prepared for it counts twice, logging in once."""
        return sum(int(value) for _, value in self.rows(COUNTERS)) - self.own


def differences(table, truth, flagged):
    """Rows of the table that are not in the truth or are others there, plus rows of the truth that the table lacks. Both are
    compared as text: amounts are exact decimals. A million groups make two million rows, so one side alone is held."""
    wanted = {}
    with truth.open() as file:
        for line in file:
            key, *row = line.rstrip("\n").rsplit("\t", 5)
            wanted[key] = row
    statement = ("SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', window_start) DIV 1000, type, records, flagged, amount_sum,"
                 f" amount_min, amount_max FROM {table}")
    reader = subprocess.Popen(client("--quick", "-e", statement), stdout=subprocess.PIPE, text=True)
    rows = others = 0
    for line in reader.stdout:
        rows += 1
        key, *got = line.rstrip("\n").rsplit("\t", 5)
        want = wanted.pop(key, None)
        if want is not None and not flagged:
            want[1] = "0"
        others += got != want
    if reader.wait() != 0:
        raise RuntimeError(f"{table} could not be read")
    return rows, others + len(wanted)
