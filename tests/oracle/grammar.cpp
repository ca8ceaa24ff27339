#include "grammar.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace pgweir::oracle {

struct Grammar::Work {
    Random& random;
    Wish wish;
    std::size_t fuel;
    std::size_t until_danger;  // this many chances are left out before one is taken; 0: it has been
    std::vector<Piece> out;
};

Grammar::Grammar(const std::string& file) {
    std::ifstream in(file);
    if (!in) throw std::runtime_error("cannot read " + file);
    std::size_t rule = 0;
    for (std::string line; std::getline(in, line);) {
        if (line.empty() || line.front() == '#') continue;
        if (line.front() != ' ') {
            rule = rule_named(line);
            rules_[rule].defined = true;
            continue;
        }
        Rule read;
        read_alternative(std::string_view(line).substr(4), read);
        auto& all = rules_[rule].alternatives;
        all.insert(all.end(), read.alternatives.begin(), read.alternatives.end());
    }
    for (const Rule& known : rules_) {
        if (!known.defined) throw std::runtime_error("no rule " + known.name);
    }
    measure();
}

std::size_t Grammar::rule_named(std::string_view name) {
    const auto [at, added] = names_.emplace(name, rules_.size());
    if (added) rules_.push_back({.name = std::string(name)});
    return at->second;
}

std::size_t Grammar::rule_named(std::string_view name) const {
    const auto at = names_.find(name);
    if (at == names_.end()) throw std::runtime_error("no rule " + std::string(name));
    return at->second;
}

void Grammar::read_alternative(std::string_view line, Rule& rule) {
    if (line.starts_with("words ")) {
        for (Piece& piece : test::pieces_of(line.substr(6))) rule.alternatives.push_back({.parts = {{.pieces = {piece}}}});
        return;
    }
    Alternative alternative;
    if (line.starts_with("! ") || line.starts_with("~ ")) {
        alternative.sign = line.front();
        line.remove_prefix(2);
    }
    if (const std::size_t star = line.find("* "); star != std::string_view::npos && star > 0 &&
                                                   line.substr(0, star).find_first_not_of("0123456789") == std::string_view::npos) {
        alternative.weight = std::stoul(std::string(line));
        line.remove_prefix(star + 2);
    }
    while (!line.empty()) {
        const std::size_t open = std::min(line.find('{'), line.size());
        if (open > 0) {
            alternative.parts.push_back({.pieces = test::pieces_of(line.substr(0, open))});
            if (alternative.parts.back().pieces.empty()) alternative.parts.pop_back();
            line.remove_prefix(open);
            continue;
        }
        const std::size_t close = line.find('}');
        std::string_view name = line.substr(1, close - 1);
        Part part;
        if (name.back() == '?' || name.back() == '*') {
            part.repeat = name.back();
            name.remove_suffix(1);
        }
        part.rule = rule_named(name);
        alternative.parts.push_back(part);
        line.remove_prefix(close + 1);
    }
    rule.alternatives.push_back(alternative);
}

std::size_t Grammar::height_of(const Alternative& alternative) const {
    std::size_t height = 0;
    for (const Part& part : alternative.parts) {
        if (part.pieces.empty() && part.repeat != '?') height = std::max(height, rules_[part.rule].height);
    }
    return height + 1;
}

void Grammar::measure() {
    for (bool changed = true; changed;) {
        changed = false;
        for (Rule& rule : rules_) {
            for (Alternative& alternative : rule.alternatives) {
                alternative.height = height_of(alternative);
                if (alternative.sign != ' ' || alternative.height >= rule.height) continue;
                rule.height = alternative.height;
                changed = true;
            }
        }
    }
}

// Null: everything in this rule is dangerous, and nothing dangerous is wanted.
const Grammar::Alternative* Grammar::choose(const Rule& rule, Work& work) const {
    const bool has_danger = std::any_of(rule.alternatives.begin(), rule.alternatives.end(),
                                        [](const Alternative& alternative) { return alternative.sign == '!'; });
    const bool danger = has_danger && work.until_danger > 0 && --work.until_danger == 0;
    std::vector<const Alternative*> open;
    std::size_t total = 0;
    for (const Alternative& alternative : rule.alternatives) {
        const bool wanted = danger ? alternative.sign == '!'
                                   : alternative.sign == ' ' || (alternative.sign == '~' && work.wish != Wish::plain_read);
        if (!wanted || (work.fuel == 0 && !danger && alternative.height > rule.height)) continue;
        open.push_back(&alternative);
        total += alternative.weight;
    }
    if (open.empty()) return nullptr;
    std::size_t at = test::below(work.random, total);
    for (const Alternative* alternative : open) {
        if (at < alternative->weight) return alternative;
        at -= alternative->weight;
    }
    return open.back();
}

void Grammar::expand(std::size_t rule, Work& work) const {
    const Alternative* const chosen = choose(rules_[rule], work);
    if (work.fuel > 0) --work.fuel;
    if (chosen != nullptr) expand(*chosen, work);
}

void Grammar::expand(const Alternative& alternative, Work& work) const {
    for (const Part& part : alternative.parts) expand(part, work);
}

void Grammar::expand(const Part& part, Work& work) const {
    if (!part.pieces.empty()) {
        work.out.insert(work.out.end(), part.pieces.begin(), part.pieces.end());
        return;
    }
    if (part.repeat == '?' && (work.fuel == 0 || test::chance(work.random, 60))) return;
    std::size_t count = part.repeat == '*' && work.fuel > 0 ? 1 + test::below(work.random, 3) : 1;
    expand(part.rule, work);
    while (--count > 0) {
        work.out.push_back({test::PieceKind::sign, ","});
        expand(part.rule, work);
    }
}

std::vector<Piece> Grammar::make(std::string_view start, Wish wish, std::size_t fuel, Random& random) const {
    Work work{random, wish, fuel, wish == Wish::one_danger ? 1 + test::below(random, 12) * test::below(random, 4) : 0, {}};
    expand(rule_named(start), work);
    return std::move(work.out);
}

std::vector<std::vector<Piece>> Grammar::each_alternative(std::string_view rule, Random& random) const {
    std::vector<std::vector<Piece>> all;
    for (const Alternative& alternative : rules_[rule_named(rule)].alternatives) {
        Work work{random, Wish::plain_read, 3, 0, {}};
        expand(alternative, work);
        all.push_back(std::move(work.out));
    }
    return all;
}

}  // namespace pgweir::oracle
