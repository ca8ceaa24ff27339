"""The check of the layers finds what it has to find. Needs no server."""

import subprocess
import tempfile
import unittest
from pathlib import Path

LAYERS = Path(__file__).resolve().parent.parent.parent / "scripts" / "layers"

# Room and file, content, whether it is allowed.
CASES = [
    ("protocol/a.hpp", '#include <vector>\n#include "protocol/b.hpp"\n', True),
    ("protocol/a.cpp", '#include <openssl/evp.h>\n', True),
    ("protocol/a.hpp", '#include "config/config.hpp"\n', False),
    ("proxy/sql/a.cpp", '#include "proxy/routing/route.hpp"\n', False),
    ("proxy/routing/a.cpp", '#include "proxy/sql/statement.hpp"\n', True),
    ("proxy/session/a.cpp", '#include "config/config.hpp"\n', True),
    ("proxy/session/a.cpp", '#include "proxy/net/relay.hpp"\n', False),
    ("proxy/session/a.cpp", '#include <sys/socket.h>\n', False),
    ("proxy/session/a.cpp", '#include <boost/asio/io_context.hpp>\n', False),
    ("proxy/session/a.cpp", "auto t = std::chrono::steady_clock::now();\n", False),
    ("proxy/session/a.cpp", "// never calls steady_clock::now() itself\n", True),
    ("proxy/session/a.cpp", 'auto s = "steady_clock::now()";\n', True),
    ("proxy/session/a.cpp", "/* a comment\nsteady_clock::now()\n*/ int x;\n", True),
    ("proxy/pool/a.cpp", "auto t = Clock::now();\n", False),
    ("proxy/pool/a.hpp", "#include <mutex>\n", False),
    ("proxy/pool/a.hpp", "#include <atomic>\n", True),
    ("proxy/cluster/a.cpp", '#include "proxy/pool/pool.hpp"\n', False),
    ("config/a.cpp", "#include <toml++/toml.h>\n", True),
    ("config/a.cpp", "#include <spdlog/spdlog.h>\n", False),
    ("proxy/net/a.cpp", '#include "proxy/session/x.hpp"\n#include <boost/asio.hpp>\nauto t = steady_clock::now();\n', True),
    ("proxy/net/a.cpp", '#include "proxy/admin/console.hpp"\n', False),
    ("proxy/net/a.cpp", '#include "relay.hpp"\n', False),
    ("proxy/monitor/a.cpp", "#include <libpq-fe.h>\n", True),
    ("proxy/admin/a.cpp", "#include <libpq-fe.h>\n", False),
    ("proxy/app/a.cpp", '#include "proxy/admin/console.hpp"\n#include <CLI/CLI.hpp>\n', True),
]


class Layers(unittest.TestCase):
    def check(self, files):
        with tempfile.TemporaryDirectory() as root:
            for name, content in files.items():
                path = Path(root) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
            return subprocess.run([LAYERS, root], capture_output=True, text=True, timeout=60)

    def test_each_rule(self):
        for name, content, allowed in CASES:
            with self.subTest(file=name, content=content):
                done = self.check({name: content})
                self.assertEqual(done.returncode, 0 if allowed else 1, done.stdout)

    def test_the_line_is_named(self):
        done = self.check({"proxy/sql/a.cpp": '#include <string>\n#include "proxy/net/relay.hpp"\n'})
        self.assertIn("proxy/sql/a.cpp:2: proxy/sql may not include proxy/net", done.stdout)

    def test_an_empty_tree_proves_nothing(self):
        self.assertEqual(self.check({}).returncode, 1)


if __name__ == "__main__":
    unittest.main(argv=["layers_test"], verbosity=2)
