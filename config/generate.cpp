#include "config/generate.hpp"

#include <string_view>

#include "config/options.hpp"

namespace pgweir::config {

namespace {

constexpr std::size_t kWidth = 100;

// The words of the text as lines of comment.
std::string comment(std::string_view text) {
    std::string out;
    std::string line = "#";
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        text.remove_prefix(word.size() == text.size() ? word.size() : word.size() + 1);
        if (line.size() > 1 && line.size() + 1 + word.size() > kWidth) {
            out += line + '\n';
            line = "#";
        }
        line += ' ' + std::string(word);
    }
    return out + line + '\n';
}

// The value that counts when the key is not in the file, as TOML.
std::string default_of(const Section& section, const Option& option) {
    const Value value = option.get(section.defaults());
    if (option.inherits.empty()) return to_toml(option, value);
    const Option* found = find_option(option.inherits);
    while (!found->inherits.empty()) found = find_option(found->inherits);
    const Option& inherited = *found;
    for (const Section& other : sections()) {
        if (other.name == inherited.section) return to_toml(inherited, inherited.get(other.defaults()));
    }
    return {};
}

std::string reload_word(const Option& option) { return option.reloadable ? "reload" : "restart"; }

std::string example_entry(const Section& section, const Option& option) {
    std::string notes = option.required ? "required" : "";
    if (const std::string values = allowed(option); !values.empty()) notes += (notes.empty() ? "" : "; ") + values;
    if (!option.reloadable) notes += (notes.empty() ? "" : "; ") + reload_word(option);
    std::string doc(option.doc);
    if (!notes.empty()) doc += " (" + notes + ')';
    if (option.secret) {
        const std::string key(option.key);
        doc += " Or " + key + "_file = \"FILE\", or " + key + "_env = \"VARIABLE\".";
    }
    const std::string value = option.sample.empty() ? default_of(section, option) : in_quotes(option.sample);
    return comment(doc) + (option.sample.empty() || section.optional ? "#" : "") + std::string(option.key) + " = " + value + '\n';
}

std::string type_word(Type type) {
    switch (type) {
        case Type::boolean:
            return "boolean";
        case Type::integer:
            return "integer";
        case Type::duration:
            return "duration";
        case Type::size:
            return "size";
        case Type::choice:
            return "name";
        case Type::text:
            return "string";
        case Type::text_list:
            return "list of strings";
    }
    return {};
}

std::string cell(std::string_view text) {
    std::string out = " ";
    for (const char c : text) {
        if (c == '|') out += '\\';
        out += c;
    }
    return out + (text.empty() ? "|" : " |");
}

std::string code(std::string_view text) { return text.empty() ? "" : '`' + std::string(text) + '`'; }

std::string markdown_row(const Section& section, const Option& option) {
    std::string key = code(option.key);
    if (option.secret)
        key += ", " + code(std::string(option.key) + "_file") + ", " + code(std::string(option.key) + "_env");
    const std::string fallback = option.required            ? "required"
                                 : !option.inherits.empty() ? "as " + code(option.inherits)
                                                            : code(default_of(section, option));
    return '|' + cell(key) + cell(type_word(option.type)) + cell(fallback) + cell(allowed(option)) +
           cell(reload_word(option)) + cell(option.doc) + '\n';
}

std::string heading(const Section& section) {
    const std::string name(section.name);
    return section.repeated ? "[[" + name + "]]" : '[' + name + ']';
}

}  // namespace

std::string example_toml() {
    std::string text =
        "# Every option of pgweir, with its default. Generated from the table in config/options.cpp.\n"
        "# Lines that begin with # and a key are defaults; take the # away to change one.\n"
        "# Durations: \"500ms\", \"15s\", \"2min\", \"1h\", \"1d\", or a number of seconds.\n"
        "# Sizes: \"64kB\", \"16MB\", \"1GB\" (steps of 1024), or a number of bytes.\n"
        "# Words in parentheses: what is allowed; \"restart\" marks what RELOAD cannot change.\n";
    for (const Section& section : sections()) {
        text += '\n' + comment(section.doc) + (section.optional ? "#" : "") + heading(section) + '\n';
        for (const Option& option : options_of(section.name)) text += example_entry(section, option);
    }
    return text;
}

std::string options_markdown() {
    std::string text;
    for (const Section& section : sections()) {
        if (!text.empty()) text += '\n';
        text += "### `" + heading(section) + "`\n\n" + std::string(section.doc) + "\n\n";
        text += "| Key | Type | Default | Allowed | Change | Meaning |\n|---|---|---|---|---|---|\n";
        for (const Option& option : options_of(section.name)) text += markdown_row(section, option);
    }
    return text;
}

}  // namespace pgweir::config
