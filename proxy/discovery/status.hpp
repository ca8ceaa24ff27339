// What the administration shows of a [[discovery]].
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace pgweir::discovery {

struct Status {
    std::string name, cluster;
    std::string type;          // as in the configuration
    bool answers = false;      // the last question was answered
    std::size_t members = 0;   // that it found last
    std::uint64_t failed = 0;  // questions without an answer
};

}  // namespace pgweir::discovery
