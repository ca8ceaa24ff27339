#include "config/load.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "config/document.hpp"
#include "config/nearest.hpp"
#include "config/options.hpp"
#include "config/password.hpp"
#include "config/units.hpp"
#include "config/validate.hpp"

namespace pgweir::config {

namespace {

constexpr std::string_view kFromFile = "_file";
constexpr std::string_view kFromEnv = "_env";

class Loader {
  public:
    explicit Loader(std::string_view file) : file_(file) {}

    Config load(const Table& document) {
        for (const Entry& entry : document) load_section(entry);
        Config config = std::move(config_);
        // Checks of the whole would only echo the problems of the parts.
        if (problems_.empty()) problems_ = validate(config, origins_, file_);
        if (!problems_.empty()) throw ConfigError(std::move(problems_));
        return config;
    }

  private:
    void report(Position where, std::string key, std::string message) {
        problems_.push_back({file_, where, std::move(key), std::move(message)});
    }

    void load_section(const Entry& entry) {
        const auto known = std::find_if(sections().begin(), sections().end(),
                                        [&](const Section& section) { return section.name == entry.key; });
        if (known == sections().end()) {
            std::vector<std::string> names;
            for (const Section& section : sections()) names.emplace_back(section.name);
            return report(entry.where, entry.key, "unknown section" + hint(entry.key, names));
        }
        if (!known->repeated) {
            const auto* table = std::get_if<Table>(&entry.node.value);
            if (table == nullptr) return report(entry.where, entry.key, "is a section: write [" + entry.key + "]");
            return load_block(*known, 0, known->add(config_), entry.where, *table);
        }
        const auto* blocks = std::get_if<Array>(&entry.node.value);
        if (blocks == nullptr) {
            return report(entry.where, entry.key, "is a list of sections: write [[" + entry.key + "]] for each");
        }
        std::size_t index = 0;
        for (const Node& node : *blocks) {
            const auto* table = std::get_if<Table>(&node.value);
            if (table == nullptr) {
                report(node.where, entry.key, "is a list of sections: write [[" + entry.key + "]] for each");
                continue;
            }
            load_block(*known, index++, known->add(config_), node.where, *table);
        }
    }

    void load_block(const Section& section, std::size_t index, Block block, Position where, const Table& table) {
        origins_.note(section.name, index, "", where);
        for (const Entry& entry : table) load_entry(section, index, block, entry);
        for (const Option& option : options_of(section.name)) {
            if (option.secret) check_sources(section, table, option, where);
            const bool given = std::any_of(table.begin(), table.end(), [&](const Entry& e) { return e.key == option.key; });
            if (option.required && !given) report(where, path(section, option.key), "is missing");
        }
    }

    void load_entry(const Section& section, std::size_t index, Block block, const Entry& entry) {
        for (const Option& option : options_of(section.name)) {
            if (entry.key == option.key) {
                origins_.note(section.name, index, entry.key, entry.where);
                return load_value(option, block, entry);
            }
            if (option.secret && (entry.key == std::string(option.key) + std::string(kFromFile) ||
                                  entry.key == std::string(option.key) + std::string(kFromEnv))) {
                origins_.note(section.name, index, option.key, entry.where);
                return load_secret(section, option, block, entry);
            }
        }
        std::vector<std::string> keys;
        for (const Option& option : options_of(section.name)) {
            keys.emplace_back(option.key);
            if (!option.secret) continue;
            keys.push_back(std::string(option.key) + std::string(kFromFile));
            keys.push_back(std::string(option.key) + std::string(kFromEnv));
        }
        report(entry.where, path(section, entry.key), "unknown key" + hint(entry.key, keys));
    }

    void load_secret(const Section& section, const Option& option, Block block, const Entry& entry) {
        const auto* source = std::get_if<std::string>(&entry.node.value);
        if (source == nullptr) {
            return report(entry.node.where, path(section, entry.key),
                          "must be a string, not " + std::string(noun(entry.node)));
        }
        const bool from_file = entry.key.ends_with(kFromFile);
        const auto base = std::filesystem::path(file_).parent_path();
        const PasswordSource read = from_file ? password_from_file(base / *source) : password_from_env(*source);
        if (!read.error.empty()) return report(entry.node.where, path(section, entry.key), read.error);
        option.set(block, Value{read.password});
    }

    void check_sources(const Section& section, const Table& table, const Option& option, Position where) {
        const auto sources = std::count_if(table.begin(), table.end(), [&](const Entry& entry) {
            return entry.key == option.key || entry.key == std::string(option.key) + std::string(kFromFile) ||
                   entry.key == std::string(option.key) + std::string(kFromEnv);
        });
        if (sources < 2) return;
        report(where, path(section, option.key),
               "is given more than once; use one of " + std::string(option.key) + ", " + std::string(option.key) + "_file, " +
                   std::string(option.key) + "_env");
    }

