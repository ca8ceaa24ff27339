"""Random pipelines of protocol messages, what they are answered with, and how to make a failing one small.

A pipeline is a list of bursts; a burst is a list of items (a label and bytes) that are sent without waiting, and says how its
end is recognised. Everything comes from one random generator, so a seed is a pipeline.
"""

import random
import time

import wire as w

STATEMENTS = ("", "", "a", "b", "c")
PORTALS = ("", "", "p", "q")

# Text and the number of its parameters. {t} is a table of the client's own, whose rows change: it is read on the primary.
READS = (
    ("SELECT 1", 0), ("SELECT $1::int + 1", 1), ("SELECT $1::text, $2::int", 2), ("SELECT generate_series(1, 5)", 0),
    ("SELECT n, v FROM fixed ORDER BY n", 0), ("SELECT v FROM fixed WHERE n = $1", 1), ("VALUES (1, 'x'), (2, NULL)", 0),
    ("SELECT count(*) FROM fixed WHERE v <> $1", 1), ("TABLE fixed", 0), ("SELECT 1 WHERE false", 0), ("", 0),
    ("SELECT repeat('x', 20000)", 0), ("/* pgweir: primary */ SELECT n FROM {t} ORDER BY n", 0), ("SELECT FROM fixed", 0),
)
WRITES = (
    ("INSERT INTO {t} VALUES ($1) RETURNING n", 1), ("INSERT INTO {t} VALUES (1)", 0), ("UPDATE {t} SET n = n + 1", 0),
    ("DELETE FROM {t} WHERE n > $1::int RETURNING n", 1), ("SELECT n FROM {t} ORDER BY n FOR UPDATE", 0),
    ("INSERT INTO {t} VALUES (7) ON CONFLICT DO NOTHING", 0), ("LOCK TABLE {t}", 0),
)
FAILURES = (
    ("SELECT 1/0", 0), ("SELECT 10 / $1::int", 1), ("SELEC 1", 0), ("SELECT nope FROM fixed", 0), ("SELECT 'x'::int", 0),
    ("SELECT * FROM absent", 0), ("INSERT INTO {t} VALUES ('x')", 0), ("SELECT 1/(3 - g) FROM generate_series(1, 5) g", 0),
    ("SELECT 1; SELECT 2", 0), ("SET no_such_setting = 1", 0), ("SET timezone = 'Nowhere'", 0), ("SELECT 'open", 0),
)
TRANSACTION = (
    "BEGIN", "BEGIN", "BEGIN", "COMMIT", "COMMIT", "ROLLBACK", "ROLLBACK", "SAVEPOINT x", "ROLLBACK TO x", "RELEASE x",
    "COMMIT AND CHAIN", "BEGIN READ ONLY", "START TRANSACTION READ WRITE", "END", "ABORT",
)
SETTINGS = (
    "SET timezone = 'Asia/Tokyo'", "SET datestyle = 'SQL, DMY'", "SET LOCAL timezone = 'America/New_York'", "SET intervalstyle = 'iso_8601'",
    "SET application_name = 'x y'", "RESET timezone", "RESET ALL", "RESET application_name", "SET timezone TO DEFAULT",
    "SHOW timezone", "SHOW application_name", "SHOW datestyle", "SET standard_conforming_strings = off", "SET client_encoding = 'LATIN1'",
)
PINNING = (
    "SET work_mem = '7MB'", "SHOW work_mem", "CREATE TEMP TABLE mine (n int)", "INSERT INTO mine VALUES (1)", "SELECT n + 0 FROM mine",
    "PREPARE s AS SELECT 'sql'", "EXECUTE s", "PREPARE d AS SELECT $1::int", "EXECUTE d(3)", "DECLARE h CURSOR WITH HOLD FOR TABLE fixed",
    "DECLARE k CURSOR FOR TABLE fixed", "FETCH 1 FROM h", "FETCH 1 FROM k", "CLOSE h", "LISTEN news", "UNLISTEN *", "DO $$ BEGIN END $$",
    "SELECT set_config('work_mem', '5MB', false)", "SELECT pg_advisory_lock({k})", "SELECT pg_advisory_unlock_all()", "DISCARD TEMP",
)
FORGETTING = ("DEALLOCATE a", "DEALLOCATE b", "DEALLOCATE ALL", "DISCARD ALL", "DEALLOCATE nobody")
MIXED = (
    "SELECT 1; SELECT 2", "SELECT 1; SELECT 1/0; SELECT 2", "BEGIN; SELECT 1", "INSERT INTO {t} VALUES (5); SELECT 1/0",
    "SET timezone = 'Asia/Kolkata'; SELECT 1", "BEGIN; SET timezone = 'UTC'; ROLLBACK", "COMMIT; SELECT 3", ";", "SELECT 1; ;",
    "INSERT INTO {t} VALUES (5); COMMIT; SELECT 1/0", "SET datestyle = 'German'; SELECT 1/0", "BEGIN; COMMIT; BEGIN; SELECT 1",
)
# Literals that mean what the settings at Parse say: parsed and bound in one breath (docs/routing.md, "What to know").
LITERALS = ("SELECT '01/02/2020'::date", "SELECT '2020-01-02 03:04+00'::timestamptz", "SELECT '1 day 2 hours'::interval", "SELECT 'a\\b'")

