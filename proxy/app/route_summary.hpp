// What `pgweir route --summary` says of many statements: how much of them replicas can take, and what keeps the rest.
#pragma once

#include <array>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/app/statement_source.hpp"
#include "proxy/routing/route.hpp"

namespace pgweir::app {

class RouteSummary {
  public:
    // One more statement, which goes by this route. Statements that differ in their literals alone count as one text.
    void add(const Sample& sample, const routing::Route& route);
    // A report for people. `top`: how many texts are shown of each reason that keeps what looks like a read on the primary.
    void print(std::ostream& out, std::size_t top) const;

  private:
    struct Load {
        std::uint64_t texts = 0, calls = 0;
        double ms = 0;
        void add(const Load& more) noexcept;
    };
    struct Text {
        routing::Target target = routing::Target::primary;
        sql::Reason reason = sql::Reason::not_a_read;
        bool looks_like_read = false;
        Load load{.texts = 1};
    };
    using Entry = std::unordered_map<std::string, Text>::value_type;

    [[nodiscard]] std::string figures(const Load& load, const Load& all) const;
    [[nodiscard]] bool heavier(const Load& a, const Load& b) const noexcept;
    void print_totals(std::ostream& out, const Load& all) const;
    void print_reasons(std::ostream& out, const Load& all) const;
    void print_kept(std::ostream& out, std::size_t top) const;
    [[nodiscard]] Load sum(const auto& wanted) const;

    std::unordered_map<std::string, Text> texts_;  // by route and text without literals
    std::uint64_t hidden_ = 0;  // calls of statements whose text the export does not show
    bool timed_ = false;        // there are times
};

}  // namespace pgweir::app
