// What is wrong with a configuration: a list of all problems found, each with its place in the file.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace pgweir::config {

// A place in the file, both counted from 1; 0:0 means the file as a whole.
struct Position {
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    friend auto operator<=>(const Position&, const Position&) = default;
};

// One problem. `key` is "section.key", a section's name, or empty (a syntax error, a file that cannot be read).
// `message` says what is wrong; what is allowed; did you mean 'nearest'? It never holds a password.
struct Problem {
    std::string file;
    Position where;
    std::string key;
    std::string message;
};

// "file:line:column: key: message"; without the parts that are empty.
[[nodiscard]] std::string to_string(const Problem& problem);

// Thrown by the loader and by nothing else. what() holds every problem, one a line.
class ConfigError : public std::runtime_error {
  public:
    explicit ConfigError(std::vector<Problem> problems);
    // In the order of the file; never empty.
    [[nodiscard]] const std::vector<Problem>& problems() const noexcept { return problems_; }

  private:
    std::vector<Problem> problems_;
};

}  // namespace pgweir::config
