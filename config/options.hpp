// The one table of options: what the file may hold, and how it reaches the structs. The loader, the checks,
// config/example.toml, the table in docs/configuration.md and SHOW CONFIG all come from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "config/config.hpp"
#include "config/value.hpp"

namespace pgweir::config {

// A struct of the configuration that holds options.
using Block = std::variant<Proxy*, Pool*, Routing*, ClientTls*, ServerTls*, Tcp*, Monitor*, Breaker*, Http*, Log*, Server*, Discovery*, Database*, User*, Access*>;
using ConstBlock = std::variant<const Proxy*, const Pool*, const Routing*, const ClientTls*, const ServerTls*, const Tcp*, const Monitor*, const Breaker*, const Http*, const Log*,
                                const Server*, const Discovery*, const Database*, const User*, const Access*>;

// One row of the table.
struct Option {
    std::string_view section;  // "proxy"
    std::string_view key;      // "listen_port": the struct member's name
    Type type = Type::text;
    std::uint64_t min = 0;  // of integers; milliseconds of durations; bytes of sizes
    std::uint64_t max = 0;
    std::span<const std::string_view> choices;  // of Type::choice, by index
    bool reloadable = true;
    bool required = false;      // must be in the file, and not empty
    bool may_be_empty = false;  // of texts
    bool secret = false;        // a password: never shown; KEY_file and KEY_env are other sources of it
    std::string_view inherits;  // "section.key" that counts when this is not set
    std::string_view sample;    // what the example file sets it to
    std::string_view doc;
    Value (*get)(ConstBlock) = nullptr;  // the block must be of the option's section
    void (*set)(Block, const Value&) = nullptr;
};

// A section of the file: [name], or [[name]] when repeated.
struct Section {
    std::string_view name;
    bool repeated = false;
    bool optional = false;  // the example file shows it as a comment
    std::string_view doc;
    std::size_t (*count)(const Config&) = nullptr;           // how many blocks there are; 1 if not repeated
    ConstBlock (*at)(const Config&, std::size_t) = nullptr;  // the block of that index
    Block (*add)(Config&) = nullptr;                         // a new block, or the only one
    ConstBlock (*defaults)() = nullptr;                      // a block as it is before the file is read
};

[[nodiscard]] std::span<const Section> sections();
[[nodiscard]] std::span<const Option> options();
// The rows of one section, in the table's order; empty for an unknown name.
[[nodiscard]] std::span<const Option> options_of(std::string_view section);
// By "section.key"; nullptr when unknown.
[[nodiscard]] const Option* find_option(std::string_view path);

// "server.NAME" for a block of a repeated section, else the section's name.
[[nodiscard]] std::string block_path(const Section& section, ConstBlock block);

}  // namespace pgweir::config
