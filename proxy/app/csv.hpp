// Comma-separated values (RFC 4180): quotes around what holds commas, quotes or line ends.
#pragma once

#include <string>
#include <vector>

#include "proxy/app/input.hpp"

namespace pgweir::app {

class CsvReader {
  public:
    explicit CsvReader(Input& in) : in_(in) {}
    // The next record; false: there is no more. A quote without an end goes on through the input's.
    [[nodiscard]] bool next(std::vector<std::string>& fields);

  private:
    void add_line(std::vector<std::string>& fields);

    Input& in_;
    std::string line_;
    bool quoted_ = false;  // inside quotes, at the end of what was read
};

}  // namespace pgweir::app