INT4PL = w.message("F", b"\0\0\0\xb1" + b"\0\0" + b"\0\2" + (b"\0\0\0\1" + b"2") * 2 + b"\0\0")


class Burst(list):
    """Items of (label, bytes). `wait`: "sync" (a Sync ends it), "flush" (a Flush, no Query in it), or "" (nobody waits)."""

    def __init__(self, items, wait):
        super().__init__(items)
        self.wait = wait


class Generator:
    def __init__(self, seed, table, number=0):
        self.dice = random.Random(seed)
        self.table, self.number = table, number
        self.parameters = {name: 0 for name in STATEMENTS}

    def pipeline(self):
        return [self.burst() for _ in range(self.dice.randint(1, 6))]

    def burst(self):
        wait = self.dice.choice(("sync", "sync", "sync", "sync", "flush", ""))
        items = []
        for _ in range(self.dice.randint(1, 7)):
            items += self.segment(wait != "flush")
        if wait == "flush":
            items = [("Sync", w.SYNC), *items]
        return Burst(items, wait)

    def sql(self, text):
        return text.replace("{t}", self.table).replace("{k}", str(self.number))

    def segment(self, queries):
        """Some items that belong together; `queries`: a Query may be among them."""
        kinds = [(10, self.loose), (10, self.whole), (4, self.text_extended), (2, self.literal), (2, self.portal_use)]
        if queries:
            kinds += [(9, self.simple), (2, self.copy_in), (2, self.copy_in_extended), (1, self.function_call), (2, self.forget)]
        return self.dice.choices([k for _, k in kinds], [weight for weight, _ in kinds])[0]()

    # ---- one message

    def any_text(self):
        group = self.dice.choices((READS, WRITES, FAILURES), (6, 3, 2))[0]
        text, count = self.dice.choice(group)
        return self.sql(text), count

    def values(self, count):
        if self.dice.random() < 0.03:
            count += 1
        return [self.dice.choice((0, 1, 2, 3, 17, None)) for _ in range(count)]

    def parse(self, name, text, count):
        """A name that exists is closed first: pgweir finds it before it reads the text, PostgreSQL afterwards."""
        self.parameters[name] = count
        if not name:
            return f"Parse('', {text!r})", w.parse(text)
        return f"Close(S, {name!r}) Parse({name!r}, {text!r})", w.close("S", name) + w.parse(text, name)

    def bind(self, name, portal):
        values = self.values(self.parameters.get(name, 0))
        return f"Bind({values}, {name!r}, {portal!r})", w.bind(values, name, portal)

    def describe(self, kind, name):
        return f"Describe({kind}, {name!r})", w.describe(kind, name)

    def execute(self, portal, limit=0):
        return f"Execute({portal!r}, {limit})", w.execute(portal, limit)

    def close(self):
        kind = self.dice.choice("SSP")
        name = self.dice.choice(STATEMENTS if kind == "S" else PORTALS)
        return f"Close({kind}, {name!r})", w.close(kind, name)

    def query(self, text):
        return f"Query({text!r})", w.query(text)

    # ---- some that belong together

    def loose(self):
        """One message of the extended protocol, in no order."""
        name, portal, kind = self.dice.choice(STATEMENTS), self.dice.choice(PORTALS), self.dice.randrange(9)
        if kind <= 1:
            text, count = self.any_text()
            return [self.parse(name, text, count)]
        if kind == 2:
            return [self.bind(name, portal)]
        if kind == 3:
            return [self.dice.choice((self.describe("S", name), self.describe("P", portal)))]
        if kind == 4:
            return [self.execute(portal, self.dice.choice((0, 0, 1, 2)))]
        if kind == 5:
            return [self.close()]
        if kind == 6:
            return [("Flush", w.FLUSH)]
        return [("Sync", w.SYNC)]

    def whole(self):
        """Parse to Execute, some of it left out at times, mostly with a Sync."""
        name, portal = self.dice.choice(STATEMENTS), self.dice.choice(PORTALS)
        text, count = self.any_text()
        items = []
        if self.dice.random() < 0.8:
            items.append(self.parse(name, text, count))
        if self.dice.random() < 0.3:
            items.append(self.describe("S", name))
        if self.dice.random() < 0.95:
            items.append(self.bind(name, portal))
        if self.dice.random() < 0.4:
            items.append(self.describe("P", portal))
        items.append(self.execute(portal, self.dice.choice((0, 0, 0, 2))))
        return items + self.maybe_sync(0.7)

    def text_extended(self):
        """What drivers send for BEGIN, SET and the like: through the unnamed statement."""
        group = self.dice.choices((TRANSACTION, SETTINGS, PINNING), (10, 5, 2))[0]
        text = self.sql(self.dice.choice(group))
        return [self.parse("", text, 0), self.bind("", ""), self.execute("")] + self.maybe_sync(0.8)

    def literal(self):
        text = self.dice.choice(LITERALS)
        return [("Sync", w.SYNC), self.parse("", text, 0), self.bind("", ""), self.execute(""), ("Sync", w.SYNC)]

    def portal_use(self):
        """A portal that is read in parts."""
        portal = self.dice.choice(PORTALS)
        return [self.execute(portal, self.dice.choice((1, 2, 0)))] + self.maybe_sync(0.3)

    def maybe_sync(self, chance):
        return [("Sync", w.SYNC)] if self.dice.random() < chance else []

    def simple(self):
        group = self.dice.choices((TRANSACTION, SETTINGS, MIXED, PINNING, LITERALS, None), (10, 6, 5, 2, 2, 6))[0]
        if group is None:
            text, count = self.any_text()
            text = text.replace("$1", "1").replace("$2", "2") if count else text
        else:
            text = self.sql(self.dice.choice(group))
        return [self.query(text)]

    def forget(self):
        """What drops statements; with a Sync before and behind it (docs/routing.md, "What to know")."""
        text = self.dice.choice(FORGETTING)
        if self.dice.random() < 0.5:
            return [("Sync", w.SYNC), self.query(text)]
        return [("Sync", w.SYNC), self.parse("", text, 0), self.bind("", ""), self.execute(""), ("Sync", w.SYNC)]

    def function_call(self):
        return [("FunctionCall", INT4PL)]

    def copy_text(self):
        return self.sql(self.dice.choice(("COPY {t} FROM STDIN", "COPY {t} FROM STDIN", "COPY {t} (n) FROM STDIN", "COPY absent FROM STDIN",
                                          "COPY fixed TO STDOUT", "COPY (SELECT n FROM fixed) TO STDOUT",
                                          "COPY (SELECT 1/(3 - n) FROM fixed) TO STDOUT", "COPY {t} FROM STDIN WHERE n > 2")))

    def copy_rest(self, sync):
        """Data, good or bad, cut anywhere, and its end. A Sync amid good data is ignored; amid bad data it would be a race."""
        bad = self.dice.random() < 0.3
        lines = b"".join(b"%d\n" % n for n in range(self.dice.randint(0, 5))) + (b"x\n8\n" if bad else b"")
        data = b""
        while lines:
            cut = self.dice.randint(1, len(lines))
            data += w.copy_data(lines[:cut])
            lines = lines[cut:]
            if not bad and self.dice.random() < 0.2:
                data += self.dice.choice((w.SYNC, w.FLUSH)) if sync else w.FLUSH
        return data + (w.COPY_DONE if self.dice.random() < 0.8 else w.message("f", w.text("changed my mind")))

    def copy_in(self):
        """One item, so that shrinking leaves no COPY without its end."""
        text, rest = self.copy_text(), self.copy_rest(False)
        return [("Sync", w.SYNC), (f"Query({text!r}) {rest!r}", w.query(text) + rest)]

    def copy_in_extended(self):
        text, rest = self.copy_text(), self.copy_rest(True)
        early = w.SYNC if self.dice.random() < 0.3 and "absent" in text else b""
        start = w.parse(text) + w.bind() + w.execute() + early
        return [("Sync", w.SYNC), (f"P B E({text!r}) {early + rest!r} Sync", start + rest + w.SYNC)]


