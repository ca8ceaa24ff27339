// Statements out of a grammar (statements.grammar says how it is written), the same ones for the same seed.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/spelling.hpp"

namespace pgweir::oracle {

using test::Piece;
using test::Random;

// What may be in a statement.
enum class Wish {
    plain_read,  // only alternatives without a sign
    odd,         // ~, too
    one_danger,  // ~ and, mostly, one alternative with !
};

class Grammar {
  public:
    // Throws std::runtime_error for a file that cannot be read or a rule that does not exist.
    explicit Grammar(const std::string& file);

    // A statement of rule `start`. `fuel`: about how many rules are expanded before the shortest way to the end is taken.
    [[nodiscard]] std::vector<Piece> make(std::string_view start, Wish wish, std::size_t fuel, Random& random) const;

    // One statement for each alternative of a rule, with everything in it kept short.
    [[nodiscard]] std::vector<std::vector<Piece>> each_alternative(std::string_view rule, Random& random) const;

  private:
    struct Part {
        std::vector<Piece> pieces{};  // terminals; without any it is a rule
        std::size_t rule = 0;
        char repeat = ' ';  // ? perhaps, * one to three
    };
    struct Alternative {
        std::vector<Part> parts{};
        std::size_t weight = 1;
        char sign = ' ';  // ! or ~
        std::size_t height = 1000;
    };
    struct Rule {
        std::string name;
        std::vector<Alternative> alternatives{};
        bool defined = false;
        std::size_t height = 1000;  // of the shortest alternative without a sign
    };
    struct Work;

    [[nodiscard]] std::size_t rule_named(std::string_view name);
    [[nodiscard]] std::size_t rule_named(std::string_view name) const;
    void read_alternative(std::string_view line, Rule& rule);
    void measure();
    [[nodiscard]] std::size_t height_of(const Alternative& alternative) const;
    [[nodiscard]] const Alternative* choose(const Rule& rule, Work& work) const;
    void expand(std::size_t rule, Work& work) const;
    void expand(const Alternative& alternative, Work& work) const;
    void expand(const Part& part, Work& work) const;

    std::vector<Rule> rules_;
    std::map<std::string, std::size_t, std::less<>> names_;
};

}  // namespace pgweir::oracle
