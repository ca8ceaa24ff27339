"""pgbench: its own scripts in every protocol, its pipelines, and its initialization with COPY."""

import re
import subprocess

from steps import COUNT, LARGE, NOTICE, equal, lacks, run


def pgbench(*arguments):
    return subprocess.run(["pgbench", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)


def bench(script, protocol="extended", transactions=1, more=()):
    """Runs the lines and returns all that was printed."""
    with open("script.sql", "w") as file:
        file.write(script + "\n")
    done = pgbench("-n", "-c", "1", "-t", str(transactions), "-M", protocol, "-f", "script.sql", *more)
    return done.stdout + done.stderr


def works(*arguments, **more):
    said = bench(*arguments, **more)
    if "number of failed transactions: 0 " not in said or "aborted" in said or "error:" in said:
        raise AssertionError(said)


def holds(expression):
    """Lines that fail when the last row's columns do not make the expression true."""
    return f"\\set failed case when {expression} then 1 else 0 end\nSELECT 1 / :failed;"


def count(wanted):
    return COUNT.replace("count(*)", "count(*) AS n") + " \\gset\n" + holds(f":n = {wanted}")


def login():
    works("SELECT 1;", "simple")


def parameters():
    for protocol in ("simple", "extended", "prepared"):
        works("\\set i 7\n\\set f 1.5\n\\set b 1099511627776\n\\set yes true\n"
              "SELECT :i * 2 AS i, :f::float8 * 2 AS f, :b::bigint AS b, (:yes)::bool::int AS yes \\gset\n"
              + holds(":i = 14 and :f = 3.0 and :b = 1099511627776 and :yes = 1"), protocol)


def prepared():
    works("\\set i random(1, 1000000)\nSELECT :i * 2 AS double FROM which_server \\gset\n" + holds(":double = :i * 2"), "prepared", 100)


def rollback():
    works("BEGIN;\nINSERT INTO matrix (id) VALUES (1);\nROLLBACK;\n" + count(0))
    works("BEGIN;\nINSERT INTO matrix (id) VALUES (2);\nCOMMIT;\n" + count(1))


def copy_in():
    done = pgbench("-i", "-I", "dtg", "-s", "1")
    equal(done.returncode, 0)
    works("/* pgweir: primary */ SELECT count(*) AS n FROM pgbench_accounts \\gset\n" + holds(":n = 100000"))
    equal(pgbench("-i", "-I", "d").returncode, 0)


def sqlstate():
    # It prints no SQLSTATE, but it knows a serialization failure by it and tries again. A sequence counts the tries.
    works("DROP SEQUENCE IF EXISTS tries;\nCREATE SEQUENCE tries;", "simple")
    once = "DO $$ BEGIN IF nextval('tries') = 1 THEN RAISE SQLSTATE '40001'; END IF; END $$;"
    said = bench("BEGIN;\n" + once + "\nCOMMIT;", "simple", more=("--max-tries", "2"))
    equal(re.findall(r"number of transactions retried: (\d+)|number of failed transactions: (\d+)", said), [("", "0"), ("1", "")])
    equal("division by zero" in bench("SELECT 1 / 0;"), True)
    works("DROP SEQUENCE tries;", "simple")


def notice():
    equal("a notice: 42" in bench(NOTICE + ";", "simple"), True)


def large():
    works(LARGE + ";")


def pipeline():
    works("\\startpipeline\n" + "SELECT 1;\n" * 100 + "INSERT INTO matrix (id) VALUES (3);\n\\endpipeline\n" + count(2))


run(login, parameters, prepared, rollback, copy_in, sqlstate, notice, large, pipeline)
for step in ("copy_out", "cancel", "bytea", "unicode", "notify"):
    lacks(step, "pgbench has nothing for it")
