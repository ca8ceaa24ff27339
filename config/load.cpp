#include "config/load.hpp"

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "config/document.hpp"
#include "config/nearest.hpp"
#include "config/options.hpp"
#include "config/password.hpp"
#include "config/read_value.hpp"
#include "config/userlist.hpp"
#include "config/validate.hpp"

namespace pgweir::config {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFileSuffix = "_file";
constexpr std::string_view kEnvSuffix = "_env";

// The option that a key of the file sets, and from where.
struct Target {
    const Option* option = nullptr;  // none: the key is unknown
    std::string_view source;         // empty, kFileSuffix or kEnvSuffix
};

Target target_of(std::string_view section, std::string_view key) {
    for (const Option& option : options_of(section)) {
        if (key == option.key) return {&option, {}};
        if (!option.secret || !key.starts_with(option.key)) continue;
        const std::string_view rest = key.substr(option.key.size());
        if (rest == kFileSuffix) return {&option, kFileSuffix};
        if (rest == kEnvSuffix) return {&option, kEnvSuffix};
    }
    return {};
}

std::vector<std::string> keys_of(std::string_view section) {
    std::vector<std::string> keys;
    for (const Option& option : options_of(section)) {
        keys.emplace_back(option.key);
        if (!option.secret) continue;
        keys.push_back(std::string(option.key) + std::string(kFileSuffix));
        keys.push_back(std::string(option.key) + std::string(kEnvSuffix));
    }
    return keys;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
    const auto near = nearest(word, candidates);
    return near ? "; did you mean '" + *near + "'?" : "";
}

// For a key that no section of that name has: the nearest key there, or the same key of another section.
std::string hint_for_key(std::string_view section, std::string_view key) {
    std::string hint = did_you_mean(key, keys_of(section));
    if (!hint.empty()) return hint;
    for (const Section& other : sections()) {
        if (target_of(other.name, key).option == nullptr) continue;
        return "; did you mean '" + std::string(other.name) + '.' + std::string(key) + "'?";
    }
    return "";
}

std::string bracketed(const Section& section) {
    const std::string name(section.name);
    return section.repeated ? "[[" + name + "]]" : '[' + name + ']';
}

class Loader {
  public:
    explicit Loader(std::string_view file_name) : file_(file_name) {}

    Config load(const Table& document);

  private:
    void resolve_files();
    void read_auth_file();
    void problem(Position where, std::string key, std::string message) {
        problems_.push_back({file_, where, std::move(key), std::move(message)});
    }
    void unknown_section(const Entry& entry);
    void read_section(const Section& section, const Entry& entry);
    void read_block(const Section& section, Position where, const Table& table);
    void read_entry(const Section& section, Block block, std::size_t index, const Entry& entry);
    [[nodiscard]] ReadValue read_secret(const Target& target, const Node& node) const;
    void check_sources(const Section& section, const Option& option, const Table& table);
    void check_required(const Section& section, Position where, const Option& option, const Table& table);