# ---- running one

SYNC_MARK = w.SYNC + (w.close("S", "no such statement") + w.SYNC) * 3
FLUSH_MARK = w.close("S", "no such statement") * 4 + w.FLUSH


def settled(pipeline):
    """The same with a Sync before each Query and FunctionCall that has none behind its extended requests: PostgreSQL 18.6 itself loses
    what such a one did, and a backend of it may crash of it (docs/sessions.md)."""
    open_requests, bursts = False, []
    for burst in pipeline:
        items = []
        for label, data in burst:
            if label.startswith(("Query", "FunctionCall")):
                items += [("Sync", w.SYNC)] if open_requests else []
                open_requests = False
            else:
                open_requests = not label.endswith("Sync")
            items.append((label, data))
        bursts.append(Burst(items, burst.wait))
    return bursts


def run(wire, pipeline, chunks=None):
    """What each burst is answered with: a list of lists of (tag, body). `chunks` (a random generator) cuts the bytes."""
    answers = []
    for number, burst in enumerate(pipeline):
        data = b"".join(item[1] for item in burst)
        wait = burst.wait if number + 1 < len(pipeline) else "sync"
        data += {"sync": SYNC_MARK, "flush": FLUSH_MARK, "": b""}[wait]
        try:
            send(wire, data, chunks)
        except ConnectionError:
            pass  # closed: what came before can still be read
        answers.append(read_burst(wire, wait))
    return answers


