// The ways in which a server can fail.
#pragma once

#include <cstdint>

namespace pgweir::cluster {

// How a probe failed. `missed`: no answer in time. `refused`: anything else, which needs no second proof.
enum class ProbeFailure : std::uint8_t { missed, refused };

// What a worker met. `lost`: a connection was refused, reset or late, or the server said 57P01-57P03. `overloaded`: it is
// there, and has no place for one more (53300).
enum class TrafficFailure : std::uint8_t { lost, overloaded };

}  // namespace pgweir::cluster
