// Checks that look at more than one option.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "config/config.hpp"
#include "config/error.hpp"

namespace pgweir::config {

// Where in the file each thing was set.
class Origins {
  public:
    // `index` is the block's, 0 for a section that is not repeated. An empty key is the block itself.
    void note(std::string_view section, std::size_t index, std::string_view key, Position where);
    // The key's place, else its block's, else the beginning of the file.
    [[nodiscard]] Position find(std::string_view section, std::size_t index, std::string_view key) const;
    [[nodiscard]] bool has(std::string_view section, std::size_t index, std::string_view key) const;

  private:
    std::map<std::tuple<std::string, std::size_t, std::string>, Position> places_;
};

// Problems of the whole: servers, databases and users that are missing or named twice, clusters without a server, pools
// smaller than their minimum, passwords of a form that cannot work. `file` stands in the problems.
[[nodiscard]] std::vector<Problem> validate(const Config& config, const Origins& origins, const std::string& file);
// Whether the monitor has a login, for a configuration that has no other problem.
[[nodiscard]] std::vector<Problem> validate_monitor(const Config& config, const Origins& origins, const std::string& file);

}  // namespace pgweir::config
