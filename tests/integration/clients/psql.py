"""psql on a terminal: what a person does with it. Typed lines go in, an \\echo marks the end of each answer."""

import os
import pty
import select
import signal
import subprocess
import termios

from steps import BYTES, COPY_IN, COPY_OUT, COUNT, LARGE, LINES, NOTICE, SLEEP, SLEEPING, UNICODE, equal, run, until


class Psql:
    def __init__(self):
        self.terminal, theirs = pty.openpty()
        attributes = termios.tcgetattr(theirs)
        attributes[1] &= ~termios.OPOST
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(theirs, termios.TCSANOW, attributes)
        settings = [word for name in ("PROMPT1", "PROMPT2", "PROMPT3") for word in ("-v", name + "=")]
        self.process = subprocess.Popen(["psql", "-X", "-n", "-q", "-A", "-t", "-P", "pager=off", *settings],
                                        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        os.close(theirs)
        self.marks, self.pending = 0, b""

    def type(self, line):
        """Sends the line and a mark behind it."""
        self.marks += 1
        os.write(self.terminal, f"{line}\n\\echo mark-{self.marks}-\n".encode())

    def answer(self):
        """All that was printed before the last mark."""
        mark = f"mark-{self.marks}-\n".encode()
        while mark not in self.pending:
            if not select.select([self.terminal], [], [], 50)[0]:
                raise AssertionError(f"psql says no more than {self.pending[-300:]!r}")
            self.pending += os.read(self.terminal, 1 << 20)
        said, _, self.pending = self.pending.partition(mark)
        return said.decode().rstrip("\n")

    def ask(self, line):
        self.type(line)
        return self.answer()


def login():
    global main, other
    main, other = Psql(), Psql()
    equal(main.ask("SELECT current_user;"), "app")


def parameters():
    # psql 15 has no parameters of the protocol: its variables, put into the text with the right quotes.
    main.ask("\\set t 'it''s'")
    equal(main.ask("SELECT :'t', 7 + 2^40::bigint, true, NULL, ARRAY[1,2];"), "it's|1099511627783|t||{1,2}")
    equal(main.ask("SELECT 6 * 7 AS answer \\gset\n\\echo :answer"), "42")


def prepared():
    # Nor has it prepared statements of the protocol: SQL's own.
    main.ask("PREPARE double(int) AS SELECT $1 * 2;")
    equal(main.ask("\n".join(f"EXECUTE double({n});" for n in range(100))), "\n".join(str(n * 2) for n in range(100)))
    main.ask("DEALLOCATE double;")


def rollback():
    main.ask("BEGIN; INSERT INTO matrix (id) VALUES (1); ROLLBACK;")
    equal(main.ask(COUNT + ";"), "0")
    main.ask("BEGIN; INSERT INTO matrix (id) VALUES (2); COMMIT;")
    equal(main.ask(COUNT + ";"), "1")


def copy_in():
    with open("lines", "w") as file:
        file.write(LINES)
    equal(main.ask("\\copy matrix (id, note) FROM 'lines'\n" + COUNT + ";"), "1001")
    equal(main.ask(f"{COPY_IN};\n3000\tby hand\n\\.\n{COUNT};"), "1002")


def copy_out():
    equal(main.ask(COPY_OUT + ";") + "\n", LINES)


def sqlstate():
    main.ask("\\set VERBOSITY verbose")
    equal("ERROR:  23505:" in main.ask("INSERT INTO matrix (id) VALUES (2);"), True)
    equal("ERROR:  22012:" in main.ask("SELECT 1 / 0;"), True)
    equal(main.ask("SELECT 1;\n\\echo :LAST_ERROR_SQLSTATE"), "1\n22012")


def cancel():
    main.type(SLEEP + ";")
    until(lambda: other.ask(SLEEPING.replace("(60)", "(60);") + ";") == "1", "the statement runs")
    os.kill(main.process.pid, signal.SIGINT)
    equal("57014" in main.answer(), True)
    equal(main.ask("SELECT 1;"), "1")


def notice():
    equal(main.ask(NOTICE + ";").splitlines()[0], "NOTICE:  00000: a notice: 42")


def large():
    main.ask(f"\\o large\n{LARGE};\n\\o")
    with open("large") as file:
        equal(file.read().count("x"), 10_000_000)


def bytea():
    main.ask(f"\\set b '{BYTES[:1024].hex()}'")
    equal(main.ask("SELECT decode(:'b', 'hex');"), "\\x" + BYTES[:1024].hex())


def unicode():
    equal(main.ask(f"SELECT '{UNICODE}', length('🐘');"), UNICODE + "|1")


def notify():
    main.ask("LISTEN matrix;")
    other.ask("NOTIFY matrix, 'from the other';")
    wanted = 'Asynchronous notification "matrix" with payload "from the other" received'
    until(lambda: wanted in main.ask("SELECT 1;"), "the notification")


run(login, parameters, prepared, rollback, copy_in, copy_out, sqlstate, cancel, notice, large, bytea, unicode, notify)
