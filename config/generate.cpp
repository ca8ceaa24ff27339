#include "config/generate.hpp"

#include "config/options.hpp"

namespace pgweir::config {

namespace {

constexpr std::size_t kWidth = 100;

// Comment lines of at most kWidth characters.
void append_comment(std::string& out, std::string_view text) {
    std::string line = "#";
    while (!text.empty()) {
        const std::size_t end = text.find(' ');
        const std::string_view word = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.size() + 1 + word.size() > kWidth && line.size() > 1) {
            out += line + "\n";
            line = "#";
        }
        line += " " + std::string(word);
    }
    out += line + "\n";
}

std::string described(const Option& option) {
    std::string text(option.doc);
    if (const std::string values = allowed(option); !values.empty()) text += " Allowed: " + values + ".";
    if (!option.inherits.empty()) text += " Not set: as " + std::string(option.inherits) + ".";
    return text;
}

void append_option(std::string& out, const Section& section, const Option& option) {
    append_comment(out, described(option));
    const Value value = option.get(section.defaults());
    if (!option.sample.empty()) {
        out += std::string(option.key) + " = " + quoted(option.sample) + "\n";
    } else if (std::holds_alternative<std::monostate>(value) || option.secret) {
        out += "# " + std::string(option.key) + " = " + to_toml(option, value) + "\n";
    } else {
        out += std::string(option.key) + " = " + to_toml(option, value) + "\n";
    }
    if (option.secret) {
        append_comment(out, "Instead: " + std::string(option.key) + "_file = \"a file that holds it\", or " +
                                std::string(option.key) + "_env = \"ENVIRONMENT_VARIABLE\".");
    }
    out += "\n";
}

std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
    return out;
}

}  // namespace

std::string example_toml() {
    std::string out;
    append_comment(out, "Every option of pgweir with its meaning and its default.");
    append_comment(out, "Generated from the table in config/options.cpp. Check a file with: pgweir check FILE");
    append_comment(out, "Durations: 500ms, 15s, 2min, 1h, 1d; a bare number is seconds. Sizes: 64kB, 16MB, 1GB; a bare "
                        "number is bytes.");
    for (const Section& section : sections()) {
        out += "\n";
        append_comment(out, section.doc);
        const std::string name(section.name);
        out += section.repeated ? "[[" + name + "]]\n\n" : "[" + name + "]\n\n";
        for (const Option& option : options_of(section.name)) append_option(out, section, option);
        out.pop_back();
    }
    return out;
}

std::string options_markdown() {
    std::string out;
    for (const Section& section : sections()) {
        const std::string name(section.name);
        out += "### " + (section.repeated ? "[[" + name + "]]" : "[" + name + "]") + "\n\n" + std::string(section.doc) +
               "\n\n| key | default | allowed | RELOAD | meaning |\n|---|---|---|---|---|\n";
        for (const Option& option : options_of(section.name)) {
            const Value value = option.get(section.defaults());
            const std::string shown = option.required ? "(required)" : option.inherits.empty()
                                                                           ? to_text(option, value)
                                                                           : "as " + std::string(option.inherits);
            out += "| `" + std::string(option.key) + "` | " + cell(shown) + " | " + cell(allowed(option)) + " | " +
                   (option.reloadable ? "yes" : "no") + " | " + cell(option.doc) + " |\n";
        }
        out += "\n";
    }
    return out;
}

}  // namespace pgweir::config