    std::string file_;
    Config config_;
    Origins origins_;
    std::vector<Problem> problems_;
};

void Loader::unknown_section(const Entry& entry) {
    std::vector<std::string> names;
    std::string all;
    for (const Section& section : sections()) {
        names.emplace_back(section.name);
        all += (all.empty() ? "" : ", ") + bracketed(section);
    }
    const bool table =
        std::holds_alternative<Table>(entry.node.value) || std::holds_alternative<Array>(entry.node.value);
    std::string message = table ? "unknown section; allowed: " + all : "unknown key outside a section";
    std::string hint = did_you_mean(entry.key, names);
    if (hint.empty()) hint = hint_for_key("", entry.key);
    problem(entry.where, entry.key, message + hint);
}

void Loader::read_section(const Section& section, const Entry& entry) {
    const std::string must = "must be written " + bracketed(section);
    if (!section.repeated) {
        if (const auto* table = std::get_if<Table>(&entry.node.value)) return read_block(section, entry.where, *table);
        return problem(entry.where, entry.key, must);
    }
    const auto* array = std::get_if<Array>(&entry.node.value);
    if (array == nullptr) return problem(entry.where, entry.key, must);
    for (const Node& node : *array) {
        if (const auto* table = std::get_if<Table>(&node.value))
            read_block(section, node.where, *table);
        else
            problem(node.where, entry.key, must);
    }
}

void Loader::read_block(const Section& section, Position where, const Table& table) {
    const std::size_t index = section.repeated ? section.count(config_) : 0;
    const Block block = section.add(config_);
    origins_.note(section.name, index, "", where);
    for (const Entry& entry : table) read_entry(section, block, index, entry);
    for (const Option& option : options_of(section.name)) {
        if (option.secret) check_sources(section, option, table);
        if (option.required) check_required(section, where, option, table);
    }
}

void Loader::read_entry(const Section& section, Block block, std::size_t index, const Entry& entry) {
    const std::string path = std::string(section.name) + '.' + entry.key;
    const Target target = target_of(section.name, entry.key);
    if (target.option == nullptr)
        return problem(entry.where, path, "unknown key" + hint_for_key(section.name, entry.key));
    ReadValue read = target.source.empty() ? read_value(*target.option, entry.node) : read_secret(target, entry.node);
    if (!read.error.empty()) return problem(entry.node.where, path, std::move(read.error));
    target.option->set(block, read.value);
    origins_.note(section.name, index, target.option->key, entry.node.where);
}

ReadValue Loader::read_secret(const Target& target, const Node& node) const {
    const auto* text = std::get_if<std::string>(&node.value);
    const bool is_file = target.source == kFileSuffix;
    const std::string_view what = is_file ? "the name of a file" : "the name of an environment variable";
    if (text == nullptr) return {{}, "must be " + std::string(what) + ", not " + std::string(noun(node))};
    if (text->empty() || text->find('\0') != std::string::npos) return {{}, "must be " + std::string(what)};
    const PasswordSource source =
        is_file ? password_from_file(fs::path(file_).parent_path() / *text) : password_from_env(*text);
    if (!source.error.empty()) return {{}, source.error};
    const std::string error = check_text(*target.option, source.password);
    if (!error.empty()) return {{}, "the password found there " + error};
    return {source.password, {}};
}

void Loader::check_sources(const Section& section, const Option& option, const Table& table) {
    const Entry* first = nullptr;
    for (const Entry& entry : table) {
        if (target_of(section.name, entry.key).option != &option) continue;
        if (first != nullptr) {
            const Entry* later = entry.where < first->where ? first : &entry;
            const Entry* earlier = later == first ? &entry : first;
            problem(later->where, std::string(section.name) + '.' + later->key,
                    "the password is given already by " + earlier->key + "; allowed: only one of " +
                        std::string(option.key) + ", " + std::string(option.key) + "_file, " + std::string(option.key) +
                        "_env");
        }
        if (first == nullptr || entry.where < first->where) first = &entry;
    }
}

void Loader::check_required(const Section& section, Position where, const Option& option, const Table& table) {
    const bool there = std::ranges::any_of(table, [&](const Entry& entry) { return entry.key == option.key; });
    if (!there) problem(where, std::string(section.name), "the key '" + std::string(option.key) + "' is missing");
}

// Files are named from where the configuration is.
void Loader::resolve_files() {
    std::vector<std::string*> names = {&config_.client_tls.cert_file, &config_.client_tls.key_file, &config_.client_tls.ca_file,
                              &config_.server_tls.cert_file, &config_.server_tls.key_file, &config_.server_tls.ca_file,
                                       &config_.proxy.auth_file};
    for (Discovery& discovery : config_.discoveries) names.push_back(&discovery.ca_file);
    for (std::string* name : names) {
        if (!name->empty()) *name = (fs::path(file_).parent_path() / *name).string();
    }
}

// A name in both is [[user]]'s.
void Loader::read_auth_file() {
    if (config_.proxy.auth_file.empty()) return;
    config_.file_users = load_userlist(config_.proxy.auth_file, problems_);
    std::set<std::string_view> own;
    for (const User& user : config_.users) own.insert(user.name);
    std::erase_if(config_.file_users, [&own](const User& user) { return own.contains(user.name); });
}

Config Loader::load(const Table& document) {
    for (const Entry& entry : document) {
        const auto section =
            std::ranges::find(sections(), entry.key, [](const Section& s) { return std::string(s.name); });
        if (section == sections().end())
            unknown_section(entry);
        else
            read_section(*section, entry);
    }
    for (Problem& found : validate(config_, origins_, file_)) problems_.push_back(std::move(found));
    if (problems_.empty()) problems_ = validate_monitor(config_, origins_, file_);
    if (problems_.empty()) {
        resolve_files();
        read_auth_file();
    }
    if (problems_.empty()) return std::move(config_);
    std::ranges::stable_sort(problems_, {}, &Problem::where);
    throw ConfigError(std::move(problems_));
}

}  // namespace

Config load_text(std::string_view text, std::string_view file_name) {
    if (text.size() > kMaxConfigSize) {
        throw ConfigError({{std::string(file_name), {}, "", "is longer than 1MB"}});
    }
    return Loader(file_name).load(parse_document(text, file_name));
}

Config load_file(const fs::path& path) {
    const auto fail = [&path](std::string why) -> ConfigError {
        return ConfigError({{path.string(), {}, "", "cannot be read: " + std::move(why)}});
    };
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) throw fail(error ? error.message() : "no such file");
    if (fs::is_directory(status)) throw fail("it is a directory");
    std::ifstream in(path, std::ios::binary);
    if (!in) throw fail("permission denied");
    std::string text(kMaxConfigSize + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad()) throw fail("input error");
    text.resize(static_cast<std::size_t>(in.gcount()));
    return load_text(text, path.string());
}

}  // namespace pgweir::config
