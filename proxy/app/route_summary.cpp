#include "proxy/app/route_summary.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <ostream>

#include "protocol/utf8.hpp"
#include "proxy/session/printable.hpp"
#include "proxy/sql/lexer.hpp"
#include "proxy/sql/masked.hpp"
#include "proxy/sql/scan.hpp"

namespace pgweir::app {

namespace {

using routing::Route;
using routing::Target;
using sql::Reason;

constexpr std::size_t kShown = 200;  // bytes of a text
// In place of the texts of other roles' statements, for who may not see them.
constexpr std::string_view kHidden = "<insufficient privilege>";

[[nodiscard]] bool begins_like_a_read(std::string_view text) noexcept {
    sql::Lexer lexer(text, true);
    sql::Token token = lexer.next();
    while (token.kind == sql::TokenKind::open) token = lexer.next();
    return token.kind == sql::TokenKind::word && sql::reads(token.keyword.id);
}

// Writing is what it is for.
[[nodiscard]] bool is_plain_write(Reason reason) noexcept {
    return reason == Reason::write || reason == Reason::select_into || reason == Reason::temporary;
}

// Of 100; of nothing, nothing.
[[nodiscard]] double share(double part, double whole) noexcept { return whole > 0 ? 100 * part / whole : 0; }

[[nodiscard]] std::string key_of(const Route& route, const std::string& text) {
    return std::string{static_cast<char>(route.target), static_cast<char>(route.reason)} + text;
}

}  // namespace

void RouteSummary::Load::add(const Load& more) noexcept {
    texts += more.texts;
    calls += more.calls;
    ms += more.ms;
}

void RouteSummary::add(const Sample& sample, const Route& route) {
    timed_ |= sample.total_ms.has_value();
    if (sample.text == kHidden) {
        hidden_ += sample.calls;
        return;
    }
    const auto [place, is_new] = texts_.try_emplace(key_of(route, sql::masked(sample.text)));
    Text& text = place->second;
    if (is_new) {
        text.target = route.target;
        text.reason = route.reason;
        text.looks_like_read = route.target == Target::primary && !is_plain_write(route.reason) && begins_like_a_read(sample.text);
    }
    text.load.calls += sample.calls;
    text.load.ms += sample.total_ms.value_or(0);
}

RouteSummary::Load RouteSummary::sum(const auto& wanted) const {
    Load load;
    for (const auto& [key, text] : texts_) {
        if (wanted(text)) load.add(text.load);
    }
    return load;
}

// By what it costs the servers, if that is known.
bool RouteSummary::heavier(const Load& a, const Load& b) const noexcept {
    if (timed_ && a.ms != b.ms) return a.ms > b.ms;
    return a.calls > b.calls;
}

std::string RouteSummary::figures(const Load& load, const Load& all) const {
    std::string line = fmt::format("{:>8} {:>12} {:>6.1f} %", load.texts, load.calls,
                                   share(static_cast<double>(load.calls), static_cast<double>(all.calls)));
    if (timed_) line += fmt::format(" {:>12.1f} {:>6.1f} %", load.ms / 1000, share(load.ms, all.ms));
    return line;
}

void RouteSummary::print_totals(std::ostream& out, const Load& all) const {
    const std::string head = fmt::format("{:>8} {:>12} {:>8}", "texts", "calls", "share");
    out << fmt::format("{:<32}{}", "", head) << (timed_ ? fmt::format(" {:>12} {:>8}", "seconds", "share") : "") << '\n';
    out << fmt::format("{:<32}{}\n", "all", figures(all, all));
    for (const Target target : {Target::replica, Target::primary}) {
        const Load load = sum([&](const Text& text) { return text.target == target; });
        out << fmt::format("{:<32}{}\n", name(target), figures(load, all));
    }
}

void RouteSummary::print_reasons(std::ostream& out, const Load& all) const {
    struct Line {
        Target target;
        Reason reason;
        Load load;
    };
    std::vector<Line> lines;
    for (const Target target : {Target::replica, Target::primary}) {
        for (std::size_t i = 0; i < sql::kReasonCount; ++i) {
            const auto reason = static_cast<Reason>(i);
            const Load load = sum([&](const Text& text) { return text.target == target && text.reason == reason; });
            if (load.texts > 0) lines.push_back({target, reason, load});
        }
    }
    std::ranges::stable_sort(lines, [&](const Line& a, const Line& b) { return heavier(a.load, b.load); });
    out << "\nby reason\n";
    for (const Line& line : lines) {
        out << fmt::format("  {:<22}{:<8}{}\n", sql::name(line.reason), name(line.target), figures(line.load, all));
    }
}

void RouteSummary::print_kept(std::ostream& out, std::size_t top) const {
    std::array<std::vector<const Entry*>, sql::kReasonCount> kept;
    for (const Entry& entry : texts_) {
        if (entry.second.looks_like_read) kept[static_cast<std::size_t>(entry.second.reason)].push_back(&entry);
    }
    out << "\nreads that stay on the primary\n";
    bool any = false;
    for (std::size_t i = 0; i < kept.size(); ++i) {
        if (kept[i].empty()) continue;
        any = true;
        std::ranges::sort(kept[i], [&](const Entry* a, const Entry* b) {
            if (heavier(a->second.load, b->second.load)) return true;
            return !heavier(b->second.load, a->second.load) && a->first < b->first;
        });
        out << "  " << sql::name(static_cast<Reason>(i)) << '\n';
        for (std::size_t n = 0; n < std::min(top, kept[i].size()); ++n) {
            const auto& [key, text] = *kept[i][n];
            out << fmt::format("    {:>10} calls", text.load.calls) << (timed_ ? fmt::format(" {:>10.1f} s", text.load.ms / 1000) : "")
                << "  " << session::printable(protocol::utf8_front(std::string_view(key).substr(2), kShown)) << '\n';
        }
        if (kept[i].size() > top) out << fmt::format("    … and {} texts more\n", kept[i].size() - top);
    }
    if (!any) out << "  none\n";
}

void RouteSummary::print(std::ostream& out, std::size_t top) const {
    const Load all = sum([](const Text&) { return true; });
    print_totals(out, all);
    print_reasons(out, all);
    print_kept(out, top);
    const Load begins = sum([](const Text& text) { return text.reason == Reason::transaction; });
    if (begins.calls > 0) {
        out << fmt::format("\nEach statement is judged by itself. Inside a transaction all go where its BEGIN goes: {} calls of BEGIN "
                           "are for the primary, and the reads behind them with it.\n",
                           begins.calls);
    }
    if (hidden_ > 0) out << fmt::format("\nNot judged: {} calls of statements whose text the export hides (pg_read_all_stats shows it).\n", hidden_);
}

}  // namespace pgweir::app
