// What a reload cannot change.
#pragma once

#include "config/config.hpp"

namespace pgweir::config {

// `wanted`, but with `running`'s values of the options that only a restart changes: what is in force after a reload.
[[nodiscard]] Config keep_until_restart(Config wanted, const Config& running);

}  // namespace pgweir::config
