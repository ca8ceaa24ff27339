// An input that is read once, by lines or whole, and may be looked at before.
#pragma once

#include <istream>
#include <string>
#include <string_view>

namespace pgweir::app {

class Input {
  public:
    static constexpr std::size_t kChunk = std::size_t{64} << 10;

    explicit Input(std::istream& in) : in_(in) {}

    // What comes first, as far as one chunk goes. Before anything is read.
    [[nodiscard]] std::string_view peek();
    // The next line without its line feed; false: there is no more.
    [[nodiscard]] bool line(std::string& out);
    // All that is left.
    [[nodiscard]] std::string rest();
    [[nodiscard]] bool failed() const { return in_.bad(); }

  private:
    [[nodiscard]] bool fill();

    std::istream& in_;
    std::string chunk_;
    std::size_t at_ = 0;
};

}  // namespace pgweir::app
