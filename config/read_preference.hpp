// Where reads are to run: MongoDB's names for it.
#pragma once

#include <cstdint>

namespace pgweir::config {

enum class ReadPreference : std::uint8_t {
    primary,
    primary_preferred,  // a replica while there is no primary
    replica,            // an error while there is none
    replica_preferred,  // the primary while there is none
    nearest,            // the server that answers fastest, the primary too
};

}  // namespace pgweir::config