def send(wire, data, chunks):
    while chunks is not None and data and chunks.random() < 0.3:
        cut = chunks.randint(1, len(data))
        wire.send(data[:cut])
        data = data[cut:]
    wire.send(data)


def read_burst(wire, wait):
    deadline, messages = time.monotonic() + wire.timeout, []
    try:
        while not ended(messages, wait):
            messages.append(wire.read(deadline))
    except w.Closed:
        messages.append(w.Message("closed", b""))
    except TimeoutError:
        messages.append(w.Message("timeout", b""))
    return [(m.tag, m.body) for m in messages]


def ended(messages, wait):
    if messages and messages[-1].tag in ("closed", "timeout"):
        return True
    tags = [m.tag for m in messages[-6:]]
    if wait == "sync":
        return tags == ["3", "Z"] * 3
    # An error of an extended request: the server is skipping, and says nothing more until the Sync of the next burst.
    return not wait or tags[-4:] == ["3"] * 4 or tags[-1:] == ["E"]


# ---- making a failing one small

def shrink(pipeline, fails, deadline):
    """Drops bursts and items, one by one, for as long as `fails` says so."""
    smaller = True
    while smaller and time.monotonic() < deadline:
        smaller = False
        for candidate in reductions(pipeline):
            if time.monotonic() > deadline:
                break
            if fails(candidate):
                pipeline, smaller = candidate, True
                break
    return pipeline


def reductions(pipeline):
    for i in range(len(pipeline)):
        if len(pipeline) > 1:
            yield pipeline[:i] + pipeline[i + 1:]
    for i, burst in enumerate(pipeline):
        for j in range(len(burst)):
            yield pipeline[:i] + [Burst(burst[:j] + burst[j + 1:], burst.wait)] + pipeline[i + 1:]
        if burst.wait and i + 1 < len(pipeline) and burst.wait == "sync":
            yield pipeline[:i] + [Burst([*burst, *pipeline[i + 1]], pipeline[i + 1].wait)] + pipeline[i + 2:]


def words(pipeline):
    return "\n".join(f"  burst, then wait for {b.wait or 'nothing'}: " + "; ".join(label for label, _ in b) for b in pipeline)
