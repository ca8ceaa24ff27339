#include "oracle.hpp"

#include <pg_query.h>

#include <array>
#include <boost/json.hpp>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace pgweir::oracle {

namespace {

namespace json = boost::json;

// Nodes that no read holds.
constexpr std::array<std::string_view, 5> kForbidden = {"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "LockingClause"};

[[nodiscard]] std::vector<std::string_view> names_of(const json::value& list) {
    std::vector<std::string_view> names;
    for (const json::value& item : list.as_array()) {
        names.push_back(item.as_object().at("String").as_object().at("sval").as_string());
    }
    return names;
}

class Walk {
  public:
    explicit Walk(const sql::Allowlist& functions) : functions_(functions) {}

    void statement(const json::object& node) {
        const std::string_view kind = node.begin()->key();
        const json::object& inside = node.begin()->value().as_object();
        if (kind == "ExplainStmt") {
            const json::object& query = inside.at("query").as_object();
            if (query.begin()->key() != "SelectStmt") return found("EXPLAIN of " + std::string(query.begin()->key()));
        } else if (kind == "CopyStmt") {
            if (inside.contains("is_from")) return found("COPY FROM");
            if (inside.contains("is_program")) return found("COPY TO PROGRAM");
            if (inside.contains("filename")) return found("COPY TO a file");
        } else if (kind != "SelectStmt") {
            return found(std::string(kind));
        }
        value(node.begin()->value());
    }

    void found(const std::string& danger) {
        if (danger_.empty()) danger_ = danger;
    }
    [[nodiscard]] const std::string& danger() const { return danger_; }

  private:
    void value(const json::value& node) {
        if (node.is_array()) {
            for (const json::value& item : node.as_array()) value(item);
        } else if (node.is_object()) {
            for (const auto& member : node.as_object()) {
                look_at(member.key(), member.value());
                value(member.value());
            }
        }
    }

    void look_at(std::string_view key, const json::value& node) {
        for (const std::string_view forbidden : kForbidden) {
            if (key == forbidden) found(std::string(key));
        }
        if (key == "intoClause") found("SELECT INTO");
        if (key == "FuncCall") function(names_of(node.as_object().at("funcname")));
        if (key == "RangeTableSample") function(names_of(node.as_object().at("method")));
    }

    void function(const std::vector<std::string_view>& names) {
        const bool builtin = names.size() == 1 || (names.size() == 2 && names[0] == "pg_catalog");
        if (builtin ? functions_.contains(names.back()) : functions_.contains_added(names.back())) return;
        found("function " + std::string(names.back()));
    }

    const sql::Allowlist& functions_;
    std::string danger_;
};

[[nodiscard]] std::string danger_in(std::string_view tree, const sql::Allowlist& functions) {
    std::array<unsigned char, 65536> memory;
    json::monotonic_resource resource(memory.data(), memory.size());
    json::parse_options options;
    options.max_depth = 100'000;
    options.allow_invalid_utf8 = true;
    const json::value parsed = json::parse({tree.data(), tree.size()}, &resource, options);
    const json::array& statements = parsed.as_object().at("stmts").as_array();
    Walk walk(functions);
    if (statements.size() != 1) walk.found(statements.empty() ? "no statement" : "several statements");
    for (const json::value& statement : statements) walk.statement(statement.as_object().at("stmt").as_object());
    return walk.danger();
}

}  // namespace

Verdict examine(const std::string& text, const sql::Allowlist& functions) {
    PgQueryParseResult result = pg_query_parse(text.c_str());
    Verdict verdict;
    verdict.parses = result.error == nullptr;
    if (verdict.parses) {
        verdict.danger = danger_in(result.parse_tree, functions);
    } else {
        verdict.error = result.error->message;
    }
    pg_query_free_parse_result(result);
    return verdict;
}

}  // namespace pgweir::oracle