    void load_value(const Option& option, Block block, const Entry& entry) {
        std::string error;
        const Value value = convert(option, entry.node, error);
        if (!error.empty()) {
            return report(entry.node.where, std::string(option.section) + "." + std::string(option.key), error);
        }
        option.set(block, value);
    }

    static std::string wrong_type(const Option& option, const Node& node) {
        std::string text = "must be " + std::string(noun(option.type)) + ", not " + std::string(noun(node));
        if (const std::string values = allowed(option); !values.empty()) text += "; allowed: " + values;
        return text;
    }

    static Value convert(const Option& option, const Node& node, std::string& error) {
        switch (option.type) {
            case Type::boolean:
                if (const bool* flag = std::get_if<bool>(&node.value)) return *flag;
                break;
            case Type::text:
                if (const auto* text = std::get_if<std::string>(&node.value)) {
                    if (text->find('\0') != std::string::npos) error = "must not hold a NUL";
                    if (text->empty() && !option.may_be_empty) error = "must not be empty";
                    return *text;
                }
                break;
            case Type::text_list: return convert_list(option, node, error);
            case Type::choice:
                if (const auto* text = std::get_if<std::string>(&node.value)) return choose(option, *text, error);
                break;
            case Type::integer:
            case Type::duration:
            case Type::size: return convert_number(option, node, error);
        }
        error = wrong_type(option, node);
        return {};
    }

    static Value convert_list(const Option& option, const Node& node, std::string& error) {
        std::vector<std::string> list;
        const auto* items = std::get_if<Array>(&node.value);
        if (items != nullptr) {
            for (const Node& item : *items) {
                const auto* text = std::get_if<std::string>(&item.value);
                if (text == nullptr) break;
                list.push_back(*text);
            }
        }
        if (items == nullptr || list.size() != items->size()) error = wrong_type(option, node);
        return list;
    }

    static Value choose(const Option& option, const std::string& text, std::string& error) {
        const auto found = std::find(option.choices.begin(), option.choices.end(), text);
        if (found != option.choices.end()) return static_cast<std::uint64_t>(found - option.choices.begin());
        const std::vector<std::string> names(option.choices.begin(), option.choices.end());
        error = config::quoted(text) + " is not a value of it; allowed: " + allowed(option) + hint(text, names);
        return {};
    }

    static Value convert_number(const Option& option, const Node& node, std::string& error) {
        std::optional<std::uint64_t> number;
        if (const auto* integer = std::get_if<std::int64_t>(&node.value)) {
            if (*integer < 0) {
                error = "must not be negative; allowed: " + allowed(option);
                return {};
            }
            // A bare number of a duration is seconds, as in PgBouncer.
            const std::uint64_t scale = option.type == Type::duration ? 1000 : 1;
            const auto value = static_cast<std::uint64_t>(*integer);
            number = value > UINT64_MAX / scale ? UINT64_MAX : value * scale;
        } else if (const auto* text = std::get_if<std::string>(&node.value)) {
            if (option.type == Type::duration) number = parse_duration(*text);
            if (option.type == Type::size) number = parse_size(*text);
        }
        if (!number) {
            error = wrong_type(option, node);
            return {};
        }
        if (*number < option.min || *number > option.max) error = "is out of range; allowed: " + allowed(option);
        return *number;
    }

    static std::string path(const Section& section, std::string_view key) {
        return std::string(section.name) + "." + std::string(key);
    }

    static std::string hint(std::string_view word, const std::vector<std::string>& candidates) {
        const auto close = nearest(word, candidates);
        return close ? "; did you mean '" + *close + "'?" : std::string{};
    }

    std::string file_;
    Config config_;
    Origins origins_;
    std::vector<Problem> problems_;
};

[[noreturn]] void fail(const std::filesystem::path& path, std::string message) {
    throw ConfigError({Problem{path.string(), {}, "", std::move(message)}});
}

}  // namespace

Config load_text(std::string_view text, std::string_view file_name) {
    return Loader(file_name).load(parse_document(text, file_name));
}

Config load_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) fail(path, std::string("cannot be read: ") + std::strerror(errno));
    std::string text;
    text.resize(kMaxConfigSize + 1);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad()) fail(path, "cannot be read");
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (text.size() > kMaxConfigSize) fail(path, "is larger than 1 MB");
    return load_text(text, path.string());
}

}  // namespace pgweir::config
