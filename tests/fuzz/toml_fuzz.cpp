// The configuration's loader takes any text: a Config, or a ConfigError with problems; nothing else leaves it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/diff.hpp"
#include "config/load.hpp"
#include "config/show.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pgweir::config;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        const Config config = load_text(text, "fuzz.toml");
        if (show(config).empty() || !diff(config, config).empty()) std::abort();
    } catch (const ConfigError& error) {
        if (error.problems().empty()) std::abort();
    }
    return 0;
}
